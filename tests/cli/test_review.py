"""The command `review`, and what `predict` does with a review page and its marks."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from predict_run import run
from reviewed_run import write_radiographs, write_run
from typer.testing import CliRunner, Result

from monai_lungxfer.cli import app
from monai_lungxfer.inference.review.marks import ReviewMark, write_marks
from monai_lungxfer.inference.review.results import read_results
from monai_lungxfer.utils.file_stamp import sample_file


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["review", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three radiographs."""
    (tmp_path / "in").mkdir()
    for number in range(3):
        pixels = np.full((50, 60), 30, np.uint8)
        pixels[10:30, 5:20] = pixels[10:30, 30:50] = 220
        Image.fromarray(pixels).save(tmp_path / "in" / f"x{number}.png")
    return tmp_path / "in"


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    given = {"x0.png": "accept", "x2.png": "reject", "gone.png": "correct"}
    write_marks(tmp_path / "review.csv", [ReviewMark(name, mark) for name, mark in given.items()])
    return tmp_path / "review.csv"


def test_a_page_says_what_it_contains(tmp_path: Path) -> None:
    done = call(write_run(tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert "file names, and no pictures" in done.stdout
    assert "Not a medical device" in done.stdout
    assert "data:image" not in (tmp_path / "out" / "review.html").read_text()
    images = write_radiographs(tmp_path / "in")
    done = call(tmp_path / "out", "--with-images", "--images", images, "-o", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    assert "pictures of radiographs" in done.stdout
    assert "data:image" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("arguments", [("--with-images",), ("--images", "in")])
def test_pictures_are_put_in_only_when_both_options_say_so(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    refused = call(write_run(tmp_path), *arguments)
    assert refused.exit_code == 2
    assert "belong together" in refused.stderr
    assert not (tmp_path / "review.html").exists()


def test_a_folder_without_results(tmp_path: Path) -> None:
    refused = call(tmp_path)
    assert refused.exit_code == 2
    assert "output folder of lungxfer predict" in refused.stderr


def test_predict_writes_the_page_and_what_cleaning_changed(folder: Path, weights: Path, tmp_path: Path) -> None:
    pixels = np.full((50, 60), 30, np.uint8)
    pixels[10:30, 5:20] = pixels[10:30, 30:50] = pixels[44:46, 55:57] = 220  # an island, which is taken away
    Image.fromarray(pixels).save(folder / "x1.png")
    done = run(folder, "--out", tmp_path / "out", "--review", weights=weights)
    assert done.exit_code == 0, done.output
    assert "review.html" in done.stdout
    assert (tmp_path / "out" / "review.html").is_file()
    assert list(read_results(tmp_path / "out").raw_outlines) == ["x1.png"]
    again = run(folder, "--out", tmp_path / "out", "--review", "--resume", "--json", weights=weights)
    assert json.loads(again.stdout)["predictions"][0]["file"] == "x0.png"
    assert list(read_results(tmp_path / "out").raw_outlines) == ["x1.png"]


def test_marks_become_a_column(folder: Path, marks: Path, weights: Path, tmp_path: Path) -> None:
    done = run(folder, "--out", tmp_path / "out", "--marks", marks, weights=weights)
    assert done.exit_code == 0, done.output
    assert "not among the inputs: 1" in done.stderr
    assert "matched by file name alone: 2" in done.stderr
    with (tmp_path / "out" / "predictions.csv").open(encoding="utf-8") as file:
        assert [row["review"] for row in csv.DictReader(file)] == ["accept", "", "reject"]
    rows = json.loads((tmp_path / "out" / "predictions.json").read_text())["predictions"]
    assert [row["review"] for row in rows] == ["accept", None, "reject"]
    assert run(folder, "--out", tmp_path / "out", "--resume", weights=weights).exit_code == 0
    rows = json.loads((tmp_path / "out" / "predictions.json").read_text())["predictions"]
    assert {row["review"] for row in rows} == {None}  # the marks are those of the call


def test_only_what_is_marked_is_segmented(folder: Path, marks: Path, weights: Path, tmp_path: Path) -> None:
    how = ("--marks", marks, "--only-marked", "reject,correct")
    done = run(folder, "--out", tmp_path / "out", *how, weights=weights)
    assert done.exit_code == 0, done.output
    assert [path.name for path in (tmp_path / "out").glob("*_mask.png")] == ["x2_mask.png"]


def test_marks_of_other_radiographs_of_the_same_names_are_not_used(folder: Path, weights: Path, tmp_path: Path) -> None:
    given = [ReviewMark(f"x{n}.png", "reject", input_sample=sample_file(folder / f"x{n}.png") or "") for n in range(3)]
    write_marks(tmp_path / "review.csv", given)
    Image.fromarray(np.full((50, 60), 90, np.uint8)).save(folder / "x2.png")
    how = ("--marks", tmp_path / "review.csv", "--only-marked", "reject")
    done = run(folder, "--out", tmp_path / "out", *how, weights=weights)
    assert done.exit_code == 0, done.output
    assert "which are not used: 1" in done.stderr
    assert "by file name alone" not in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").glob("*_mask.png")) == ["x0_mask.png", "x1_mask.png"]
    for name in ("x0.png", "x1.png"):
        Image.fromarray(np.full((50, 60), 90, np.uint8)).save(folder / name)
    refused = run(folder, "--out", tmp_path / "again", *how, weights=weights)
    assert refused.exit_code == 2
    assert "other radiographs that have the same names" in refused.stderr
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--only-marked", "reject"), "--marks review.csv"),
        (("--marks", "review.csv", "--only-marked", "bad"), "'bad' is none of accept"),
        (("--marks", "review.csv", "--only-marked", "corrected"), "no such mark"),
        (("--marks", "missing.csv"), "no such file"),
        (("--marks", "others.csv"), "none of the marks is of an input"),
    ],
)
def test_wrong_marks_stop_the_run_before_it_begins(
    folder: Path, marks: Path, weights: Path, tmp_path: Path, monkeypatch, arguments: tuple[str, ...], message: str
) -> None:
    write_marks(tmp_path / "others.csv", [ReviewMark("other.png", "reject")])
    monkeypatch.chdir(tmp_path)
    refused = run(folder, *arguments, weights=weights)
    assert refused.exit_code == 2
    assert message in refused.stderr
    assert not (tmp_path / "predictions").exists()

"""The command `predict`, from the arguments to the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from dicom_radiograph import radiograph, write
from PIL import Image
from predict_run import run
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.inference.foreign_objects import FOREIGN_OBJECT
from monai_lungxfer.io.radiograph import read_mask


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve files: ten radiographs, an empty file, and a text that calls itself a picture."""
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for number in range(10):
        pixels = np.full((50, 60 + number), 30, np.uint8)
        pixels[10:30, 5:20] = 220
        Image.fromarray(pixels).save(tmp_path / "in" / "sub" / f"x{number}.png")
    (tmp_path / "in" / "empty.jpg").write_bytes(b"")
    (tmp_path / "in" / "text.png").write_text("no picture")
    return tmp_path / "in"


def test_all_done(folder: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(folder / "sub", "--out", out, "--batch-size", 3, "--overlay", weights=weights)
    assert result.exit_code == 0, result.output
    assert len(list(out.glob("*_mask.png"))) == len(list(out.glob("*_overlay.png"))) == 10
    mask = read_mask(out / "x7_mask.png")
    assert mask.shape == (50, 67)
    assert mask[12:28, 7:18].all()
    assert not mask[:, 25:].any()
    assert "Not a medical device" in result.stdout
    assert "segmented" in result.stdout


def test_short_options_and_threads(folder: Path, weights: Path, tmp_path: Path) -> None:
    first, second, third = (folder / "sub" / f"x{number}.png" for number in (3, 1, 2))
    before = torch.get_num_threads()
    result = run(second, "-i", first, third, "-o", tmp_path / "out", "--threads", 1, "--json", weights=weights)
    assert result.exit_code == 0, result.output
    assert [row["file"] for row in json.loads(result.stdout)["predictions"]] == ["x3.png", "x1.png", "x2.png"]
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)


def test_two_of_twelve_are_broken(folder: Path, weights: Path, tmp_path: Path) -> None:
    result = run(folder, "--out", tmp_path / "out", weights=weights)
    assert result.exit_code == 1
    assert len(list((tmp_path / "out").rglob("*_mask.png"))) == 10
    for name in ("empty.jpg", "text.png"):
        assert f"{name} was skipped" in result.stderr
    assert str(tmp_path) not in result.stderr


def test_nothing_could_be_read(folder: Path, weights: Path, tmp_path: Path) -> None:
    result = run(folder / "text.png", folder / "empty.jpg", "--out", tmp_path / "out", weights=weights)
    assert result.exit_code == 2
    assert not list((tmp_path / "out").rglob("*_mask.png"))


def test_json_is_all_of_standard_output(folder: Path, weights: Path, tmp_path: Path) -> None:
    result = run(folder, "--out", tmp_path / "out", "--json", "--format", "nifti", weights=weights)
    document = json.loads(result.stdout)
    assert document == json.loads((tmp_path / "out" / "predictions.json").read_text(encoding="utf-8"))
    assert [row["status"] for row in document["predictions"]].count("done") == 10
    assert document["predictions"][2]["mask"] == "sub/x0_mask.nii.gz"
    assert document["model"]["overrides"][-1] == "precision=float32"


def test_results_are_not_replaced_unless_allowed(folder: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(folder / "sub", "--out", out, weights=weights).exit_code == 0
    (out / "x0_mask.png").write_bytes(b"corrected by hand")
    refused = run(folder / "sub", "--out", out, weights=weights)
    assert refused.exit_code == 2
    assert "--overwrite" in refused.stderr
    assert (out / "x0_mask.png").read_bytes() == b"corrected by hand"
    assert run(folder / "sub", "--out", out, "--overwrite", weights=weights).exit_code == 0
    assert read_mask(out / "x0_mask.png").shape == (50, 60)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.png"], "does not exist"),
        (["in", "--bundle", "no_such_bundle"], "no such stage, bundle or folder"),
        (["in", "--set", "treshold=0.4"], "no 'treshold' to override"),
        (["in", "--set", "threshold"], "ID=VALUE"),
        (["in", "--format", "bmp"], "bmp"),
        (["in", "--batch-size", "0"], "--batch-size"),
        ([], "give either files or folders (INPUT), or a study"),
        (["in", "--from-dicomweb", "http://127.0.0.1:1/dicom-web", "--study", "1.2"], "give either files or folders"),
        (["--from-dicomweb", "http://127.0.0.1:1/dicom-web"], "belong together"),
        (["in", "--to-dicomweb", "http://127.0.0.1:1/dicom-web"], "for --to-dicomweb"),
        (["in", "--overwrite", "--resume"], "--overwrite and --resume exclude each other"),
        (["in", "--sides"], "Add --format dicom-seg"),
    ],
)
def test_wrong_usage(
    folder: Path, weights: Path, tmp_path: Path, monkeypatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments, weights=weights)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "predictions").exists()


def test_missing_weights(folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["predict", str(folder), "--weights", str(tmp_path / "no.pt")])
    assert result.exit_code == 2
    assert "no.pt" in result.stderr


def test_resume_does_what_is_left(folder: Path, weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(folder / "sub", "--out", out, weights=weights).exit_code == 0
    (out / "x3_mask.png").rename(out / ".lungxfer-a1b2c3d4.png")  # as if it had been killed while it wrote
    before = (out / "x4_mask.png").stat().st_mtime_ns
    assert run(folder / "sub", "--out", out, "--resume", weights=weights).exit_code == 0
    assert read_mask(out / "x3_mask.png").shape == (50, 63)
    assert not list(out.glob(".*"))
    assert (out / "x4_mask.png").stat().st_mtime_ns == before
    refused = run(folder / "sub", "--out", out, "--resume", "--set", "threshold=0.4", weights=weights)
    assert refused.exit_code == 2
    assert "another model" in refused.stderr


def test_a_lateral_view_is_left_out_unless_any_view_is_wanted(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "frontal.dcm", radiograph("CR", ViewPosition="AP"))
    write(tmp_path / "in" / "lateral.dcm", radiograph("DX", bits=10, ViewPosition="LL"))
    result = run(tmp_path / "in", "--out", tmp_path / "out", "--json", weights=weights)
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["predictions"]
    assert [row["status"] for row in rows] == ["done", "left out"]
    assert run(tmp_path / "in" / "lateral.dcm", "--out", tmp_path / "none", weights=weights).exit_code == 2
    both = run(tmp_path / "in", "--out", tmp_path / "both", "--any-view", weights=weights)
    assert both.exit_code == 0
    assert (tmp_path / "both" / "lateral_mask.png").is_file()


def test_strict_and_polarity(weights: Path, shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with Image.open(min((shared_data / "native" / "images").iterdir())) as image:
        pixels = np.asarray(image.convert("L"))
    for name, shown in (("plain", pixels), ("inverted", 255 - pixels), ("turned", pixels[::-1])):
        Image.fromarray(shown).save(tmp_path / "in" / f"{name}.png")
    result = run(tmp_path / "in", "--out", tmp_path / "out", "--strict", weights=weights)
    assert result.exit_code == 1
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["inverted_mask.png", "plain_mask.png"]
    assert "with remarks" in result.stdout
    inverted, plain, turned = json.loads((tmp_path / "out" / "predictions.json").read_text())["predictions"]
    assert "its grey scale was turned round" in inverted["remarks"][0]
    assert not {*plain["remarks"]} - {FOREIGN_OBJECT}
    assert (turned["status"], "(turned)" in turned["reason"]) == ("skipped", True)
    kept = run(tmp_path / "in" / "inverted.png", "-o", tmp_path / "b", "--no-fix-polarity", "--json", weights=weights)
    document = json.loads(kept.stdout)
    assert not {*document["predictions"][0]["remarks"]} - {FOREIGN_OBJECT}
    assert "inverted_grey" in document["predictions"][0]["flags"]
    assert "fix_polarity=False" in document["model"]["overrides"]


def test_resume_knows_a_fetched_image_by_its_uid(weights: Path, tmp_path: Path, monkeypatch) -> None:
    def fetched(url: str, study: str, folder: str, **_: object) -> list[Path]:
        write(Path(folder, "1.2.3.dcm"), radiograph("CR", ViewPosition="AP"))
        return [Path(folder, "1.2.3.dcm")]

    monkeypatch.setattr("monai_lungxfer.inference.dicom.dicomweb.fetch_study", fetched)
    job = ("--from-dicomweb", "http://127.0.0.1:1/dicom-web", "--study", "1.2", "--out", tmp_path / "out")
    assert run(*job, weights=weights).exit_code == 0
    before = (tmp_path / "out" / "1.2.3_mask.png").stat().st_mtime_ns
    assert run(*job, "--resume", weights=weights).exit_code == 0
    assert (tmp_path / "out" / "1.2.3_mask.png").stat().st_mtime_ns == before


def test_a_dicom_file_cut_within_its_header_is_skipped(weights: Path, tmp_path: Path) -> None:
    whole = write(tmp_path / "in.dcm", radiograph("DX", BodyPartExamined="CHEST", ViewPosition="PA")).read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "whole").write_bytes(whole)
    (tmp_path / "in" / "cut").write_bytes(whole[:500])
    result = run(tmp_path / "in", "--out", tmp_path / "out", "--json", weights=weights)
    assert result.exit_code == 1
    rows = json.loads(result.stdout)["predictions"]
    assert {row["file"]: row["status"] for row in rows} == {"cut": "skipped", "whole": "done"}

"""`lungxfer select` as it is typed, with a tiny network."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from related_weights import write_related_weights
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.csv_tables import read_rows


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights, and a folder of eight phantoms: one also as JPEG, and one file that cannot be read."""
    folder = tmp_path_factory.mktemp("select")
    write_related_weights(folder)
    write_phantoms(folder / "data", donor=0, general=0, portable=8, size=96)
    (folder / "ward").mkdir()
    for number, path in enumerate(sorted((folder / "data" / "portable" / "images").iterdir())):
        shutil.copyfile(path, folder / "ward" / f"Secret^{number}{path.suffix}")
        if number == 0:
            Image.fromarray(np.asarray(Image.open(path).convert("L"))).save(
                folder / "ward" / "Secret^9.jpg", quality=80
            )
    (folder / "ward" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def invoke(place: Path, out: Path, *arguments: object, source: Path | None = None) -> tuple[int, str]:
    words = ["select", source or place / "ward", "-o", out, "--weights", place / "before.pt", "--device", "cpu"]
    result = CliRunner().invoke(app, [str(word) for word in (*words, *arguments)])
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def written(place: Path) -> Path:
    code, text = invoke(place, place / "out", "--count", 5)
    assert code == 1, text
    assert "Skipped: broken.png: " in text
    assert "Selected: 5 of 9 radiographs (0 have a label, 1 are near-duplicates)" in text
    assert "Not a medical device" in text
    return place / "out"


def test_the_table_tells_rank_reason_distance_and_uncertainty(written: Path) -> None:
    rows = read_rows(written / "selected.csv")
    assert [row["rank"] for row in rows] == list("12345")
    assert Counter(row["reason"] for row in rows) == {"typical": 1, "diverse": 2, "uncertain": 2}
    assert rows[0]["distance"] == ""
    assert all(float(row["distance"]) > 0 for row in rows[1:])
    assert all(0 <= float(row["uncertainty"]) <= 1 for row in rows)
    assert len({row["file"] for row in rows}) == 5


def test_the_jpeg_is_reported_as_a_near_duplicate_and_not_selected(written: Path) -> None:
    (pair,) = read_rows(written / "near_duplicates.csv")
    assert (pair["kept"], pair["left_out"]) == ("Secret^0.png", "Secret^9.jpg")
    assert float(pair["distance"]) < 0.35
    assert "Secret^9.jpg" not in [row["file"] for row in read_rows(written / "selected.csv")]


def test_annotators_get_the_same_images_under_other_names(place: Path, written: Path) -> None:
    rows = read_rows(written / "selected.csv")
    assert sorted(path.name for path in (written / "studies").iterdir()) == [row["image"] for row in rows]
    assert [row["image"].rpartition(".")[0] for row in rows] == [f"case-{rank:04d}" for rank in range(1, 6)]
    for row in rows:
        assert (written / "studies" / row["image"]).read_bytes() == (place / "ward" / row["file"]).read_bytes()


def test_the_page_shows_the_pictures_and_no_old_name(written: Path) -> None:
    html = (written / "selected.html").read_text(encoding="utf-8")
    assert html.count("data:image/webp;base64,") == 5
    assert "case-0005." in html
    assert "Secret" not in html
    assert "Secret" not in (written / "predictions" / "predictions.csv").read_text()


def test_resume_looks_at_no_image_again(place: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = place / "again"
    shutil.copytree(written, again)
    looked: list[str] = []
    load = Segmenter.load
    monkeypatch.setattr(Segmenter, "load", lambda *args, **given: looked.append(given["name"]) or load(*args, **given))
    code, text = invoke(place, again, "--count", 6, "--resume", "--uncertain", 0)
    assert code == 1, text
    stems = {name.rpartition(".")[0] for name in looked}
    assert stems == {"broken", *(f"case-{rank:04d}" for rank in range(1, 7))}
    rows = read_rows(again / "selected.csv")
    assert [row["reason"] for row in rows] == ["typical"] + ["diverse"] * 5
    assert len(list((again / "studies").iterdir())) == len(list((again / "predictions").glob("*_mask.png"))) == 6


def test_nothing_is_replaced_unasked_and_drawn_masks_never(place: Path, written: Path) -> None:
    code, text = invoke(place, written)
    assert code == 2
    assert "a selection is there already" in text
    drawn = place / "drawn"
    shutil.copytree(written, drawn)
    (drawn / "studies" / "labels" / "final").mkdir(parents=True)
    code, text = invoke(place, drawn, "--overwrite")
    assert code == 2
    assert "maybe masks that people have drawn" in text
    assert (drawn / "selected.csv").is_file()


def test_a_datalist_in_which_all_have_labels_leaves_nothing(place: Path, tmp_path: Path) -> None:
    code, text = invoke(place, tmp_path / "out", source=place / "data" / "portable")
    assert code == 2
    assert "no radiograph without a label is left" in text


def test_overwrite_and_resume_exclude_each_other(place: Path, tmp_path: Path) -> None:
    code, text = invoke(place, tmp_path / "out", "--overwrite", "--resume")
    assert code == 2
    assert "exclude each other" in text

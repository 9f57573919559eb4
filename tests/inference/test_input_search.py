"""A CD with a viewer is searched by its DICOMDIR, and formats that are not read are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3", reason="the DICOMDIR is written by pydicom 3")

from dicom_radiograph import radiograph, write
from pydicom.fileset import FileSet
from radiograph_folder import save_radiograph

from monai_lungxfer.inference.input_search import search
from monai_lungxfer.inference.inputs import find_inputs

LISTED = ["PT000000/ST000000/SE000000/IM000000", "PT000000/ST000000/SE000001/IM000000"]
UNLISTED = "is not listed in the DICOMDIR that lies with it"


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    files, root = FileSet(), tmp_path / "cd"
    for number in range(2):
        files.add(radiograph("DX", SOPInstanceUID=f"2.25.{number + 1}", SeriesInstanceUID=f"2.25.1{number}"))
    files.write(root)
    for name in ("VIEWER/splash.jpg", "VIEWER/icon.png", "preview.jpg", "out/IM000000_mask.png"):
        save_radiograph(root / name)
    (root / "AUTORUN.INF").write_text("[autorun]")
    return root


def found(folder: Path) -> dict[str, str | None]:
    return {item.name: item.left_out for item in find_inputs([folder])}


def test_only_what_the_directory_lists_is_taken(disc: Path) -> None:
    for given in (disc, disc / "DICOMDIR"):
        assert found(given) == dict.fromkeys(LISTED)
    counts = search(disc)
    assert (counts.unlisted, counts.results, counts.others) == (3, 1, 0)
    assert list(found(disc.parent)) == [f"cd/{name}" for name in LISTED]


def test_dicom_files_beside_it_are_told(disc: Path) -> None:
    write(disc / "later", radiograph("CR"))
    assert found(disc) == dict.fromkeys(LISTED) | {"later": UNLISTED}


def test_missing_files_are_listed_to_be_reported(disc: Path) -> None:
    (disc / LISTED[1]).unlink()
    assert found(disc) == dict.fromkeys(LISTED)


def test_a_directory_of_other_files_is_not_followed(disc: Path) -> None:
    for number, name in enumerate(LISTED):
        (disc / name).rename(disc / f"{number}.dcm")
    assert found(disc) == dict.fromkeys(["0.dcm", "1.dcm", "VIEWER/icon.png", "VIEWER/splash.jpg", "preview.jpg"])


def test_formats_that_are_not_read_are_named(tmp_path: Path) -> None:
    save_radiograph(tmp_path / "a.png")
    np.save(tmp_path / "b.npy", np.zeros((4, 4)))
    np.save(tmp_path / "b_mask.npy", np.zeros((4, 4)))
    (tmp_path / "c").write_bytes(b"\xff\x0a" + b"\0" * 40)
    (tmp_path / "README").write_text("Radiographs")
    assert found(tmp_path) == {
        "a.png": None,
        "b.npy": "is in NumPy format, which is not read",
        "c": "is in JPEG XL format, which is not read",
    }
    assert (search(tmp_path).results, search(tmp_path).others) == (1, 1)


def test_results_are_known_in_capitals(tmp_path: Path) -> None:
    for name in ("A.PNG", "A_MASK.PNG"):
        save_radiograph(tmp_path / name)
    assert found(tmp_path) == {"A.PNG": None}


def test_a_file_cut_within_its_preamble_is_tried(tmp_path: Path) -> None:
    files = {"whole": b"\0" * 128 + b"DICM" + b"\2", "cut": b"\0" * 90, "mark": b"\0" * 128 + b"DI"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "text").write_text("no image")
    (tmp_path / "done").write_bytes(b"")
    assert found(tmp_path) == dict.fromkeys(["cut", "mark", "whole"])

"""Results that lie with the radiographs are never segmented again, under whatever name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from bright_segmenter import bright_segmenter
from dicom_radiograph import as_dicom, lung_mask, write

from monai_lungxfer.inference.batch import predict_files
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.outputs import OutputOptions
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.utils.errors import LungXferError

pytest.importorskip("highdicom", reason="the extra dicom is not installed")

ALL = OutputOptions("dicom-seg", overlay=True, sides=True, report=True, presentation=True)
ENDINGS = ("mask", "overlay", "report", "presentation")


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory: pytest.TempPathFactory) -> Segmenter:
    return bright_segmenter(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def study(tmp_path: Path, segmenter: Segmenter) -> Path:
    """A folder with a radiograph and all of its results."""
    folder = tmp_path / "study"
    folder.mkdir()
    pixels = np.where(lung_mask() > 0, 220, 30).astype(np.uint8)
    write(folder / "x.dcm", as_dicom(pixels, "MONOCHROME2"))
    (row,) = predict_files(segmenter, find_inputs([folder]), folder, ALL)
    assert row.results == [f"x_{ending}.dcm" for ending in ENDINGS]
    assert all((folder / name).is_file() for name in row.results)
    return folder


def test_again_in_the_same_folder(study: Path, segmenter: Segmenter) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in study.glob("*.dcm")}
    (row,) = predict_files(segmenter, find_inputs([study], any_view=True), study, ALL, resume=True)
    assert (row.file, row.status) == ("x.dcm", "done")
    assert {path.name: path.stat().st_mtime_ns for path in study.glob("*.dcm")} == before
    (row,) = predict_files(segmenter, find_inputs([study], any_view=True), study, ALL, overwrite=True)
    assert (row.file, row.status) == ("x.dcm", "done")


def test_resume_makes_a_missing_report_again(study: Path, segmenter: Segmenter) -> None:
    uid = pydicom.dcmread(study / "x_report.dcm").SOPInstanceUID
    (study / "x_report.dcm").unlink()
    predict_files(segmenter, find_inputs([study]), study, ALL, resume=True)
    assert pydicom.dcmread(study / "x_report.dcm").SOPInstanceUID == uid


def test_under_the_names_of_an_archive(study: Path, segmenter: Segmenter, tmp_path: Path) -> None:
    """An archive names files by numbers, and may put its own words for the maker's and the series' names."""
    for number, ending in enumerate(ENDINGS):
        result = pydicom.dcmread(study / f"x_{ending}.dcm")
        result.Manufacturer = result.ManufacturerModelName = "ARCHIVE"
        result.SeriesDescription = "Series"
        (study / f"x_{ending}.dcm").unlink()
        result.save_as(study / f"{number}")
    rows = predict_files(segmenter, find_inputs([study], any_view=True), tmp_path / "out", ALL)
    assert {row.file: row.status for row in rows} == dict.fromkeys("0123", "left out") | {"x.dcm": "done"}
    assert rows[1].reason == "is a result of monai_lungxfer, not a radiograph"
    assert sorted(path.name for path in (tmp_path / "out").glob("*.dcm")) == sorted(
        f"x_{ending}.dcm" for ending in ENDINGS
    )


def test_an_image_that_is_named_like_a_presentation_state_is_segmented(segmenter: Segmenter, tmp_path: Path) -> None:
    pixels = np.where(lung_mask() > 0, 220, 30).astype(np.uint8)
    write(tmp_path / "x_presentation.dcm", as_dicom(pixels, "MONOCHROME2"))
    (row,) = predict_files(segmenter, find_inputs([tmp_path]), tmp_path / "out", ALL)
    assert (row.status, row.report) == ("done", "x_presentation_report.dcm")


@pytest.mark.parametrize("kind", ["report", "presentation"])
def test_reports_want_dicom_seg(kind: str) -> None:
    with pytest.raises(LungXferError, match="--format dicom-seg"):
        OutputOptions("png", **{kind: True})

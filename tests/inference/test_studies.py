"""A study folder: what is picked, what is left out and why, and how the results are named."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("pydicom", minversion="3", reason="the files are written by pydicom 3")

import pydicom
from dicom_writing import write
from pydicom.uid import MediaStorageDirectoryStorage

from monai_lungxfer.inference.inputs import find_inputs, output_stems
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError, ViewError

VALUES = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)


def write_without_pixels(path: Path, modality: str, **meta: str) -> None:
    """Write a report or, with its SOP class, a DICOMDIR that lists nothing."""
    dataset = pydicom.dcmread(write(path, VALUES, Modality=modality))
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated"):
        del dataset[keyword]
    for keyword, value in meta.items():
        setattr(dataset.file_meta, keyword, value)
        dataset.DirectoryRecordSequence = []
    dataset.save_as(path)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    root = tmp_path / "STUDY"
    for folder in ("SER1", "SER2", "SER3"):
        (root / folder).mkdir(parents=True)
    write(root / "SER1" / "IM000001", VALUES)
    write(root / "SER1" / "IM000002", VALUES, ViewPosition="LL")
    write(root / "SER2" / "bedside.dcm", VALUES, Modality="CR", ViewPosition="AP")
    write(root / "SER2" / "1.2.840.1", VALUES, Modality="CR", ViewPosition="")
    write(root / "SER3" / "IM000001", VALUES, Modality="CT", ViewPosition="")
    write_without_pixels(root / "SER3" / "report", "SR")
    write_without_pixels(root / "DICOMDIR", "", MediaStorageSOPClassUID=MediaStorageDirectoryStorage)
    write_without_pixels(root / "INDEX2", "", MediaStorageSOPClassUID=MediaStorageDirectoryStorage)
    (root / "README").write_text("Burnt by the radiology department")
    (root / "autorun.inf").write_bytes(b"")
    with (root / "SER3" / "photo").open("wb") as file:
        Image.fromarray((VALUES % 251).astype(np.uint8)).save(file, "PNG")
    return root


EXPECTED = {
    "SER1/IM000001": None,
    "SER1/IM000002": "its view is not frontal (lateral)",
    "SER2/1.2.840.1": None,
    "SER2/bedside.dcm": None,
    "SER3/IM000001": "is no radiograph (Modality CT)",
    "SER3/photo": None,
    "SER3/report": "holds no image (Modality SR)",
}


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def left_out(given: Path | str, *, any_view: bool = False) -> dict[str, str | None]:
    """Read as prediction does, and return why a file is left out; what holds no pixels at all cannot be read."""
    found: dict[str, str | None] = {}
    for item in find_inputs([given], any_view=any_view):
        found[item.name] = None
        try:
            read_radiograph(item.path, name=item.name, any_view=item.any_view)
        except ViewError as error:
            found[item.name] = error.problem
        except InputFileError:
            continue
    return found


def test_study_folder(study: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert [item.name for item in find_inputs([study])] == list(EXPECTED)
    assert left_out(study) == EXPECTED
    (warning,) = warnings_in(caplog)  # once, and of the right file
    assert "1.2.840.1" in warning
    assert "does not say the view" in warning


def test_results_keep_the_structure_of_the_study(study: Path) -> None:
    kept = [item for item in find_inputs([study]) if EXPECTED[item.name] is None]
    assert output_stems(kept) == ["SER1/IM000001", "SER2/1.2.840.1", "SER2/bedside", "SER3/photo"]


def test_directory_stands_for_its_folder(study: Path) -> None:
    assert find_inputs([study / "DICOMDIR"]) == find_inputs([study]) == find_inputs([study / "INDEX2"])


def test_any_view_takes_all(study: Path, caplog: pytest.LogCaptureFixture) -> None:
    taken = left_out(study, any_view=True)
    assert list(taken) == list(EXPECTED)
    assert set(taken.values()) == {None}
    assert not warnings_in(caplog)


def test_a_lateral_view_is_left_out_however_it_is_named(study: Path) -> None:
    for given in (study / "SER1" / "IM000002", f"{study}/SER1/*2"):
        assert list(left_out(given).values()) == ["its view is not frontal (lateral)"]


def test_folder_of_a_directory_alone(study: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (study / "DICOMDIR").rename(tmp_path / "empty" / "DICOMDIR")
    with pytest.raises(InputFileError, match="holds no image"):
        find_inputs([tmp_path / "empty" / "DICOMDIR"])

"""A file that is replaced while it is worked on: no patient gets the mask of another one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from bright_segmenter import bright_segmenter
from dicom_radiograph import radiograph
from PIL import Image
from radiograph_folder import files_in

from monai_lungxfer.inference import outputs, segmentation
from monai_lungxfer.inference import segmenter as core
from monai_lungxfer.inference.batch import predict_files
from monai_lungxfer.inference.dicom import results
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.outputs import OutputOptions
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io import formats
from monai_lungxfer.io.radiograph import read_mask
from monai_lungxfer.utils.errors import InputFileError

MOMENTS = {
    "format known": (formats, "detect_format"),
    "read": (core, "read_radiograph"),
    "prepared": (core, "measure_traits"),
    "loaded": (Segmenter, "load"),
    "inferred": (Segmenter, "infer"),
    "resampled": (Segmenter, "finish"),
    "measured": (segmentation, "measure"),
    "mask written": (segmentation, "save_mask"),
    "drawn": (outputs, "draw_overlay"),
    "overlay written": (outputs, "save_picture"),
}
DICOM_MOMENTS = {name: MOMENTS[name] for name in ("format known", "read", "loaded", "inferred", "measured")} | {
    "results made": (results, "dicom_results"),
    "results written": (outputs.PlannedResult, "_write_dicom"),
}


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory) -> Segmenter:
    return bright_segmenter(tmp_path_factory.mktemp("weights"))


def save_square(path: Path, left: int) -> None:
    """Write a picture whose file has the same size, wherever its bright square lies, and an old time."""
    pixels = np.full((64, 96), 30, np.uint8)
    pixels[20:50, left : left + 30] = 220
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path.with_suffix(".tif"))
    path.with_suffix(".tif").rename(path)
    os.utime(path, ns=(0, 10**18))


def after(work: Callable, change: Callable[[], object]) -> Callable:
    """Do what is done, and at the first time the change behind it."""
    left = [change]

    def run(*arguments: Any, **options: Any) -> Any:
        found = work(*arguments, **options)
        if left:
            left.pop()()
        return found

    return run


def swap(folder: Path, monkeypatch: pytest.MonkeyPatch, moment: tuple[Any, str], how: Callable) -> None:
    module, name = moment
    change = after(getattr(module, name), lambda: how(folder / "other", folder / "in" / "x"))
    monkeypatch.setattr(module, name, change)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_radiograph_that_is_replaced_at_any_moment_gets_no_mask_of_another(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    save_square(tmp_path / "in" / "x", 5)
    save_square(tmp_path / "other", 60)
    assert (tmp_path / "other").stat().st_size == (tmp_path / "in" / "x").stat().st_size
    found = find_inputs([tmp_path / "in"])
    swap(tmp_path, monkeypatch, MOMENTS[moment], os.replace)
    (row,) = predict_files(segmenter, found, tmp_path / "out", OutputOptions(overlay=True))
    assert row.status == "skipped"
    assert row.reason.startswith("was changed or replaced by another file while it was being segmented")
    assert files_in(tmp_path / "out") == ["predictions.csv", "predictions.json", "predictions.jsonl"]
    (row,) = predict_files(segmenter, found, tmp_path / "out", OutputOptions(overlay=True), resume=True)
    assert read_mask(tmp_path / "out" / row.mask)[25:45, 62:88].all()


def test_a_file_that_is_written_over_or_has_gone(segmenter: Segmenter, tmp_path: Path, monkeypatch) -> None:
    save_square(tmp_path / "in" / "x", 5)
    save_square(tmp_path / "other", 60)
    found = find_inputs([tmp_path / "in"])
    with monkeypatch.context() as patch:
        swap(tmp_path, patch, MOMENTS["inferred"], shutil.copyfile)
        (row,) = predict_files(segmenter, found, tmp_path / "out")
    assert row.status == "skipped"
    with monkeypatch.context() as patch:
        swap(tmp_path, patch, MOMENTS["inferred"], lambda other, file: file.unlink())
        (row,) = predict_files(segmenter, found, tmp_path / "out", resume=True)
    assert row.status == "done"  # its mask is that of the file that had the name


@pytest.mark.parametrize("moment", DICOM_MOMENTS)
@pytest.mark.parametrize("uid", ["1.2.3", None], ids=["identified", "by its pixels"])
def test_a_dicom_file_that_is_replaced_gets_no_segmentation_of_another_patient(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, uid: str | None
) -> None:
    pytest.importorskip("highdicom")
    for name, patient in (("in/x", "A"), ("other", "B")):
        image = radiograph(SOPInstanceUID=uid, PatientID=patient)
        if uid is None:
            del image.file_meta.MediaStorageSOPInstanceUID
        (tmp_path / "in").mkdir(exist_ok=True)
        image.save_as(tmp_path / name, enforce_file_format=False)
        os.utime(tmp_path / name, ns=(0, 10**18))
    found = find_inputs([tmp_path / "in"])
    swap(tmp_path, monkeypatch, DICOM_MOMENTS[moment], os.replace)
    how = OutputOptions("dicom-seg", overlay=True)
    (row,) = predict_files(segmenter, found, tmp_path / "out", how)
    assert row.status == "skipped"
    assert files_in(tmp_path / "out") == ["predictions.csv", "predictions.json", "predictions.jsonl"]
    (row,) = predict_files(segmenter, found, tmp_path / "out", how, resume=True)
    for name in (row.mask, row.overlay):
        assert pydicom.dcmread(tmp_path / "out" / name).PatientID == "B"


def test_an_image_without_a_uid_is_read_once(segmenter: Segmenter, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    image = radiograph(SOPInstanceUID=None)
    del image.file_meta.MediaStorageSOPInstanceUID
    image.save_as(tmp_path / "x.dcm", enforce_file_format=False)
    prepared = segmenter.load(tmp_path / "x.dcm")
    (tmp_path / "x.dcm").unlink()
    assert prepared.dicom_source().SOPInstanceUID.startswith("2.25.")


def test_python_is_told_too(segmenter: Segmenter, tmp_path: Path) -> None:
    save_square(tmp_path / "x", 5)
    save_square(tmp_path / "other", 60)
    found = segmenter.segment_file(tmp_path / "x")
    found.save(tmp_path / "kept.png")
    (tmp_path / "other").replace(tmp_path / "x")
    with pytest.raises(InputFileError, match="replaced by another file"):
        found.save(tmp_path / "mask.png")
    assert not (tmp_path / "mask.png").exists()

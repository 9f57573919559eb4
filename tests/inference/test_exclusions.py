"""Results of software, ours and others', are no inputs; copies of a radiograph are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_radiograph import SHAPE, lung_mask, radiograph, save_dicom_seg, write

from monai_lungxfer.inference.dicom.source import read_source, save_dicom
from monai_lungxfer.inference.exclusions import RAW_TWIN, find_exclusions
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.segmentation import ModelIdentity

MODEL = ModelIdentity("portable_cxr_lung_segmentation", "0.1.0", "ab" * 32)


def test_our_segmentations_and_overlays_are_known_under_any_name(tmp_path: Path) -> None:
    pytest.importorskip("highdicom", reason="the extra dicom is not installed")
    from monai_lungxfer.inference.dicom.secondary_capture import secondary_capture_overlay

    original = write(tmp_path / "a.dcm", radiograph("DX"))
    save_dicom_seg(tmp_path / "b.dcm", original, lung_mask(), MODEL)
    grey = np.zeros(SHAPE, np.uint8)
    save_dicom(tmp_path / "c", secondary_capture_overlay(read_source(original), grey, lung_mask(), MODEL))
    found = {item.name: item.left_out for item in find_inputs([tmp_path], any_view=True)}
    assert found == {
        "a.dcm": None,
        "b.dcm": "is a segmentation or map, not a radiograph",
        "c": "is a result of monai_lungxfer, not a radiograph",
    }


def test_real_radiographs_are_no_results(shared_data: Path) -> None:
    files = sorted((shared_data / "dicom").glob("*.dcm"))
    assert len(files) == 8
    assert find_exclusions(files) == {}


def test_a_raw_twin_is_told_and_a_damaged_file_is_left_to_the_reader(tmp_path: Path) -> None:
    shown = write(tmp_path / "a.dcm", radiograph("DX", SOPInstanceUID="2.25.1", AcquisitionTime="101010"))
    raw = {"PresentationIntentType": "FOR PROCESSING", "AcquisitionTime": "101010"}
    twin = write(tmp_path / "b.dcm", radiograph("DX", SOPInstanceUID="2.25.2", **raw))
    cut = tmp_path / "c.dcm"
    cut.write_bytes(shown.read_bytes()[:300])
    assert find_exclusions([shown, twin, cut, tmp_path / "gone.dcm"]) == {twin: RAW_TWIN}
    assert find_exclusions([twin, cut]) == {}

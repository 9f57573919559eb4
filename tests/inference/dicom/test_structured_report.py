"""A report has the numbers of predictions.csv, names its model and sources, and is read by dcmtk and highdicom."""

from __future__ import annotations

import csv
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from bright_segmenter import bright_segmenter
from dicom_radiograph import SHAPE, as_dicom, lung_mask, radiograph, write
from segmented_radiograph import MODEL, segmented

from monai_lungxfer.inference.batch import predict_files
from monai_lungxfer.inference.dicom.results import dicom_results
from monai_lungxfer.inference.dicom.source import save_dicom
from monai_lungxfer.inference.dicom.structured_report import NO_FLAG
from monai_lungxfer.inference.expected_dice import DiceEstimate
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.outputs import OutputOptions
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.inference.quality import FLAGS

highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed")

COLUMNS = {"Both lungs": "lung", "Right lung": "right_lung", "Left lung": "left_lung"}


def groups_by_site(path: Path) -> dict[str, object]:
    content = highdicom.sr.srread(path).content
    groups = [*content.get_planar_roi_measurement_groups(), *content.get_image_measurement_groups()]
    return {group.finding_sites[0].value.meaning: group for group in groups}


def numbers(group: object) -> dict[str, tuple[float, str]]:
    """Return value and unit of each measurement by its name."""
    return {one.name.meaning: (float(one.value), one.unit.value) for one in group.get_measurements()}


def texts(path: Path) -> list[str]:
    return [str(element.value) for element in pydicom.dcmread(path).iterall() if element.keyword == "TextValue"]


@pytest.mark.parametrize("sides", [False, True])
def test_the_numbers_are_those_of_the_table(tmp_path: Path, sides: bool) -> None:
    pixels = np.where(lung_mask() > 0, 220, 30).astype(np.uint8)
    write(tmp_path / "x.dcm", as_dicom(pixels, "MONOCHROME2"))
    options = OutputOptions("dicom-seg", sides=sides, report=True)
    predict_files(bright_segmenter(tmp_path), find_inputs([tmp_path / "x.dcm"]), tmp_path / "out", options)
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["report"] == "x_report.dcm"
    groups = groups_by_site(tmp_path / "out" / row["report"])
    for site, column in COLUMNS.items():
        assert numbers(groups[site])["Area"] == (float(row[f"{column}_cm2"]), "cm2")
    assert numbers(groups["Both lungs"])["Area of the smaller lung over the larger"] == (float(row["symmetry"]), "1")
    told = texts(tmp_path / "out" / row["report"])
    assert [text.partition(":")[0] for text in told if text.partition(":")[0] in FLAGS] == row["flags"].split(";")
    assert row["remarks"].split(" | ")[0] in told
    assert NOTICE in told
    assert "Areas are in the plane of the pixel spacing, 0.2 x 0.3 mm, by Pixel Spacing (0028,0030)." in told


def test_who_found_it_and_where(tmp_path: Path) -> None:
    lungs = lung_mask()
    lungs[33] = 0  # without the island
    made = dicom_results(segmented(radiograph(), lungs), ["segmentation", "report"], sides=True)
    save_dicom(tmp_path / "report.dcm", made["report"])
    groups = groups_by_site(tmp_path / "report.dcm")
    for number, site in enumerate(("Right lung", "Left lung"), start=1):
        frame = groups[site].referenced_segmentation_frame
        assert frame.referenced_sop_instance_uid == made["segmentation"].SOPInstanceUID
        assert list(frame.referenced_frame_numbers) == [number]
    report = pydicom.dcmread(tmp_path / "report.dcm")
    evidence = highdicom.sr.srread(tmp_path / "report.dcm").get_evidence()
    assert {uids[2] for uids in evidence} == {radiograph().SOPInstanceUID, made["segmentation"].SOPInstanceUID}
    told = texts(tmp_path / "report.dcm")
    assert {MODEL.bundle, MODEL.version, f"weights_sha256={MODEL.weights_sha256}", "threshold=0.4"} <= set(told)
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")


def test_a_side_that_is_less_than_its_segment_refers_to_none(tmp_path: Path) -> None:
    made = dicom_results(segmented(radiograph()), ["segmentation", "report"], sides=True)
    save_dicom(tmp_path / "report.dcm", made["report"])
    assert not highdicom.sr.srread(tmp_path / "report.dcm").content.get_planar_roi_measurement_groups()


def test_expected_dice_and_no_flag(tmp_path: Path) -> None:
    found = replace(segmented(radiograph(), spacing=None), expected=DiceEstimate(0.95, 0.9, 0.98))
    found.__dict__["flags"] = ()
    save_dicom(tmp_path / "report.dcm", dicom_results(found, ["report"])["report"])
    both = numbers(groups_by_site(tmp_path / "report.dcm")["Both lungs"])
    assert both["Expected Dice with a drawn mask"] == (0.95, "1")
    assert both["Area"] == (float(lung_mask().sum()), "{pixels}")
    assert NO_FLAG in texts(tmp_path / "report.dcm")
    assert "Areas are in pixels: the image has no pixel spacing that can be right." in texts(tmp_path / "report.dcm")


def test_one_lung_has_no_sides(tmp_path: Path) -> None:
    mask = np.where(np.arange(SHAPE[1]) < 25, lung_mask(), 0).astype(np.uint8)
    save_dicom(tmp_path / "report.dcm", dicom_results(segmented(radiograph(), mask), ["report"], sides=True)["report"])
    assert list(groups_by_site(tmp_path / "report.dcm")) == ["Both lungs"]


def test_dcmtk_shows_it(tmp_path: Path) -> None:
    if shutil.which("dsrdump") is None:
        pytest.skip("dsrdump is not installed (Debian: dcmtk)")
    save_dicom(tmp_path / "report.dcm", dicom_results(segmented(radiograph()))["report"])
    shown = subprocess.run(["dsrdump", "+Pl", tmp_path / "report.dcm"], check=True, capture_output=True, text=True)
    assert "Imaging Measurement Report" in shown.stdout
    assert NOTICE in shown.stdout
    assert f'"{lung_mask().sum() * 0.2 * 0.3 / 100:.4g}"' in shown.stdout
    assert not [line for line in shown.stderr.splitlines() if line.startswith(("E:", "F:"))]

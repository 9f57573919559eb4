"""All results of one radiograph: valid, marked, read by other programs, and with the same UIDs again."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_radiograph import SHAPE, errors_of, radiograph
from segmented_radiograph import segmented

from monai_lungxfer.inference.dicom.algorithm_results import describe_result
from monai_lungxfer.inference.dicom.results import KINDS, dicom_results
from monai_lungxfer.inference.dicom.source import save_dicom
from monai_lungxfer.utils.errors import InputFileError

pytest.importorskip("highdicom", reason="the extra dicom is not installed")

VOLATILE = ("InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime")
VOLATILE += ("DateOfSecondaryCapture", "TimeOfSecondaryCapture")
VOLATILE += ("PresentationCreationDate", "PresentationCreationTime")


@pytest.mark.parametrize("sides", [False, True])
@pytest.mark.parametrize(
    ("kind", "photometric", "bits"), [("CR", "MONOCHROME1", 10), ("DX", "MONOCHROME2", 14), ("SC", "MONOCHROME2", 8)]
)
def test_valid_and_marked(tmp_path: Path, kind: str, photometric: str, bits: int, sides: bool) -> None:
    made = dicom_results(segmented(radiograph(kind, photometric, bits)), sides=sides)
    assert tuple(made) == KINDS
    for name, instance in made.items():
        save_dicom(tmp_path / f"{name}.dcm", instance)
        assert errors_of(tmp_path / f"{name}.dcm") == [], name
        read = pydicom.dcmread(tmp_path / f"{name}.dcm")
        assert (read.PatientName, read.PatientID, read.AccessionNumber) == ("Secret^Name", "SECRET-ID", "A1")
        assert read.ContentQualification == "RESEARCH"
        assert "not for clinical use" in read.SeriesDescription
        assert describe_result(read) is not None
        for keyword in ("Manufacturer", "ManufacturerModelName", "SeriesDescription", "ContentLabel"):
            setattr(read, keyword, "COERCED")
        read.SOPClassUID, read.Modality = "1.2.840.10008.5.1.4.1.1.7", "OT"
        assert "monai_lungxfer" in describe_result(read)
    assert len({instance.SeriesInstanceUID for instance in made.values()}) == len(KINDS)
    assert sorted(int(instance.SeriesNumber) for instance in made.values()) == [1003, 2003, 3003, 4003]


def test_a_repeat_differs_in_times_alone() -> None:
    source = radiograph()
    before = copy.deepcopy(source)
    first, again = (dicom_results(segmented(source), sides=True) for _ in range(2))
    assert source == before
    for kind in KINDS:
        for instance in (first[kind], again[kind]):
            for keyword in VOLATILE:
                instance.pop(keyword, None)
            for item in instance.ContributingEquipmentSequence:
                item.pop("ContributionDateTime", None)
        assert first[kind] == again[kind], kind


def test_another_revision_of_the_source_has_results_of_its_own() -> None:
    first, other = (dicom_results(segmented(radiograph()), revision=revision) for revision in ("", "pixels 2"))
    for kind in KINDS:
        assert first[kind].SOPInstanceUID != other[kind].SOPInstanceUID
        assert first[kind].SeriesInstanceUID != other[kind].SeriesInstanceUID
    assert first["report"].SOPInstanceUID == dicom_results(segmented(radiograph()))["report"].SOPInstanceUID


def test_only_what_is_asked_for() -> None:
    made = dicom_results(segmented(radiograph(), picture=None), ["report"])
    assert tuple(made) == ("report",)
    uids = [element.value for element in made["report"].iterall() if element.keyword == "ReferencedSOPInstanceUID"]
    assert set(uids) == {radiograph().SOPInstanceUID}  # no segmentation that nobody has
    with pytest.raises(ValueError, match="picture"):
        dicom_results(segmented(radiograph(), picture=None), ["overlay"])
    with pytest.raises(ValueError, match="no kinds of results: contour"):
        dicom_results(segmented(radiograph()), ["contour"])
    with pytest.raises(InputFileError, match="DICOM"):
        dicom_results(segmented(radiograph(), header=None, format="png"), ["report"])


def test_an_empty_mask_has_all_results(tmp_path: Path) -> None:
    for name, instance in dicom_results(segmented(radiograph(), np.zeros(SHAPE, np.uint8)), sides=True).items():
        save_dicom(tmp_path / f"{name}.dcm", instance)
        assert errors_of(tmp_path / f"{name}.dcm") == []


def test_old_and_colour_images_have_all_results(tmp_path: Path) -> None:
    bare = radiograph(PatientName=None, PatientID=None, PatientOrientation=None, PixelSpacing=None, SeriesNumber=None)
    colour = radiograph("SC", "RGB", 8, SamplesPerPixel=3, PlanarConfiguration=0)
    for source in (bare, colour):
        for name, instance in dicom_results(segmented(source, spacing=None)).items():
            save_dicom(tmp_path / f"{name}.dcm", instance)
            assert errors_of(tmp_path / f"{name}.dcm") == [], name


def test_real_radiographs(tmp_path: Path, shared_data: Path) -> None:
    files = sorted((shared_data / "dicom").glob("*.dcm"))
    assert len(files) == 8
    for file in files:
        source = pydicom.dcmread(file, stop_before_pixels=True)
        mask = np.zeros((source.Rows, source.Columns), np.uint8)
        mask[source.Rows // 5 : source.Rows // 2, source.Columns // 6 : source.Columns // 3] = 1
        mask[source.Rows // 4 : source.Rows // 2, source.Columns // 2 : source.Columns * 3 // 4] = 1
        for name, instance in dicom_results(segmented(source, mask), sides=True).items():
            save_dicom(tmp_path / f"{name}.dcm", instance)
            # A look-up table that is taken over may have what dciodvfy says of the source itself.
            assert not [error for error in errors_of(tmp_path / f"{name}.dcm") if "LookupTableData" not in error]

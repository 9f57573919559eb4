"""Masks and overlays as DICOM: the same pixels for other readers, valid, the same UIDs again, and robust."""

from __future__ import annotations

import logging
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_radiograph import SHAPE, errors_of, lung_mask, radiograph, save_dicom_seg, write
from pydicom.dataelem import DataElement
from pydicom.uid import UID

from monai_lungxfer.inference.dicom.source import read_source, save_dicom, source_image
from monai_lungxfer.inference.overlay import draw_overlay, thumbnail
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils import extras as dicom_extra
from monai_lungxfer.utils.errors import InputFileError, LungXferError, OutputError

highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed")

from monai_lungxfer.inference.dicom.secondary_capture import secondary_capture_overlay  # noqa: E402
from monai_lungxfer.inference.dicom.segmentation import lung_segmentation  # noqa: E402

MODEL = ModelIdentity("portable_cxr_lung_segmentation", "0.1.0", "ab" * 32, ("threshold=0.4",))
MASK = lung_mask()
KINDS = [
    ("CR", "MONOCHROME1", 10),
    ("CR", "MONOCHROME2", 16),
    ("DX", "MONOCHROME1", 12),
    ("DX", "MONOCHROME2", 14),
    ("SC", "MONOCHROME2", 8),
]


def read_by_itk(path) -> tuple[np.ndarray, int]:
    """Return the frames, and how many pixels of them are right.

    ITK 5.4 unpacks whole bytes only (GDCMImageIO::Read, single bit): the rest, up to 7 pixels, is what was in memory.
    """
    import itk

    frames = itk.array_from_image(itk.imread(str(path)))
    return frames, frames.size // 8 * 8


def grey() -> np.ndarray:
    return np.tile(np.arange(SHAPE[1], dtype=np.uint8) * 4, (SHAPE[0], 1))


@pytest.mark.parametrize(("kind", "photometric", "bits"), KINDS)
@pytest.mark.parametrize("sides", [False, True])
def test_the_same_pixels_for_highdicom_and_itk(tmp_path, kind, photometric, bits, sides) -> None:
    source = write(tmp_path / "cr.dcm", radiograph(kind, photometric, bits))
    save_dicom_seg(tmp_path / "seg.dcm", source, MASK, MODEL, sides=sides)
    seg = highdicom.seg.segread(tmp_path / "seg.dcm")
    frames = seg.get_pixels_by_source_instance([pydicom.dcmread(source).SOPInstanceUID], combine_segments=False)[0]
    by_itk, right = read_by_itk(tmp_path / "seg.dcm")
    assert by_itk.shape == (1 + sides, *SHAPE)
    assert np.array_equal(by_itk.ravel()[:right] > 0, np.moveaxis(frames, -1, 0).ravel()[:right] == 1)
    assert np.array_equal(frames.sum(axis=-1), MASK)
    if sides:
        assert np.array_equal(frames[..., 0], np.where(np.arange(SHAPE[1]) < 25, MASK, 0))


@pytest.mark.parametrize(("kind", "photometric", "bits"), KINDS)
def test_valid(tmp_path, kind, photometric, bits) -> None:
    source = radiograph(kind, photometric, bits)
    save_dicom(tmp_path / "seg.dcm", lung_segmentation(source, MASK, MODEL, sides=True))
    save_dicom(tmp_path / "sc.dcm", secondary_capture_overlay(source, grey(), MASK, MODEL))
    assert errors_of(tmp_path / "seg.dcm") == []
    assert errors_of(tmp_path / "sc.dcm") == []


def test_real_files(tmp_path, shared_data) -> None:
    files = sorted((shared_data / "dicom").glob("*.dcm"))
    assert len(files) == 8
    for file in files:
        pixels = read_radiograph(file).pixels
        height, width = pixels.shape[-2:]
        mask = np.zeros((height, width), np.uint8)
        mask[height // 5 : height // 2, width // 6 : width // 3] = 1
        mask[height // 4 : height // 2, width // 2 : width * 3 // 4] = 1
        save_dicom_seg(tmp_path / "seg.dcm", file, mask, MODEL)
        assert np.array_equal(highdicom.seg.segread(tmp_path / "seg.dcm").pixel_array, mask)
        by_itk, right = read_by_itk(tmp_path / "seg.dcm")
        assert np.array_equal(by_itk.ravel()[:right] > 0, mask.ravel()[:right] == 1)
        capture = secondary_capture_overlay(read_source(file), thumbnail(pixels, 256), mask, MODEL)
        save_dicom(tmp_path / "sc.dcm", capture)
        assert errors_of(tmp_path / "seg.dcm") + errors_of(tmp_path / "sc.dcm") == []


def test_what_a_segmentation_says() -> None:
    source = radiograph()
    seg = lung_segmentation(source, MASK, MODEL)
    (segment,) = seg.SegmentSequence
    assert seg.SegmentationType == "BINARY"
    assert segment.SegmentLabel == "Lung"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert code(segment.SegmentedPropertyCategoryCodeSequence) == ("91723000", "SCT")
    assert code(segment.SegmentedPropertyTypeCodeSequence) == ("39607008", "SCT")
    (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
    assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == (MODEL.bundle, MODEL.version)
    assert code(algorithm.AlgorithmFamilyCodeSequence) == ("123110", "DCM")
    assert MODEL.weights_sha256 in algorithm.AlgorithmParameters
    assert "threshold=0.4" in algorithm.AlgorithmParameters
    assert "not for clinical use" in seg.SeriesDescription
    assert seg.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == source.SeriesInstanceUID
    assert (seg.PatientName, seg.PatientID, seg.PatientSex) == ("Secret^Name", "SECRET-ID", "F")
    assert (seg.StudyInstanceUID, seg.AccessionNumber) == (source.StudyInstanceUID, "A1")
    assert list(seg.PatientOrientation) == ["L", "F"]
    assert seg.SeriesNumber == 1003


def code(sequence) -> tuple[str, str]:
    return sequence[0].CodeValue, sequence[0].CodingSchemeDesignator


def test_no_place_in_the_patient() -> None:
    source = radiograph("DX", FrameOfReferenceUID="1.2.3", SliceThickness="1")
    seg = lung_segmentation(source, MASK, MODEL)
    assert not [element.keyword for element in seg.iterall() if element.keyword.startswith("FrameOfReference")]


@pytest.mark.parametrize("sides", [False, True])
def test_placeholders_that_readers_need(sides) -> None:
    seg = lung_segmentation(radiograph(), MASK, MODEL, sides=sides)
    (shared,) = seg.SharedFunctionalGroupsSequence
    assert list(shared.PlaneOrientationSequence[0].ImageOrientationPatient) == [0, 1, 0, 0, 0, -1]
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [0.2, 0.3]
    assert ("PlanePositionSequence" in shared) is sides
    assert ("PlanePositionSequence" in seg.PerFrameFunctionalGroupsSequence[0]) is not sides


def test_no_spacing_is_made_up() -> None:
    seg = lung_segmentation(radiograph(PixelSpacing=None, ImagerPixelSpacing=None), MASK, MODEL)
    geometry = ("PlanePosition", "PlaneOrientation", "PixelMeasures", "ImagePositionPatient", "PixelSpacing")
    assert not [element.keyword for element in seg.iterall() if element.keyword.startswith(geometry)]


def test_dcmqi_reads_the_lungs_at_their_place(tmp_path) -> None:
    dcmqi = pytest.importorskip("dcmqi", reason="dcmqi is not installed")
    program = Path(dcmqi.__file__).parent / "bin" / "segimage2itkimage"
    save_dicom(tmp_path / "seg.dcm", lung_segmentation(radiograph(), MASK, MODEL))
    command = [program, "--inputDICOM", tmp_path / "seg.dcm", "--outputDirectory", tmp_path, "--outputType", "nrrd"]
    subprocess.run(command, check=True, capture_output=True)
    by_itk, _ = read_by_itk(tmp_path / "1.nrrd")
    assert np.array_equal(by_itk[0] > 0, MASK == 1)


def test_segments_of_sides() -> None:
    seg = lung_segmentation(radiograph(), MASK, MODEL, sides=True)
    codes = [code(segment.SegmentedPropertyTypeCodeSequence)[0] for segment in seg.SegmentSequence]
    assert codes == ["3341006", "44029006"]
    mirrored = lung_segmentation(radiograph(PatientOrientation=["R", "F"]), MASK, MODEL, sides=True)
    assert np.array_equal(mirrored.pixel_array[0], seg.pixel_array[1])
    assert np.array_equal(mirrored.pixel_array[1], seg.pixel_array[0])


@pytest.mark.parametrize("removed", [np.s_[:, :25], np.s_[:, 25:], np.s_[:, :]])
def test_sides_of_a_mask_without_two_lungs(removed, caplog) -> None:
    mask = MASK.copy()
    mask[removed] = 0
    seg = lung_segmentation(radiograph(), mask, MODEL, sides=True)
    assert [segment.SegmentLabel for segment in seg.SegmentSequence] == ["Lung"]
    assert np.array_equal(seg.pixel_array, mask)
    assert "not two lungs" in caplog.text


def test_empty_mask_is_valid(tmp_path) -> None:
    save_dicom(tmp_path / "seg.dcm", lung_segmentation(radiograph(), np.zeros(SHAPE, np.uint8), MODEL))
    assert highdicom.seg.segread(tmp_path / "seg.dcm").pixel_array.sum() == 0
    assert errors_of(tmp_path / "seg.dcm") == []


def test_a_repeat_is_the_same_instance() -> None:
    first, again = (lung_segmentation(radiograph(), MASK, MODEL) for _ in range(2))
    volatile = ("InstanceCreationDate", "InstanceCreationTime", "ContentDate", "ContentTime")
    for seg in (first, again):
        for keyword in (*volatile, "ContributingEquipmentSequence"):
            delattr(seg, keyword)
    assert first == again
    assert first.SOPInstanceUID.startswith("2.25.")
    assert UID(first.SOPInstanceUID).is_valid
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
    captures = [secondary_capture_overlay(radiograph(), grey(), MASK, MODEL) for _ in range(2)]
    assert captures[0].SOPInstanceUID == captures[1].SOPInstanceUID
    assert captures[0].SeriesInstanceUID == captures[1].SeriesInstanceUID != first.SeriesInstanceUID


def test_another_input_model_or_setting_is_another_series() -> None:
    other_weights = ModelIdentity(MODEL.bundle, MODEL.version, "cd" * 32, MODEL.overrides)
    other_setting = ModelIdentity(MODEL.bundle, MODEL.version, MODEL.weights_sha256, ("threshold=0.5",))
    segs = [
        lung_segmentation(radiograph(), MASK, MODEL),
        lung_segmentation(radiograph(SOPInstanceUID="1.2.9"), MASK, MODEL),
        lung_segmentation(radiograph(), MASK, other_weights),
        lung_segmentation(radiograph(), MASK, other_setting),
        lung_segmentation(radiograph(), MASK, MODEL, sides=True),
    ]
    assert len({seg.SeriesInstanceUID for seg in segs}) == len(segs)
    changed = MASK.copy()
    changed[20, 45] = 1
    other = lung_segmentation(radiograph(), changed, MODEL)
    assert other.SeriesInstanceUID == segs[0].SeriesInstanceUID
    assert other.SOPInstanceUID != segs[0].SOPInstanceUID


MISSING = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID")
MISSING += ("AccessionNumber", "ReferringPhysicianName", "PatientOrientation", "SeriesNumber", "Modality")
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")


def test_missing_attributes(tmp_path) -> None:
    source = radiograph(**dict.fromkeys((*MISSING, *UIDS)))
    del source.file_meta.MediaStorageSOPInstanceUID, source.file_meta.MediaStorageSOPClassUID
    source.save_as(tmp_path / "old.dcm")
    before = read_source(tmp_path / "old.dcm").to_json()
    seg, again = (lung_segmentation(read_source(tmp_path / "old.dcm"), MASK, MODEL) for _ in range(2))
    save_dicom(tmp_path / "seg.dcm", seg)
    assert errors_of(tmp_path / "seg.dcm") == []
    assert (seg.PatientID, seg.StudyID, seg.PatientSex) == ("", "", "")
    assert seg.StudyInstanceUID.startswith("2.25.")
    assert (seg.StudyInstanceUID, seg.SOPInstanceUID) == (again.StudyInstanceUID, again.SOPInstanceUID)
    assert read_source(tmp_path / "old.dcm").to_json() == before
    source.PixelData = source.PixelData[::-1]
    assert lung_segmentation(source, MASK, MODEL).StudyInstanceUID != seg.StudyInstanceUID


@pytest.mark.parametrize("value", ["1.2.3\\1.2.4", "1" * 65, "1.2 of Smith"])
def test_uids_that_are_none_count_as_missing(tmp_path, value) -> None:
    bad, missing = (radiograph(**dict.fromkeys(UIDS[:3], uid)) for uid in (value, None))
    for source in (bad, missing):
        del source.file_meta.MediaStorageSOPInstanceUID
    seg, expected = (lung_segmentation(source, MASK, MODEL) for source in (bad, missing))
    save_dicom(tmp_path / "seg.dcm", seg)
    assert errors_of(tmp_path / "seg.dcm") == []
    assert seg.StudyInstanceUID == expected.StudyInstanceUID
    assert seg.StudyInstanceUID.startswith("2.25.")
    for one in ("SeriesInstanceUID", "SOPInstanceUID"):
        assert seg[one].value == expected[one].value
    referenced = [one.ReferencedSeriesSequence[0].SeriesInstanceUID for one in (seg, expected)]
    assert referenced[0] == referenced[1]


def malformed() -> pydicom.Dataset:
    source = radiograph()
    bad = {
        "PatientName": ("PN", b"K\xf6nig^\xc9va"),
        "PatientID": ("LO", b"SECRET" * 20),
        "PatientBirthDate": ("DA", b"about 1950"),
        "PatientSex": ("CS", b"female"),
        "StudyDate": ("DA", b"2020.04.05"),
        "StudyTime": ("TM", b"10:11:12"),
        "PatientAge": ("AS", b"old"),
        "PixelSpacing": ("DS", b"wide\\wide"),
        "PatientOrientation": ("CS", b"up\\down"),
        "SeriesNumber": ("IS", b"third"),
        "LossyImageCompression": ("CS", b"01"),
        "LossyImageCompressionRatio": ("DS", b"large"),
    }
    for keyword, (vr, value) in bad.items():
        tag = pydicom.tag.Tag(keyword)
        source[tag] = pydicom.dataelem.RawDataElement(tag, vr, len(value), value, 0, False, True, True)
    source.SpecificCharacterSet = "ISO_IR 100"
    private = source.private_block(0x0009, "SOME VENDOR", create=True)
    private.add_new(0x01, "UN", b"\xff\xfe\x00odd")
    source.add(DataElement(0x0009_1002, "LO", "private Secret"))
    return source


@pytest.mark.filterwarnings("ignore::UserWarning")  # of writing and reading such files; ours are counted inside
def test_malformed_attributes(tmp_path, caplog) -> None:
    source = malformed()
    source.save_as(tmp_path / "odd.dcm")
    caplog.clear()
    with warnings.catch_warnings(record=True) as caught, caplog.at_level(logging.INFO):
        warnings.simplefilter("always")
        save_dicom_seg(tmp_path / "seg.dcm", tmp_path / "odd.dcm", MASK, MODEL)
    told = caplog.text + "".join(str(warning.message) for warning in caught)
    assert not [secret for secret in ("SECRET", "König", "about 1950", "female") if secret in told]
    assert not caught
    seg = highdicom.seg.segread(tmp_path / "seg.dcm")
    assert np.array_equal(seg.pixel_array, MASK)
    assert (str(seg.PatientName), seg.PatientID) == ("König^Éva", "SECRET" * 20)
    assert (seg.PatientBirthDate, seg.PatientSex) == ("", "")
    assert (seg.StudyDate, seg.StudyTime) == ("20200405", "101112")
    assert "PatientAge" not in seg
    assert not [element for element in seg.iterall() if element.tag.is_private]
    # The patient is found by the number as it is, so it is not cut.
    own = [line for line in errors_of(tmp_path / "seg.dcm") if "(0x0010,0x0020)" not in line]
    assert own in ([], ["Error - Dicom dataset contains invalid data values for Value Representations"])


def test_lossy_once_is_lossy_always() -> None:
    source = radiograph(
        LossyImageCompression="01", LossyImageCompressionRatio="12.5", LossyImageCompressionMethod="ISO_10918_1"
    )
    for result in (
        lung_segmentation(source, MASK, MODEL),
        secondary_capture_overlay(source, grey(), MASK, MODEL),
    ):
        assert result.LossyImageCompression == "01"
        assert result.LossyImageCompressionRatio == 12.5
        assert result.LossyImageCompressionMethod == "ISO_10918_1"


def test_overlay_is_the_picture(tmp_path) -> None:
    source = radiograph("SC", bits=8)
    save_dicom(tmp_path / "sc.dcm", secondary_capture_overlay(source, grey(), MASK, MODEL))
    capture = pydicom.dcmread(tmp_path / "sc.dcm")
    assert np.array_equal(capture.pixel_array, np.asarray(draw_overlay(grey(), MASK)))
    assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
    assert (capture.PatientID, capture.Modality, capture.SeriesNumber) == ("SECRET-ID", "OT", 2003)
    assert "not for clinical use" in capture.SeriesDescription
    assert "PixelSpacing" not in capture


def test_refused(tmp_path) -> None:
    with pytest.raises(InputFileError, match="kind of image"):
        lung_segmentation(radiograph(SOPClassUID="1.2.840.10008.5.1.4.1.1.2"), MASK, MODEL)
    with pytest.raises(InputFileError, match="kind of image"):
        lung_segmentation(radiograph("SC", NumberOfFrames=2), MASK, MODEL)
    with pytest.raises(ValueError, match="source image"):
        lung_segmentation(radiograph(), MASK.T, MODEL)
    with pytest.raises(ValueError, match="0 and 1"):
        lung_segmentation(radiograph(), MASK * np.uint8(255), MODEL)
    bare = radiograph(SOPInstanceUID=None, PixelData=None)
    del bare.file_meta.MediaStorageSOPInstanceUID
    with pytest.raises(InputFileError, match="neither"):
        source_image(bare)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n Secret^Name" * 30)
    with pytest.raises(InputFileError, match="DICOM") as caught:
        save_dicom_seg(tmp_path / "seg.dcm", tmp_path / "a.png", MASK, MODEL)
    assert "Secret" not in str(caught.value)
    assert not (tmp_path / "seg.dcm").exists()


def test_nothing_half_written(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_dicom(tmp_path / "file" / "seg.dcm", lung_segmentation(radiograph(), MASK, MODEL))


def test_without_the_extra(monkeypatch) -> None:
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(dicom_extra, "import_module", absent)
    with pytest.raises(LungXferError, match=r"highdicom is needed.*monai_lungxfer\[dicom\]"):
        lung_segmentation(radiograph(), MASK, MODEL)

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless, RLELossless

from monai_lungxfer.io.formats import dicom, dicom_pixels
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError

DicomWriter = Callable[..., Path]


@pytest.mark.parametrize(("dtype", "factor"), [(np.uint8, 1), (np.uint16, 100), (np.int16, -100)])
def test_values_are_those_of_the_file(write_dicom: DicomWriter, picture: np.ndarray, dtype: type, factor: int) -> None:
    values = picture.astype(dtype) * dtype(factor)
    radiograph = read_radiograph(write_dicom(values))
    assert radiograph.format == "dicom"
    np.testing.assert_array_equal(radiograph.pixels, values)
    assert (radiograph.spacing, radiograph.spacing_source, radiograph.is_colour) == (None, None, False)


def test_monochrome1_is_inverted_within_the_bits_stored(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    negative = 1023 - picture.astype(np.uint16)
    path = write_dicom(negative, BitsStored=10, PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_radiograph(path).pixels, picture)
    path = write_dicom(-1 - picture.astype(np.int16), PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(read_radiograph(path).pixels, picture)


def test_rescale_then_inversion(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    path = write_dicom(255 - picture, PhotometricInterpretation="MONOCHROME1", RescaleSlope=2, RescaleIntercept=-10)
    # Stored 0 … 255 becomes -10 … 500; the sum of the two ends is what the inversion subtracts from.
    np.testing.assert_array_equal(read_radiograph(path).pixels, 490 - ((255.0 - picture) * 2 - 10))


def test_first_window_is_applied(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    path = write_dicom(picture, WindowCenter=[100.5, 20], WindowWidth=[101, 2])
    pixels = read_radiograph(path).pixels
    # PS3.3, C.11.2.1.2.1: from 50 to 150 it rises over the whole range of 8 bits.
    np.testing.assert_allclose(pixels, np.clip((picture - 50.0) / 100, 0, 1) * 255, rtol=1e-6)


def test_voi_lut_is_applied(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    table = (np.arange(256) ** 2 // 255).astype(np.uint16)
    item = Dataset()
    item.LUTDescriptor = [256, 0, 16]
    item.LUTData = table.tolist()
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    path = write_dicom(picture, VOILUTSequence=[item])
    np.testing.assert_array_equal(read_radiograph(path).pixels, table[picture])


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"WindowCenter": 100, "WindowWidth": 0}, "malformed"),
        (
            {"WindowCenter": 5000, "WindowWidth": 10},
            "window 5000/10 shows less than half of the picture; the full range",
        ),
    ],
)
def test_useless_window_is_left_out(
    write_dicom: DicomWriter, picture: np.ndarray, caplog: pytest.LogCaptureFixture, attributes: dict, reason: str
) -> None:
    path = write_dicom(picture, **attributes)
    np.testing.assert_array_equal(read_radiograph(path).pixels, picture)
    assert reason in caplog.text
    assert path.name in caplog.text


def test_overlay_in_unused_bits_is_dropped(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    stored = picture.astype(np.uint16)
    stored[20:, 30:] |= 0x8000
    np.testing.assert_array_equal(read_radiograph(write_dicom(stored, BitsStored=12)).pixels, picture)
    signed = ((picture.astype(np.int16) - 100) & 0x0FFF).astype(np.int16)  # the sign is in bit 11
    np.testing.assert_array_equal(read_radiograph(write_dicom(signed, BitsStored=12)).pixels, picture - 100.0)


def test_colour(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    colours = np.stack([picture, picture // 2, picture // 5], axis=-1)
    radiograph = read_radiograph(write_dicom(colours), "rgb")
    assert radiograph.is_colour
    np.testing.assert_array_equal(radiograph.pixels, np.moveaxis(colours, -1, 0))


def test_grey_as_ybr(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    neutral = np.full_like(picture, 128)
    path = write_dicom(np.stack([picture, neutral, neutral], axis=-1), PhotometricInterpretation="YBR_FULL")
    radiograph = read_radiograph(path)
    assert not radiograph.is_colour
    np.testing.assert_allclose(radiograph.pixels, picture, atol=1)


def test_palette(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    attributes: dict = {"PhotometricInterpretation": "PALETTE COLOR"}
    tables = {"Red": np.arange(256)[::-1], "Green": np.arange(256) // 2, "Blue": np.arange(256) // 5}
    for name, table in tables.items():
        attributes[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 8]
        attributes[f"{name}PaletteColorLookupTableData"] = table.astype(np.uint8).tobytes()
    pixels = read_radiograph(write_dicom(picture, **attributes), "rgb").pixels
    np.testing.assert_array_equal(pixels, [table[picture] for table in tables.values()])


@pytest.mark.parametrize(
    ("attributes", "spacing", "source"),
    [
        ({"PixelSpacing": [0.3, 0.2], "ImagerPixelSpacing": [1, 1]}, (0.3, 0.2), "PixelSpacing"),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.3, 0.2]}, (0.3, 0.2), "ImagerPixelSpacing"),
        (
            {"ImagerPixelSpacing": [0.3, 0.2], "EstimatedRadiographicMagnificationFactor": 1.25},
            (0.24, 0.16),
            "ImagerPixelSpacing",
        ),
        (
            {"ImagerPixelSpacing": [0.3, 0.2], "EstimatedRadiographicMagnificationFactor": 0},
            (0.3, 0.2),
            "ImagerPixelSpacing",
        ),
        ({"NominalScannedPixelSpacing": [0.5, 0.4]}, (0.5, 0.4), "NominalScannedPixelSpacing"),
        ({"PixelSpacing": [0.3]}, None, None),
        ({"PixelSpacing": [-0.3, 0.2]}, None, None),
    ],
)
def test_spacing(
    write_dicom: DicomWriter, picture: np.ndarray, attributes: dict, spacing: tuple | None, source: str | None
) -> None:
    radiograph = read_radiograph(write_dicom(picture, **attributes))
    assert radiograph.spacing == (spacing and pytest.approx(spacing))
    assert radiograph.spacing_source == source


def test_file_without_meta_information(write_dicom: DicomWriter, picture: np.ndarray, tmp_path: Path) -> None:
    whole = write_dicom(picture).read_bytes()
    length = int.from_bytes(whole[140:144], "little")  # of group 0002, which its first element gives
    bare = tmp_path / "bare"
    bare.write_bytes(whole[144 + length :])
    assert bare.read_bytes()[:2] == b"\x08\x00"
    np.testing.assert_array_equal(read_radiograph(bare).pixels, picture)


def test_several_frames_are_refused(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    path = write_dicom(picture, NumberOfFrames=3, PixelData=picture.tobytes() * 3)
    with pytest.raises(InputFileError, match="holds 3 frames"):
        read_radiograph(path)
    np.testing.assert_array_equal(read_radiograph(write_dicom(picture, NumberOfFrames=1)).pixels, picture)


def test_file_without_pixel_data_is_refused(write_dicom: DicomWriter, picture: np.ndarray, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(write_dicom(picture))
    del dataset.PixelData
    dataset.save_as(tmp_path / "report.dcm")
    with pytest.raises(InputFileError, match="without pixel data"):
        read_radiograph(tmp_path / "report.dcm")


def test_too_little_pixel_data_is_refused(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    with pytest.raises(InputFileError, match="cannot be decoded as DICOM"):
        read_radiograph(write_dicom(picture, PixelData=picture.tobytes()[:1000]))


def test_what_follows_the_frame_is_left_out(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    for length in (1, picture.size, 2 * picture.size):  # once, a second frame of the file was taken for a colour
        path = write_dicom(picture, PixelData=picture.tobytes() + bytes(length))
        np.testing.assert_array_equal(read_radiograph(path).pixels, picture)


def test_missing_codec_names_the_package(
    write_dicom: DicomWriter, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dataset = pydicom.dcmread(write_dicom(picture))
    dataset.compress(RLELossless)
    path = tmp_path / "rle.dcm"
    dataset.save_as(path)
    monkeypatch.setattr(dicom, "can_decode", lambda syntax: False)
    with pytest.raises(InputFileError, match="RLE Lossless") as caught:
        read_radiograph(path)
    assert caught.value.remedy == 'Run: pip install "pylibjpeg[rle]"'


def test_can_decode() -> None:
    assert dicom_pixels.can_decode(JPEGLSLossless)
    assert not dicom_pixels.can_decode(pydicom.uid.UID("1.2.840.10008.1.2.4.100"))  # MPEG2


def test_invalid_values_neither_warn_nor_leak(
    write_dicom: DicomWriter,
    picture: np.ndarray,
    capfd: pytest.CaptureFixture,
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    caplog.set_level(logging.DEBUG)
    path = write_dicom(picture, PixelSpacing=[0.3, 0.2], WindowCenter="100", WindowWidth="50")
    good = path.read_bytes()
    # A name in the wrong place: pydicom warns of it, stumbles over it, or takes it for what it is not.
    replacements = {
        b"DS\x08\x000.3\\0.2 ": b"DS\x08\x00Roe^Jane",
        b"DS\x04\x00100 ": b"DS\x04\x00Roe ",
        b"1.2.840.10008.1.2.1\0": b"Roe^Jane of Anywhere",
        b"US\x02\x00\x28\x00": b"IS\x02\x00Ro",
    }
    recwarn.clear()
    shown, causes = "", []
    for right, wrong in replacements.items():
        assert good.count(right) == 1
        path.write_bytes(good.replace(right, wrong))
        try:
            assert read_radiograph(path).spacing in (None, (0.3, 0.2))
        except InputFileError as error:
            shown += str(error)
            causes.append(error.__cause__)
    captured = capfd.readouterr()
    assert "Roe" not in captured.out + captured.err + caplog.text + shown
    assert "names an unknown transfer syntax" in caplog.text
    assert "no usable Rows" in shown
    assert not recwarn.list
    assert causes == [None]  # pydicom's text is not in the traceback either


SHAPES = {
    "gdcm_CR_MONO1_10_chest": (440, 440),
    "nema_RG1_J2KI": (1955, 1841),
    "nema_RG1_JLSN": (1955, 1841),
    "rsna_1_PA": (1024, 1024),
    "rsna_2_PA": (1024, 1024),
    "rsna_3_AP": (1024, 1024),
    "rsna_4_PA": (1024, 1024),
    "spoksonat_cxr": (2140, 1760),
}
SPACINGS = {
    "rsna_1_PA": (0.143, 0.143),
    "rsna_2_PA": (0.143, 0.143),
    "rsna_3_AP": (0.168, 0.168),
    "rsna_4_PA": (0.168, 0.168),
    "spoksonat_cxr": (0.2, 0.2),
}


@pytest.mark.parametrize("name", SHAPES)
def test_real_files(shared_data: Path, name: str, capfd: pytest.CaptureFixture) -> None:
    path = shared_data / "dicom" / f"{name}.dcm"
    radiograph = read_radiograph(path)
    pixels = radiograph.pixels
    assert pixels.shape == SHAPES[name]
    assert not radiograph.is_colour
    assert radiograph.spacing == (pytest.approx(SPACINGS[name]) if name in SPACINGS else None)
    height, width = pixels.shape
    spine = pixels[height // 3 : height // 2, int(0.48 * width) : int(0.52 * width)].mean()
    lungs = pixels[height // 3 : height // 2, [width // 4, 3 * width // 4]].mean()
    assert spine > lungs  # bone is bright and air is dark
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize("name", SHAPES)
def test_real_files_agree_with_gdcm(shared_data: Path, name: str) -> None:
    """GDCM decodes and inverts MONOCHROME1, too, but leaves out the LUTs and the window; those only rise."""
    itk = pytest.importorskip("itk")
    path = shared_data / "dicom" / f"{name}.dcm"
    theirs = np.squeeze(itk.array_from_image(itk.imread(str(path)))).astype(np.float64)
    ours = read_radiograph(path).pixels
    if name.startswith("rsna"):  # no step between stored and displayed, and two implementations of lossy JPEG
        assert np.abs(ours - theirs).max() <= 1
        return
    order = np.argsort(theirs, axis=None, kind="stable")
    assert (np.diff(ours.ravel()[order]) >= -1e-3).all()
    assert len(np.unique(ours)) > 300

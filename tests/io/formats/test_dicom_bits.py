"""Headers whose bits do not fit the pixels, and headers that do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_radiograph import radiograph, write
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGLSLossless, RLELossless

from monai_lungxfer.io.formats.dicom_bits import keep_bits, stored_values
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.synthetic.chest import chest_radiograph

GREY = chest_radiograph(np.random.default_rng(0), 300, 260, "normal")[0] / 255


def levels(bits: int) -> np.ndarray:
    return np.rint(GREY * (2**bits - 1)).astype("<u2")


def read(
    values: np.ndarray, bits: int, high: int, syntax: UID = ExplicitVRLittleEndian
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    header = Dataset()
    header.BitsStored, header.HighBit = bits, high
    header.add_new((0x6000, 0x0102), "US", 15)  # an overlay in the uppermost bit
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = syntax
    remarks: list[str] = []
    return *stored_values(values, header, remarks), remarks


@pytest.mark.parametrize(
    ("values", "bits", "high", "expected", "remark"),
    [
        (levels(14), 12, 11, levels(14), "14 bits"),
        (levels(12) << 4, 12, 15, levels(12), "High Bit"),
        (levels(12).view("i2"), 12, 11, levels(12), "not signed"),
        (levels(16).view("i2"), 16, 15, levels(16), "not signed"),
        ((levels(12).astype("i4") - 1500).astype("i2").view("u2"), 16, 15, levels(12) - 1500.0, "signed"),
        (levels(12).byteswap(), 12, 11, levels(12), "byte order"),
        (levels(10).byteswap(), 10, 9, levels(10), "byte order"),
        (levels(12).byteswap(), 14, 13, levels(12), "byte order"),
    ],
    ids=[
        *("more bits", "upper bits", "unsigned called signed", "16 bits called signed", "signed called unsigned"),
        *("bytes exchanged", "bytes of 10 bits exchanged", "bytes of dark pixels exchanged"),
    ],
)
def test_what_does_not_fit_is_read_by_the_picture(values, bits, high, expected, remark) -> None:
    found, (low, high_value), remarks = read(values, bits, high)
    np.testing.assert_array_equal(found, expected)
    assert low <= found.min() <= found.max() <= high_value
    assert len(remarks) == 1
    assert remark in remarks[0]


@pytest.mark.parametrize(
    ("values", "bits", "expected"),
    [
        (levels(12), 12, levels(12)),
        (levels(16), 16, levels(16)),
        ((levels(12).astype("i4") - 2048).astype("i2"), 12, levels(12) - 2048.0),
        (levels(12) | ((GREY > 0.5) * np.uint16(0x8000)).astype("u2"), 12, levels(12)),
        (4095 - levels(12), 12, 4095 - levels(12)),
    ],
    ids=["12 bits", "16 bits", "signed", "an overlay above", "inverted"],
)
def test_what_fits_is_read_as_declared(values, bits, expected) -> None:
    found, _, remarks = read(values, bits, bits - 1)
    np.testing.assert_array_equal(found, expected)
    assert remarks == []


def test_keep_bits_extends_the_sign() -> None:
    np.testing.assert_array_equal(keep_bits(np.array([0x0FFF, 0x07FF], np.int16), 12), [-1, 2047])


def test_two_things_can_be_wrong() -> None:
    found, _, remarks = read(levels(12).byteswap().view("i2"), 12, 11)
    np.testing.assert_array_equal(found, levels(12))
    assert [("byte order" in remark, "not signed" in remark) for remark in remarks] == [(True, False), (False, True)]


def test_a_codestream_knows_its_bits() -> None:
    found, limits, (remark,) = read(levels(12), 11, 10, JPEGLSLossless)
    np.testing.assert_array_equal(found, levels(12))
    assert limits.tolist() == [0, 4095]
    assert "its values have 12 bits, not the 11 of its Bits Stored" in remark


@pytest.mark.parametrize("syntax", [JPEGLSLossless, RLELossless])
def test_compressed_pixels_with_too_few_bits_stored(syntax: UID, tmp_path: Path) -> None:
    dataset = radiograph("DX", Rows=300, Columns=260, PixelData=levels(12).tobytes())
    dataset.compress(syntax, generate_instance_uid=False)
    dataset.BitsStored, dataset.HighBit = 11, 10
    found = read_radiograph(write(tmp_path / "x.dcm", dataset))
    np.testing.assert_array_equal(found.pixels, levels(12))
    assert any("12 bits, not the 11" in remark for remark in found.remarks)


def test_bits_that_nothing_explains_are_remarked() -> None:
    header = Dataset()
    header.BitsStored, header.HighBit = 12, 11
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    remarks: list[str] = []
    values = levels(12).copy()
    values[:2, :2] |= 0x4000
    found, _ = stored_values(values, header, remarks)
    np.testing.assert_array_equal(found, levels(12))
    assert remarks == ["its pixels have bits above its Bits Stored, which were left out: look at the mask"]


def test_a_dx_image_is_not_signed(tmp_path: Path) -> None:
    few = np.where(np.quantile(GREY, 0.9999) < GREY, 2100, GREY * 1800).astype("<u2")  # next to nothing wraps around
    pixels = {"Rows": 300, "Columns": 260, "PixelData": few.tobytes(), "PixelRepresentation": 1}
    found = read_radiograph(write(tmp_path / "x.dcm", radiograph("DX", **pixels)))
    assert any("called signed" in remark for remark in found.remarks)
    found = read_radiograph(write(tmp_path / "y.dcm", radiograph("DX", **pixels | {"PixelRepresentation": 0})))
    assert not any("signed" in remark for remark in found.remarks)

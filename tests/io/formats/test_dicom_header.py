"""Headers that leave out how the pixels are stored: a default with a remark, or an error that names the attribute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3", reason="pydicom 2 cannot write most of the encodings")

import pydicom
from dicom_writing import compressed, write
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.synthetic.chest import chest_radiograph
from monai_lungxfer.utils.errors import InputFileError

GREY = np.rint(chest_radiograph(np.random.default_rng(0), 90, 80, "normal")[0] * 16.0).astype(np.uint16)
COLOUR = np.stack([GREY // 16, GREY // 20, GREY // 18], axis=-1).astype(np.uint8)
ALWAYS = {
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
}


def read_without(path: Path, *keywords: str, is_empty: bool = False) -> Radiograph:
    dataset = pydicom.dcmread(path)
    for keyword in keywords:
        if is_empty:
            setattr(dataset, keyword, None)
        else:
            delattr(dataset, keyword)
    dataset.save_as(path)
    return read_radiograph(path)


@pytest.mark.parametrize("is_empty", [False, True], ids=["absent", "empty"])
@pytest.mark.parametrize("keyword", ALWAYS)
@pytest.mark.parametrize("syntax", [None, RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_the_default_is_taken_and_told(syntax: str | None, keyword: str, is_empty: bool, tmp_path: Path) -> None:
    finish = compressed(syntax) if syntax else None
    path = write(tmp_path / "x", GREY, BitsStored=12, finish=finish)
    radiograph = read_without(path, keyword, is_empty=is_empty)
    np.testing.assert_array_equal(radiograph.pixels, GREY)
    told = f"its header gives no usable {keyword}, and {ALWAYS[keyword]} was taken: look at the mask"
    assert radiograph.remarks == (told,)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        *(("BitsStored", 0), ("BitsStored", 17), ("HighBit", 16), ("PixelRepresentation", 7), ("BitsAllocated", 12)),
        *(("SamplesPerPixel", 0), ("PhotometricInterpretation", "ROE")),
        ("PhotometricInterpretation", "RGB"),
    ],
)
def test_what_cannot_be_is_replaced_and_not_quoted(attribute: str, value: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "x", GREY, BitsStored=12)
    dataset = pydicom.dcmread(path)
    setattr(dataset, attribute, value)
    dataset.save_as(path)
    radiograph = read_radiograph(path)
    np.testing.assert_array_equal(radiograph.pixels, GREY)
    assert f"no usable {attribute}" in radiograph.remarks[0]
    assert "ROE" not in str(radiograph.remarks)


def test_small_letters_and_blanks_are_understood(tmp_path: Path) -> None:
    path = write(tmp_path / "x", 4095 - GREY, BitsStored=12)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"MONOCHROME2 ", b"monochrome1 "))
    radiograph = read_radiograph(path)
    np.testing.assert_array_equal(radiograph.pixels, GREY)
    assert radiograph.remarks == ()


@pytest.mark.parametrize(("keyword", "side"), [("Rows", 90), ("Columns", 80)])
def test_the_size_is_that_of_the_codestream_or_an_error(keyword: str, side: int, tmp_path: Path) -> None:
    for syntax in (JPEGLSLossless, JPEG2000Lossless):
        path = write(tmp_path / "x", GREY, BitsStored=12, finish=compressed(syntax))
        radiograph = read_without(path, keyword)
        np.testing.assert_array_equal(radiograph.pixels, GREY)
        assert f"no usable {keyword}, and {side} was" in radiograph.remarks[0]
    with pytest.raises(InputFileError, match=f"gives no usable {keyword}"):
        read_without(write(tmp_path / "x", GREY), keyword)


def test_a_sign_that_is_not_told_is_seen(tmp_path: Path) -> None:
    signed = (GREY.astype(np.int32) - 2048).astype(np.int16)
    radiograph = read_without(write(tmp_path / "x", signed), "PixelRepresentation")
    np.testing.assert_array_equal(radiograph.pixels, signed)
    assert len(radiograph.remarks) == 2


@pytest.mark.parametrize("keyword", ["SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"])
def test_colour(keyword: str, tmp_path: Path) -> None:
    path = write(tmp_path / "x", COLOUR)
    whole = read_radiograph(path, "rgb").pixels
    without = read_without(path, keyword)
    np.testing.assert_array_equal(read_radiograph(path, "rgb").pixels, whole)
    assert without.is_colour
    assert f"no usable {keyword}" in without.remarks[0]


def test_floating_point_needs_no_bits(tmp_path: Path) -> None:
    path = write(tmp_path / "x", GREY, BitsStored=12)
    dataset = pydicom.dcmread(path)
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.FloatPixelData, dataset.BitsAllocated = GREY.astype("<f4").tobytes(), 32
    dataset.save_as(path)
    radiograph = read_radiograph(path)
    np.testing.assert_array_equal(radiograph.pixels, GREY)
    assert radiograph.remarks == ()

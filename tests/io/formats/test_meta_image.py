from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from raster_writing import mha

from monai_lungxfer.io.formats.attached import DETACHED
from monai_lungxfer.io.formats.meta_image import recognise
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError

SECRET = bytes(range(100, 200)) * 24


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(SECRET)
    return tmp_path / "x.mha"


@pytest.mark.parametrize(
    "elsewhere",
    ["secret", "./secret", "{folder}/secret", "LIST", "LIST 2", "LIST 2D\nsecret", "s%s 1 1 1", "LOCAL x", ""],
)
def test_pixels_of_another_file_are_refused(path: Path, picture: np.ndarray, elsewhere: str) -> None:
    """Whether the pixels are there, too, or not."""
    for name in (path, path.with_suffix(".mhd")):
        content = mha(picture, ElementDataFile=elsewhere.format(folder=path.parent))
        for whole in (content, content[: -picture.size]):
            name.write_bytes(whole)
            with pytest.raises(InputFileError, match=DETACHED):
                read_radiograph(name)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"NDims": "4", "DimSize": "60 40 1 1"}, "neither of two nor of three dimensions"),
        ({"NDims": None}, "NDims in its header is malformed"),
        ({"DimSize": None}, "DimSize in its header is malformed"),
        ({"DimSize": "60 40 1"}, "DimSize in its header is malformed"),
        ({"DimSize": "-60 -40"}, "DimSize in its header is malformed"),
        ({"ElementType": "MET_STRING"}, "a type that is not read"),
        ({"ElementType": "MET_FLOAT_ARRAY"}, "a type that is not read"),
        ({"ElementType": None}, "a type that is not read"),
        ({"ElementNumberOfChannels": "0"}, "0 components"),
        ({"ElementNumberOfChannels": "5"}, "5 components"),
        ({"BinaryData": "False"}, "written as text"),
        ({"BinaryData": "perhaps"}, "BinaryData in its header is malformed"),
        ({"HeaderSize": "100"}, "do not follow its header"),
        ({"ElementByteOrderMSB": "True"}, "two byte orders"),
        ({"CompressedData": "True", "CompressedDataSize": "2399"}, "not of the length"),
        ({"ElementSpacing": "0.2"}, "ElementSpacing in its header is malformed"),
        ({"ElementSpacing": "0.2 nan"}, "ElementSpacing in its header is malformed"),
        ({"TransformMatrix": "1 0 0"}, "TransformMatrix in its header is malformed"),
        ({"TransformMatrix": "1 0 0 1", "Rotation": "1 0 0 1"}, "two matrices"),
        ({"ElementToIntensityFunctionSlope": "-1"}, "which is not applied"),
        ({"ElementToIntensityFunctionOffset": "5"}, "which is not applied"),
        ({"ObjectType": "Tube", "Comment": "x"}, "not a picture|not an image"),
        ({"Comment": "x\nno field"}, "a line that is not a field"),
        ({"Comment": "x\nNDims = 2"}, "says NDims twice"),
    ],
)
def test_headers_that_are_refused(path: Path, picture: np.ndarray, fields: dict[str, str], problem: str) -> None:
    path.write_bytes(mha(picture, **fields))
    with pytest.raises(InputFileError, match=problem) as caught:
        read_radiograph(path)
    assert caught.value.source == str(path)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("fields", "spacing"),
    [
        ({}, None),
        ({"ElementSpacing": "1 1"}, None),
        ({"ElementSize": "0.2 0.3"}, (0.3, 0.2)),
        ({"ElementSize": "0.4 0.5", "ElementSpacing": "0.2 0.3"}, (0.3, 0.2)),
        ({"ElementSpacing": "0.2 0.3", "DistanceUnits": "mm"}, (0.3, 0.2)),
        ({"ElementSpacing": "0.2 0.3", "DistanceUnits": "um"}, None),
        ({"ElementSpacing": "0 0.3"}, None),
        ({"BinaryData": None, "CompressedData": None, "BinaryDataByteOrderMSB": None, "HeaderSize": "-1"}, None),
        ({"0008|0060": "CR", "Comment": "a = b = c\nComment2 = ", "ITK_note": "café"}, None),
        ({"ElementToIntensityFunctionSlope": "1", "ElementToIntensityFunctionOffset": "0.0"}, None),
    ],
)
def test_headers_that_are_read(
    path: Path, picture: np.ndarray, fields: dict[str, str], spacing: tuple[float, float] | None
) -> None:
    path.write_bytes(mha(picture, **fields))
    radiograph = read_radiograph(path)
    np.testing.assert_array_equal(radiograph.pixels, picture)
    assert radiograph.spacing == (spacing and pytest.approx(spacing))


def test_line_ends_of_windows(path: Path, picture: np.ndarray) -> None:
    head, local, data = mha(picture).partition(b"LOCAL\n")
    path.write_bytes((head + local).replace(b"\n", b"\r\n") + data)
    np.testing.assert_array_equal(read_radiograph(path).pixels, picture)


def test_values_of_the_header_are_not_told(path: Path, picture: np.ndarray) -> None:
    for name in ("NDims", "DimSize", "ElementType", "ElementDataFile", "BinaryData", "CompressedData", "HeaderSize"):
        path.write_bytes(mha(picture, **{name: "SMITH^JOHN"}))
        with pytest.raises(InputFileError) as caught:
            read_radiograph(path)
        assert "SMITH" not in str(caught.value)


def test_content_is_known(picture: np.ndarray) -> None:
    assert recognise(mha(picture)[:348]) == "metaimage"
    assert recognise(b"Comment = of a program\nNDims = 2\n") == "metaimage"
    for text in (b"key = value\n", b"ObjectType = Tube\n", b"A text that has\nNDims = 2\n", b""):
        assert recognise(text) is None

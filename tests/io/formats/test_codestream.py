"""Codestreams that say something else than the file around them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3", reason="pydicom 2 cannot write most of the encodings")

from bombs import GREY, codestream, in_dicom, jpeg, jpeg_2000, resized_jpeg
from dicom_writing import compressed, write
from pydicom import dcmread
from pydicom.encaps import encapsulate_extended
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from monai_lungxfer.io.formats.codestream import check_jpeg, check_jpeg_2000, check_scans
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError

SHAPE = GREY.shape
OTHER_SIZE = "header declares 60 x 40 pixels, its compressed pixel data 60000 x 60000 of 1 components"


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def before_frame(stream: bytes, segment: bytes, marker: bytes = b"\xff\xc0") -> bytes:
    at = stream.index(marker)
    return stream[:at] + segment + stream[at:]


@pytest.mark.parametrize(
    "make",
    [
        lambda _: jpeg(),
        lambda _: jpeg(progressive=True, restart_marker_blocks=1),
        lambda _: before_frame(jpeg(), b"\xff\xff\xff\xfe\0\x06text"),  # a comment after bytes that fill up
        lambda _: jpeg()[:-2] + resized_jpeg(jpeg(), 60_000)[2:],  # behind the first scan, which no codec follows
        lambda folder: codestream(JPEGLSLossless, folder),
    ],
)
def test_jpeg_of_the_declared_size(tmp_path: Path, make: Callable[[Path], bytes]) -> None:
    check_jpeg(tmp_path, make(tmp_path), *SHAPE)
    with pytest.raises(InputFileError, match=r"60 x 41 .*60 x 40"):
        check_jpeg(tmp_path, make(tmp_path), 41, 60)


@pytest.mark.parametrize(
    "make",
    [
        lambda _: resized_jpeg(jpeg(), 60_000),
        lambda _: resized_jpeg(jpeg(progressive=True), 60_000, b"\xff\xc2"),
        lambda _: before_frame(jpeg(), b"\xff\xc0\0\x0b\x08\xea\x60\xea\x60\x01\x01\x11\0"),  # a second frame
        lambda _: before_frame(jpeg(), b"\xff\xde\0\x0b\x08\xea\x60\xea\x60\x01\x01\x11\0"),  # a hierarchy
        lambda folder: resized_jpeg(codestream(JPEGLSLossless, folder), 60_000, b"\xff\xf7"),
    ],
)
def test_jpeg_of_another_size(tmp_path: Path, make: Callable[[Path], bytes]) -> None:
    with pytest.raises(InputFileError, match=OTHER_SIZE):
        check_jpeg(tmp_path, make(tmp_path), *SHAPE)


def test_size_behind_the_pixels_is_refused(tmp_path: Path) -> None:
    stream = bytearray(jpeg())
    struct.pack_into(">H", stream, stream.index(b"\xff\xc0") + 5, 0)
    defined = bytes(stream[:-2]) + struct.pack(">HHH", 0xFFDC, 4, 40) + bytes(stream[-2:])  # DNL
    with pytest.raises(InputFileError, match="pixel data 60 x 0"):
        check_jpeg(tmp_path, defined, *SHAPE)


@pytest.mark.parametrize("stream", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\0" * 50, jpeg()[2:], b"\xff\xd8\xff\xda"])
def test_no_jpeg(tmp_path: Path, stream: bytes) -> None:
    with pytest.raises((ValueError, struct.error)):
        check_jpeg(tmp_path, stream, *SHAPE)


def test_a_hundred_scans(tmp_path: Path) -> None:
    check_scans(tmp_path, 100 * b"\xff\xda")
    with pytest.raises(InputFileError, match="101 scans"):
        check_scans(tmp_path, 101 * b"\xff\xda")


def test_jpeg_2000(tmp_path: Path) -> None:
    stream = codestream(JPEG2000Lossless, tmp_path)
    boxed = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ") + box(b"jp2h", b"") + box(b"jp2c", stream)
    long_box = struct.pack(">I4sQ", 1, b"jp2c", 16 + len(stream)) + stream
    for content in (stream, boxed, long_box):
        check_jpeg_2000(tmp_path, content, *SHAPE)
        with pytest.raises(InputFileError, match="60 x 40 of 1"):
            check_jpeg_2000(tmp_path, content, 40, 61)
    with pytest.raises(ValueError, match="no JPEG 2000"):
        check_jpeg_2000(tmp_path, box(b"jp2h", box(b"pclr", b"")) + boxed, *SHAPE)
    for content in (b"", stream[:30], struct.pack(">I4s", 0, b"ftyp"), b"\0" * 50):
        with pytest.raises((ValueError, struct.error)):
            check_jpeg_2000(tmp_path, content, *SHAPE)


CODE_BLOCKS_64 = bytes([0, 0, 0, 1, 0, 5, 4, 4, 0, 1])
PRECINCTS_128 = bytes([1, 0, 0, 1, 0, 5, 3, 3, 0, 1, *(6 * [0x77])])


@pytest.mark.parametrize("coding", [CODE_BLOCKS_64, PRECINCTS_128])
def test_usual_parts_of_jpeg_2000(tmp_path: Path, coding: bytes) -> None:
    check_jpeg_2000(tmp_path, jpeg_2000(tmp_path, 12_200, coding), 12_200, 12_200)


def test_small_parts_of_jpeg_2000(tmp_path: Path) -> None:
    small_blocks = bytes([0, 0, 0, 1, 0, 5, 0, 0, 0, 1])
    check_jpeg_2000(tmp_path, jpeg_2000(tmp_path, 1200, small_blocks), 1200, 1200)
    with pytest.raises(InputFileError, match=r"93\d{5} parts"):  # 12,200² / 16
        check_jpeg_2000(tmp_path, jpeg_2000(tmp_path, 12_200, small_blocks), 12_200, 12_200)


@pytest.mark.parametrize("in_tile", [False, True])
def test_small_parts_of_one_component(tmp_path: Path, in_tile: bool) -> None:
    stream = jpeg_2000(tmp_path, 12_200)
    at = stream.index(b"\xff\x90") + 12 if in_tile else stream.index(b"\xff\x5c")
    component = b"\xff\x53" + struct.pack(">H7B", 9, 0, 0, 5, 0, 0, 0, 1)
    with pytest.raises(InputFileError, match="parts"):
        check_jpeg_2000(tmp_path, stream[:at] + component + stream[at:], 12_200, 12_200)


def test_segment_of_rle_that_is_too_long(tmp_path: Path) -> None:
    run = b"\x81\0"  # 128 zeros; pylibjpeg-rle, which is written in Rust, panics beyond the last pixel
    stream = struct.pack("<16I", 2, 64, 64 + 19 * len(run), *(13 * [0])) + 40 * run
    (tmp_path / "x.dcm").write_bytes(in_dicom(tmp_path, RLELossless, stream, BitsAllocated=16, BitsStored=16))
    with pytest.raises(InputFileError, match="cannot be "):
        read_radiograph(tmp_path / "x.dcm")


def test_a_second_frame_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    for syntax, stream in {
        JPEGBaseline8Bit: jpeg(),
        RLELossless: codestream(RLELossless, tmp_path),
    }.items():
        path.write_bytes(in_dicom(tmp_path, syntax, stream))
        assert np.abs(read_radiograph(path).pixels - GREY).max() < 12
        path.write_bytes(in_dicom(tmp_path, syntax, stream, stream))
        with pytest.raises(InputFileError, match="holds 2 frames"):
            read_radiograph(path)


def test_offsets_lead_nowhere_else(tmp_path: Path) -> None:
    path = write(tmp_path / "x.dcm", GREY, finish=compressed(RLELossless))
    dataset = dcmread(path)
    stream = codestream(RLELossless, tmp_path)
    dataset.PixelData, offsets, _ = encapsulate_extended([stream])
    dataset.ExtendedOffsetTable, dataset.ExtendedOffsetTableLengths = offsets, struct.pack("<Q", 2**31)
    dataset.save_as(path)
    np.testing.assert_array_equal(read_radiograph(path).pixels, GREY)

"""Pictures in formats that are not read are known by content, else by suffix; other files are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.io.formats.unread import name_unread_format
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("x", b"\xff\x0a" + bytes(30), "JPEG XL"),
        ("x.png", b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        ("x", b"\0\0\0\x20ftypavif" + bytes(20), "AVIF"),
        ("x", b"\0\0\0\x20ftypheic" + bytes(20), "HEIF"),
        ("x", b"\0\0\0\x20ftypisom" + bytes(20), None),  # a film
        ("x", b"P5\n32 32\n255\n", "PNM"),
        ("x.NPZ", b"PK\3\4", "NumPy"),
        ("x.IMG", bytes(100), "raw"),
        ("x.txt", b"Patient", None),
        ("x.csv", b"", None),
    ],
)
def test_formats(tmp_path: Path, name: str, content: bytes, expected: str | None) -> None:
    (tmp_path / name).write_bytes(content)
    assert name_unread_format(tmp_path / name) == expected


def test_raw_data_with_a_header_are_told_of_by_it(tmp_path: Path) -> None:
    for name in ("x.raw", "x.mhd"):
        (tmp_path / name).write_bytes(b"x")
    assert name_unread_format(tmp_path / "x.raw") is None


def test_the_reader_names_the_format_whatever_the_suffix(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((40, 40)))
    (tmp_path / "x.npy").rename(tmp_path / "x.png")
    with pytest.raises(InputFileError, match="is in NumPy format, which is not read"):
        read_radiograph(tmp_path / "x.png")


def test_pictures_that_are_read_are_not_named(tmp_path: Path) -> None:
    for suffix in ("png", "jpg", "tif", "webp", "gif", "jp2", "bmp"):
        path = tmp_path / f"x.{suffix}"
        Image.fromarray(np.zeros((40, 40), np.uint8)).save(path)
        assert name_unread_format(path) is None

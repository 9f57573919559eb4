"""JPEG data of which libjpeg-turbo warns: as a file, and in DICOM."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from alter_radiographs import dicom
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGBaseline8Bit

from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.formats.jpeg import DAMAGED, decode_strictly
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.synthetic.chest import chest_radiograph
from monai_lungxfer.utils.errors import InputFileError

COLOURS = ("L", "RGB", "CMYK")


def phantom() -> np.ndarray:
    return chest_radiograph(np.random.default_rng(0), 160, 192, "normal")[0]


def written(mode: str = "L", **options: bool | int) -> bytes:
    buffer = io.BytesIO()
    grey = phantom()
    colours = Image.fromarray(np.stack([grey, grey // 2, 255 - grey], axis=-1))
    (Image.fromarray(grey) if mode == "L" else colours.convert(mode)).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


def damaged(stream: bytes) -> bytes:
    """Overwrite bytes in the middle, away from all markers, by zeros."""
    middle = len(stream) // 2
    return stream[:middle] + bytes(200) + stream[middle + 200 :]


@pytest.mark.parametrize("is_progressive", [False, True])
@pytest.mark.parametrize("mode", COLOURS)
def test_values_are_those_of_pillow(mode: str, is_progressive: bool) -> None:
    stream = written(mode, progressive=is_progressive)
    pixels, is_damaged = decode_strictly(stream, mode)
    assert not is_damaged
    with Image.open(io.BytesIO(stream)) as image:
        np.testing.assert_array_equal(pixels, np.asarray(image) if mode != "CMYK" else 255 - np.asarray(image))


@pytest.mark.parametrize("mode", COLOURS)
def test_damage_is_told(tmp_path: Path, mode: str) -> None:
    (tmp_path / "sound.jpg").write_bytes(written(mode))
    (tmp_path / "damaged.jpg").write_bytes(damaged(written(mode)))
    sound, found = (read_radiograph(tmp_path / name) for name in ("sound.jpg", "damaged.jpg"))
    assert (sound.remarks, sound.is_damaged) == ((), False)
    assert (found.remarks, found.is_damaged) == ((DAMAGED,), True)
    assert sound.pixels.shape == found.pixels.shape
    assert not np.array_equal(sound.pixels, found.pixels)


def test_sound_data_of_an_unusual_layout_are_not_damaged(tmp_path: Path) -> None:
    """In print colours, the picture's black has twice the size of its other inks, which simplejpeg refuses."""
    stream = written("CMYK", subsampling=2)
    assert decode_strictly(stream, "CMYK") == (None, False)
    (tmp_path / "x.jpg").write_bytes(stream)
    found = read_radiograph(tmp_path / "x.jpg", "rgb")
    assert (found.remarks, found.is_damaged) == ((), False)
    with Image.open(tmp_path / "x.jpg") as image:
        np.testing.assert_array_equal(found.pixels, np.moveaxis(np.asarray(image.convert("RGB")), -1, 0))


@pytest.mark.parametrize("layout", [0x11, 0x12, 0x21, 0x22])
def test_the_layout_of_one_component_says_nothing(layout: int) -> None:
    stream = bytearray(written())
    frame = stream.index(b"\xff\xc0")
    stream[frame + 11] = layout  # of the only component
    pixels, is_damaged = decode_strictly(bytes(stream), "L")
    assert not is_damaged
    with Image.open(io.BytesIO(bytes(stream))) as image:
        np.testing.assert_array_equal(pixels, np.asarray(image))


def test_what_is_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(written()[:-2000])
    with pytest.raises(InputFileError, match="truncated"):
        read_radiograph(tmp_path / "x.jpg")


def test_exif_turns_the_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(phantom()).save(tmp_path / "x.jpg", exif=exif)
    assert read_radiograph(tmp_path / "x.jpg").pixels.shape == (192, 160)


def test_damage_is_told_in_dicom(tmp_path: Path) -> None:
    for name, stream in (("sound", written()), ("damaged", damaged(written()))):
        image = dicom(phantom() / 255, 8)
        image.BitsAllocated = 8
        image.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        image.add_new("PixelData", "OB", encapsulate([stream]))
        image.save_as(tmp_path / f"{name}.dcm", enforce_file_format=True)
    sound, found = (read_radiograph(tmp_path / f"{name}.dcm") for name in ("sound", "damaged"))
    assert (sound.remarks, sound.is_damaged) == ((), False)
    assert (found.remarks, found.is_damaged) == ((DAMAGED,), True)


def test_real_files_are_sound(shared_data: Path) -> None:
    files = [*sorted((shared_data / "native" / "images").iterdir()), *sorted((shared_data / "dicom").glob("rsna_*"))]
    assert not any(read_radiograph(file).is_damaged for file in files)


def test_the_mask_has_the_flag(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(damaged(written()))
    segmenter = Segmenter.from_bundle(device="cpu")
    assert "damaged_picture" in segmenter.segment_file(tmp_path / "x.jpg").flags
    with pytest.raises(InputFileError, match="damaged_picture"):
        segmenter.segment_file(tmp_path / "x.jpg", strict=True)

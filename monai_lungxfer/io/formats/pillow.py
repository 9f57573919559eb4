"""PNG, JPEG, TIFF, WebP, GIF and BMP files, through Pillow."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from monai_lungxfer.io.formats import jpeg
from monai_lungxfer.io.formats.codestream import check_scans
from monai_lungxfer.io.formats.picture import MIN_SIDE, Picture, check_size
from monai_lungxfer.utils.errors import InputFileError

# The classes are called, not Image.open: its limits on the size are settings of the whole process and not ours.
_PLUGINS: dict[str, tuple[tuple[bytes, ...], type[ImageFile]]] = {
    "png": ((b"\x89PNG\r\n\x1a\n",), PngImageFile),
    "jpeg": ((b"\xff\xd8\xff",), JpegImageFile),
    "tiff": ((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), TiffImageFile),
    "webp": ((b"RIFF",), WebPImageFile),
    "gif": ((b"GIF87a", b"GIF89a"), GifImageFile),
    "bmp": ((b"BM",), BmpImageFile),
}
_ORIENTATION = 0x0112
_BITS_PER_SAMPLE, _PHOTOMETRIC_INTERPRETATION, _PLANAR_CONFIGURATION = 258, 262, 284
_TILE_WIDTH, _TILE_LENGTH, _SAMPLE_FORMAT = 322, 323, 339
_TIFF_REMEDY = "Save it as TIFF or PNG with 8 or 16 bits, or as TIFF with 32 bits, a pixel"
_BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # their lengths, which tell the version
_DEEP = re.compile("(RGB|RGBX|RGBA|RGBa);16([BLN])")
_AS_THEY_ARE = frozenset(("1", "L", "I", "F", "RGB"))
_WITH_ALPHA = {"LA": 1, "RGBA": 3, "RGBX": 3}


def recognise(head: bytes) -> str | None:
    """Return ``"png"``, ``"jpeg"``, ``"tiff"``, ``"webp"``, ``"gif"`` or ``"bmp"`` when the file begins like one."""
    found = next((name for name, (magics, _) in _PLUGINS.items() if head.startswith(magics)), None)
    if found == "bmp" and int.from_bytes(head[14:18], "little") not in _BMP_HEADERS:
        return None  # a text that begins so
    return None if found == "webp" and head[8:12] != b"WEBP" else found  # RIFF holds sound and films, too


def decode(path: Path) -> Picture:
    """Read a PNG, JPEG, TIFF, WebP, GIF or BMP file of one picture.

    Values stay as they are stored; a palette is resolved, alpha is dropped, and CMYK and YCbCr become RGB. The
    picture is turned as its EXIF orientation tag says, as every viewer does. Their resolution (dots per inch) is
    a wish of the printing program, not of the detector, so there is no spacing.
    """
    with path.open("rb") as file:
        plugin = _PLUGINS[recognise(file.read(16)) or "png"][1]
        file.seek(0)
        if plugin is PngImageFile:
            with PngImageFile(path) as unread:
                unread.verify()  # the checksums, which are left out when it decodes
        image = _opened(path, file, plugin)
        check_size(path, image.height, image.width)
        if getattr(image, "is_animated", False):  # n_frames would go through all of them
            raise InputFileError(
                "holds several pages or frames", source=path, remedy="Save each radiograph as a file of its own"
            )
        if plugin is JpegImageFile:
            return _decode_jpeg(path, image)
        _check_tiles(path, image)
        if image.tile and image.tile[0][0] == "bmp_rle":  # Python decodes it, for minutes if made for that
            raise InputFileError("is a run-length encoded BMP file", source=path, remedy="Save it as PNG")
        if _would_lose_bits(path, image):
            return Picture(_deep_colour(path, plugin))
        return Picture(_pixels(image))


def _decode_jpeg(path: Path, image: ImageFile) -> Picture:
    stream = path.read_bytes()
    check_scans(path, stream)
    pixels, is_damaged = jpeg.decode_strictly(stream, image.mode)
    if is_damaged:  # Pillow refuses what is cut off, and does not tell of what is wrong in between
        return Picture(_pixels(image), remarks=(jpeg.DAMAGED,), is_damaged=True)
    is_upright = image.mode in _AS_THEY_ARE and image.getexif().get(_ORIENTATION, 1) == 1
    return Picture(_pixels(image) if pixels is None or not is_upright else pixels)


def _opened(path: Path, file: BinaryIO, plugin: type[ImageFile]) -> ImageFile:
    try:
        return plugin(file)
    except SyntaxError as error:
        if plugin is not TiffImageFile:
            raise
        problem = "is damaged, or a TIFF file of a kind that is not read"
        raise InputFileError(problem, source=path, remedy=_TIFF_REMEDY) from error


def _check_tiles(path: Path, image: ImageFile) -> None:
    """Refuse TIFF tiles larger than any picture, each of which is decoded as a whole."""
    tags = getattr(image, "tag_v2", {})
    width, height = tags.get(_TILE_WIDTH, 0), tags.get(_TILE_LENGTH, 0)
    if width and height:
        check_size(path, max(height, MIN_SIDE), max(width, MIN_SIDE))


def _would_lose_bits(path: Path, image: ImageFile) -> bool:
    """Tell whether Pillow cuts the samples down to 8 bits, as it does with 16-bit colour."""
    if image.mode.startswith(("I", "F")):
        return False
    if not isinstance(image, TiffImageFile):
        return isinstance(image, PngImageFile) and bool(image.tile) and ";16" in _raw_mode(image.tile[0])
    tags = image.tag_v2
    if max(tags.get(_BITS_PER_SAMPLE, (1,))) <= 8:
        return False
    if tags.get(_PLANAR_CONFIGURATION) == 2 or _TILE_WIDTH in tags:
        raise InputFileError("is a 16-bit colour TIFF file in tiles or planes", source=path, remedy=_TIFF_REMEDY)
    return True


def _deep_colour(path: Path, plugin: type[ImageFile]) -> NDArray[np.uint16]:
    """Read colours, or grey with alpha, of 16 bits: Pillow keeps one byte of the two, so it takes two passes.

    It knows such samples in either byte order, and each order gives the other byte.
    """
    with path.open("rb") as file, _opened(path, file, plugin) as image:
        check_size(path, image.height, image.width, 6)
        modes = {_raw_mode(tile) for tile in image.tile}
    (mode,) = modes if len(modes) == 1 else ("",)
    if mode == "LA;16B":  # of which one pass in four channels gives every byte
        pairs = _as_mode(path, plugin, "RGBA")
        return _joined(pairs[..., 0], pairs[..., 1])
    found = _DEEP.fullmatch(mode)
    if found is None:
        raise InputFileError(
            "has 16 bits a sample in a colour space that is not read", source=path, remedy=_TIFF_REMEDY
        )
    order = {"N": sys.byteorder[0].upper()}.get(found[2], found[2])
    channels = found[1].upper()  # "RGBa" would be divided by alpha
    return _joined(*(_as_mode(path, plugin, f"{channels};16{each}") for each in (order, "BL"[order == "B"])))


def _joined(high: NDArray[np.uint8], low: NDArray[np.uint8]) -> NDArray[np.uint16]:
    deep = high.astype(np.uint16)
    deep <<= 8
    deep |= low
    return deep


def _raw_mode(tile: Any) -> str:
    return str(tile[3] if isinstance(tile[3], str) else tile[3][0])


def _as_mode(path: Path, plugin: type[ImageFile], mode: str) -> NDArray[Any]:
    """Decode a picture as if its samples were stored so."""
    with path.open("rb") as file, _opened(path, file, plugin) as image:
        tiles: Any = image.tile
        image.tile = [tile._replace(args=mode if isinstance(tile[3], str) else (mode, *tile[3][1:])) for tile in tiles]
        return _pixels(image)


def _pixels(image: ImageFile) -> NDArray[Any]:
    tags = dict(getattr(image, "tag_v2", {}))
    image.load()
    if image.getexif().get(_ORIENTATION, 1) != 1:
        ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I;16"):
        pixels = np.asarray(image)
        # Pillow itself turns white-is-zero round for 1 to 8 bits, not for 16.
        return np.iinfo(pixels.dtype).max - pixels if tags.get(_PHOTOMETRIC_INTERPRETATION) == 0 else pixels
    if image.mode in _WITH_ALPHA:
        pixels = np.asarray(image)[..., : _WITH_ALPHA[image.mode]]
        return pixels[..., 0] if image.mode == "LA" else pixels
    pixels = np.asarray(image if image.mode in _AS_THEY_ARE else image.convert("RGB"))
    if image.mode == "I" and tags.get(_BITS_PER_SAMPLE) == (32,) and tags.get(_SAMPLE_FORMAT, (1,)) == (1,):
        return pixels.view(np.uint32)  # Pillow holds unsigned numbers in a signed type
    return pixels

"""Writing one item of a raw set as image, mask and record."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_lungxfer.data.public.item import Item
from monai_lungxfer.data.records import Record
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.morphology.plausibility import INVERT, find_implausibility, find_inversion
from monai_lungxfer.utils.errors import InputFileError

IGNORE = "ignore"
"""Folder of the pixels that were marked as foreign objects, and the field of a record that names the file."""

_KEPT = {"png": ".png", "jpeg": ".jpg", "tiff": ".tif"}
_FACTS = ("patient", "finding", "finding_text", "view", "source", "license", "device", "url")
_BRIGHTEST = np.iinfo(np.uint16).max


def write_item(item: Item, folder: Path, name: str, notes: list[str] | None = None) -> Record:
    """Write `images/NAME.*` and, when there is a mask, `masks/NAME.png` with 1 bit a pixel, below an absolute folder.

    Where the annotators marked foreign objects, these pixels become `ignore/NAME.png`, like a mask.
    PNG, JPEG and TIFF files are copied byte by byte, after they were read once to see that they can be; any other
    format becomes a PNG of 16 bits (`convert_to_16_bits`). A mask that looks inverted is refused. `notes` get a line
    about one that has not the shape of lungs.
    """
    content, pixels, suffix = _read(item)
    height, width = pixels.shape
    # The mask first, since an image whose mask cannot be drawn must not be left in the folder.
    mask = _mask(item, height, width) if item.mask else {}
    reason = find_implausibility(mask["foreground"]) if mask and not item.empty_mask_allowed else None
    if reason is not None and notes is not None:
        notes.append(f"{item.image}: {reason}; look at it before you train")
    image = folder / "images" / f"{name}{suffix}"
    if content is None:
        Image.fromarray(convert_to_16_bits(pixels)).save(image)
    else:
        image.write_bytes(content)
    record: dict[str, Any] = {"image": str(image)}
    if mask:
        record["label"] = str(folder / "masks" / f"{name}.png")
        Image.fromarray(mask.pop("foreground")).save(record["label"])
        if (ignored := mask.pop("ignored")) is not None and ignored.any():
            record["ignore"] = str(folder / IGNORE / f"{name}.png")
            (folder / IGNORE).mkdir(exist_ok=True)
            Image.fromarray(ignored).save(record["ignore"])
    record |= {key: getattr(item, key) for key in _FACTS if getattr(item, key) is not None}
    return cast("Record", record | mask | {"original_width": width, "original_height": height})


def _read(item: Item) -> tuple[bytes | None, NDArray[Any], str]:
    """Return the bytes to copy, or None when the pixels are to be saved; and the pixels; and the new suffix."""
    if item.read is not None:
        return None, item.read(item.image), ".png"
    radiograph = read_radiograph(item.image)
    if radiograph.format not in _KEPT:
        return None, radiograph.pixels, ".png"
    try:
        return item.image.read_bytes(), radiograph.pixels, _KEPT[radiograph.format]
    except OSError as error:
        raise InputFileError(f"cannot be read ({error.strerror})", source=item.image, remedy="Copy it again") from error


def _mask(item: Item, height: int, width: int) -> dict[str, Any]:
    drawn = cast("Any", item.mask)(height, width)
    if not drawn.foreground.any() and not item.empty_mask_allowed:
        raise InputFileError("its mask has no foreground", source=item.image, remedy="Draw it, or leave the image out")
    inversion = find_inversion(drawn.foreground)
    if inversion is not None:
        raise InputFileError(inversion, source=item.image, remedy=INVERT)
    made: dict[str, Any] = {"foreground": drawn.foreground, "ignored": drawn.ignored}
    if drawn.ignore_fraction is not None:
        made["ignore_fraction"] = drawn.ignore_fraction
    return made | ({"mask_convention": item.mask_convention} if item.mask_convention else {})


def convert_to_16_bits(pixels: NDArray[Any]) -> NDArray[np.uint16]:
    """Bring finite pixel values (H, W) into 16 bits.

    Whole numbers keep their differences: they stay as they are, or are shifted when some are negative. What does not
    fit, and fractions, are stretched linearly over the whole range.
    """
    values = pixels.astype(np.float64)
    low, high = values.min(), values.max()
    if (values == np.rint(values)).all() and high - low <= _BRIGHTEST:
        shift = low if low < 0 or high > _BRIGHTEST else 0
        return (values - shift).astype(np.uint16)
    return np.rint((values - low) * (_BRIGHTEST / ((high - low) or 1))).astype(np.uint16)

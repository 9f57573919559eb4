"""The JSRT set (raw files of 2048 × 2048) with the masks of the SCR database (GIF files of 1024 × 1024)."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.data.public.findings import NORMAL, PATHOLOGICAL
from monai_lungxfer.data.public.item import Collection, Draw, DrawnMask, Item
from monai_lungxfer.data.public.raw import list_files, wrong_layout
from monai_lungxfer.utils.error_redaction import without_quotes
from monai_lungxfer.utils.errors import InputFileError

DEVICE = "film, digitised by a laser scanner (Konica LD-4500 or LD-5500)"  # Shiraishi et al. 2000, AJR 174:71-74
SIDE = 2048
_BRIGHTEST = 4095  # 12 bits
_FINDINGS = {"JPCLN": (PATHOLOGICAL, "lung nodule"), "JPCNN": (NORMAL, "no lung nodule")}
_LUNGS = ("left lung", "right lung")


def collect(raw: Path) -> Collection:
    """List the radiographs. One without both masks is listed without a mask."""
    images = [file for file in list_files(raw, {".img"}) if file.stem[:5].upper() in _FINDINGS]
    if not images:
        raise wrong_layout(raw, "jsrt", "JPCLN*.IMG or JPCNN*.IMG")
    masks: dict[str, list[Path]] = defaultdict(list)
    for file in list_files(raw, {".gif", ".png"}):
        if file.parent.name in _LUNGS:
            masks[file.stem.upper()].append(file)
    return Collection([_item(image, masks[image.stem.upper()]) for image in images])


def _item(image: Path, masks: list[Path]) -> Item:
    facts = ADAPTERS["jsrt"]
    finding, text = _FINDINGS[image.stem[:5].upper()]
    return Item(
        image,
        name=image.stem.upper(),
        patient=image.stem.upper(),
        source="jsrt",
        license=facts.license,
        finding=finding,
        finding_text=text,
        view="PA",
        device=DEVICE,
        mask=_enlarged(masks) if len(masks) == len(_LUNGS) else None,
        mask_convention=facts.mask_convention,
        read=read_raw,
    )


def read_raw(file: Path) -> NDArray[np.uint16]:
    """Read a file of 2048 × 2048 numbers of 16 bits, big-endian, of which 12 are used.

    They grow with the density of the film, which is black in the lungs. Here they are turned, so that air is dark: the
    result is uint16 (2048, 2048), 0 to 4095.
    """
    try:
        has_size = file.stat().st_size == 2 * SIDE**2
        numbers = np.fromfile(file, ">u2") if has_size else np.empty(0, ">u2")
    except OSError as error:
        raise InputFileError(f"cannot be read ({error.strerror})", source=file, remedy="Copy it again") from error
    if not has_size or numbers.max() > _BRIGHTEST:
        raise InputFileError(
            f"is not a raw file of {SIDE} × {SIDE} pixels with 12 bits", source=file, remedy="Copy it again"
        )
    return (_BRIGHTEST - numbers.reshape(SIDE, SIDE)).astype(np.uint16)


def _enlarged(files: list[Path]) -> Draw:
    def draw(height: int, width: int) -> DrawnMask:
        foreground = np.zeros((height, width), bool)
        for file in files:
            try:
                with Image.open(file, formats=("GIF", "PNG")) as image:
                    mask = np.asarray(image.convert("L")) > 0
            except (OSError, SyntaxError, Image.DecompressionBombError) as error:
                reason = without_quotes(str(error))
                raise InputFileError(f"cannot be read ({reason})", source=file, remedy="Copy it again") from error
            factor = height // mask.shape[0]
            if (mask.shape[0] * factor, mask.shape[1] * factor) != (height, width):
                raise InputFileError("has no whole fraction of the image's size", source=file, remedy="Copy it again")
            foreground |= mask.repeat(factor, axis=0).repeat(factor, axis=1)
        return DrawnMask(foreground)

    return draw

"""Draw what each part of the simulated portable device does to a phantom, as one labelled sheet.

    python docs/generate/draw_simulated_device.py docs/simulated_device.png [--seed 0] [--size 224]

Each part is drawn at the strong end of its default range, which is named below its picture; the whole is drawn thrice,
as it comes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parent))
from drawing_options import save_drawing

from monai_lungxfer import transforms
from monai_lungxfer.synthetic.chest import chest_radiograph

__all__ = ["device_transforms", "sheet", "strong_ends"]

# Where the strong end of a range is the lower one, and where it has none: directions, grey levels.
_LOW_IS_STRONG = ("photons", "factor", "period")
_NEITHER = ("degrees", "level")

_COLUMNS = 5
_MARGIN, _LINE = 6, 14  # pixels
_SHADES = 40  # fewer shades make a small file, and cannot be told from 256 at this size


def device_transforms() -> list[str]:
    """Return the names of the transforms that have ranges of strengths."""
    return [name for name in transforms.__all__ if hasattr(getattr(transforms, name), "ranges")]


def strong_ends(name: str) -> dict[str, float]:
    """Return each strength of a transform at its strong end."""
    ranges = getattr(transforms, name).ranges
    return {
        strength: (low + high) / 2 if strength in _NEITHER else low if strength in _LOW_IS_STRONG else high
        for strength, (low, high) in ranges.items()
    }


def drawn(name: str, image: np.ndarray, lungs: np.ndarray, seed: int) -> np.ndarray:
    """Apply a transform to a phantom, uint8 (H, W)."""
    fixed = {strength: (value, value) for strength, value in strong_ends(name).items()}
    transform = getattr(transforms, name)(keys="image", prob=1.0, **fixed).set_random_state(seed)
    record = transform({"image": image[None].astype(np.float32), "label": lungs[None]})
    return np.rint(record["image"][0]).clip(0, 255).astype(np.uint8)


def sheet(seed: int, size: int) -> Image.Image:
    """Return the labelled pictures, grey: the phantom, every part, and the whole."""
    image, lungs = chest_radiograph(np.random.default_rng(seed), size, int(0.9 * size), "normal")
    parts = sorted(name for name in device_transforms() if name != "RandPortableDegraded")
    tiles = [(["phantom"], image)]
    tiles += [([name, _shown(name)], drawn(name, image, lungs, seed)) for name in parts]
    tiles += [
        (["RandPortableDegraded", f"seed {own}"], drawn("RandPortableDegraded", image, lungs, own)) for own in range(3)
    ]
    return _arranged(tiles)


def _shown(name: str) -> str:
    return ", ".join(f"{strength} {value:g}" for strength, value in strong_ends(name).items())


def _arranged(tiles: Sequence[tuple[list[str], np.ndarray]]) -> Image.Image:
    height, width = tiles[0][1].shape
    across, down = width + _MARGIN, height + _MARGIN + 2 * _LINE
    rows = -(-len(tiles) // _COLUMNS)
    paper = Image.new("L", (_COLUMNS * across + _MARGIN, rows * down + _MARGIN), 255)
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default()
    for number, (lines, tile) in enumerate(tiles):
        left, top = _MARGIN + number % _COLUMNS * across, _MARGIN + number // _COLUMNS * down
        paper.paste(Image.fromarray(tile), (left, top))
        for line, text in enumerate(lines):
            pen.text((left, top + height + 1 + line * _LINE), text, fill=0, font=font)
    return paper.quantize(_SHADES)


if __name__ == "__main__":
    save_drawing(__doc__, sheet, 224, "height of a picture in pixels")

"""Draw the picture of the README: phantoms of portable radiographs, and the masks that are drawn on them.

    python docs/generate/draw_result.py docs/pictures/result.png [--seed 0] [--size 320]

The weights are those of the portable bundle.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
from drawing_options import save_drawing

from monai_lungxfer import Segmenter
from monai_lungxfer.inference.overlay import draw_overlay
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.synthetic.chest import portable_radiograph

__all__ = ["draw_result"]

_FINDINGS = ("normal", "covid19")
_GAP = 8  # pixels
_SHADES = 96  # fewer shades make a small file


def draw_result(seed: int, size: int) -> Image.Image:
    """Return pictures side by side: each phantom, and the same with the outline of its mask."""
    segmenter = Segmenter.from_bundle("portable")
    tiles = []
    for number, finding in enumerate(_FINDINGS):
        pixels, _ = portable_radiograph(np.random.default_rng(seed + number), size, size, finding)
        mask = segmenter.segment(Radiograph(pixels.astype(np.float32), format="array")).mask
        tiles += [Image.fromarray(pixels).convert("RGB"), draw_overlay(pixels, mask)]
    height = max(tile.height for tile in tiles)
    paper = Image.new("RGB", (len(tiles) * (size + _GAP) - _GAP, height), "white")
    for number, tile in enumerate(tiles):
        paper.paste(tile, (number * (size + _GAP), 0))
    return paper.quantize(_SHADES, Image.Quantize.MAXCOVERAGE)  # which keeps the orange of the thin outline


if __name__ == "__main__":
    save_drawing(__doc__, draw_result, 320, "height and width of a phantom in pixels")

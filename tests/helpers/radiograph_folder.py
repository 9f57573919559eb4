"""Images with two bright parts for a folder, and the files that were made from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def save_radiograph(path: Path, width: int = 90, height: int = 64) -> None:
    """Write an image with two bright parts of different sizes, so that a mirrored mask differs."""
    pixels = np.full((height, width), 30, np.uint8)
    pixels[height // 4 : height // 2, width // 8 : width // 3] = 220
    pixels[height // 4 : (7 * height) // 8, (5 * width) // 8 : (7 * width) // 8] = 200
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def files_in(out: Path) -> list[str]:
    """The paths of all files below a folder, relative to it, in order."""
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())

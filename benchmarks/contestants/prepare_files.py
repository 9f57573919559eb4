"""Write the files that contestants segment, as they are and as PNG named for nnU-Net.

python prepare_files.py OUT KIND=COUNT=LOW-HIGH=SOURCE ...

SOURCE is a file, or a folder of images of which those count whose longer side has LOW to HIGH pixels. When there are
too few, they come again under other names.
"""

from __future__ import annotations

import sys
from itertools import cycle, islice
from pathlib import Path
from shutil import copy

import numpy as np
from PIL import Image

from monai_lungxfer.io.radiograph import read_radiograph


def find_images(source: Path, low: int, high: int) -> list[Path]:
    """Return the images of a size."""
    if source.is_file():
        return [source]
    files = sorted(path for path in source.iterdir() if path.suffix.lower() in (".dcm", ".jpg", ".png"))
    return [path for path in files if low <= max(read_radiograph(path).pixels.shape) <= high]


def save_png(image: Path, target: Path) -> None:
    """Write the grey values of an image in 8 bits."""
    pixels = read_radiograph(image).pixels
    grey = np.interp(pixels, (pixels.min(), pixels.max()), (0, 255))
    Image.fromarray(grey.astype(np.uint8)).save(target)


def main() -> None:
    """Write the files of each kind."""
    out = Path(sys.argv[1])
    for words in sys.argv[2:]:
        kind, count, sizes, source = words.split("=", 3)
        images = find_images(Path(source), *map(int, sizes.split("-")))
        if not images:
            sys.exit(f"{source} has no image whose longer side has {sizes} pixels")
        plain, png = out / kind, out / f"{kind}-png"
        for folder in (plain, png):
            folder.mkdir(parents=True)
        for number, image in enumerate(islice(cycle(images), int(count))):
            copy(image, plain / f"case{number:03}{image.suffix.lower()}")
            save_png(image, png / f"case{number:03}_0000.png")


if __name__ == "__main__":
    main()

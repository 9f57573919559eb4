"""Measure how often an inverted grey scale is seen and turned round, and what the masks are then worth; as Markdown.

    python scripts/experiments/measure_polarity.py --data DIR [--sets portable hannover] [--masks] [--not-chest DIR]

DIR holds the data sets. Each radiograph is shown in several ways, as it is and inverted. "Turned round" counts those
whose air is called bright with certainty, so it should be none of the first and all of the second. "Silent" counts
those that are neither turned round as they should be, nor have a flag of the image. With `--masks` the bundle's masks
of the inverted picture are compared with those of the picture that is not, by Dice.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.segmentation import Segmentation
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph

Picture = NDArray[np.float32]

WORST = 0.9
SIDE = 512  # pixels of the longer side, above which pictures are thinned out


def windowed(picture: Picture, low: float = 10, high: float = 90) -> Picture:
    """Cut the grey scale off at two percentiles."""
    bottom, top = np.percentile(picture, [low, high])
    return ((picture - bottom) / max(top - bottom, 1e-6)).clip(0, 1).astype(np.float32)


def written_on(picture: Picture, value: float) -> Picture:
    """Burn text into the corners."""
    image = Image.fromarray(picture)
    draw, (height, width) = ImageDraw.Draw(image), picture.shape
    font = ImageFont.load_default(max(10, height // 30))
    texts = {
        (0.02, 0.02): "HOSPITAL 12345\nDOE^JANE\n1970-01-01",
        (0.7, 0.02): "AP PORTABLE\n14:32",
        (0.02, 0.88): "W 4096 C 2048\nZoom 84%",
        (0.85, 0.5): "L",
    }
    for (column, row), text in texts.items():
        draw.multiline_text((column * width, row * height), text, fill=value, font=font)
    return np.asarray(image)


def framed(picture: Picture, value: float, share: float = 0.12) -> Picture:
    """Add a border, as a viewer does."""
    rows, columns = (round(share * side) for side in picture.shape)
    return np.pad(picture, ((rows, rows), (columns, columns)), constant_values=value)


def by_viewer(background: float) -> Callable[[Picture], Picture]:
    """Return what a viewer makes of a picture: 8 bits, a window, another gamma, a background with text."""

    def shown(picture: Picture) -> Picture:
        number = np.random.default_rng(picture.size)  # the same for a picture and its inverse
        grey = windowed(picture, number.uniform(0.5, 5), number.uniform(92, 99.5)) ** number.uniform(0.6, 1.6)
        grey = np.rint(255 * grey).astype(np.float32) / 255
        return written_on(framed(grey, background, number.uniform(0.03, 0.2)), 1 - background)

    return shown


VIEWS: dict[str, Callable[[Picture], Picture]] = {
    "as it is": lambda picture: picture,
    "window from the 10th to the 90th percentile": windowed,
    "window from the 25th to the 75th percentile": lambda picture: windowed(picture, 25, 75),
    "gamma 0.4": lambda picture: picture**0.4,
    "gamma 2.5": lambda picture: picture**2.5,
    "a tenth cut off each side": lambda picture: picture[
        len(picture) // 10 : -(len(picture) // 10), picture.shape[1] // 10 : -(picture.shape[1] // 10)
    ],
    "white text": lambda picture: written_on(picture, 1),
    "black border": lambda picture: framed(picture, 0),
    "white border": lambda picture: framed(picture, 1),
    "by a viewer with a black background": by_viewer(0),
    "by a viewer with a white background": by_viewer(1),
}
"""What is done to a picture of 0 to 1, after it was inverted or not."""

MASKED = ("as it is", "by a viewer with a black background", "by a viewer with a white background")
"""The views whose masks are compared."""


def read(file: Path) -> Picture:
    """Read a picture as 0 to 1."""
    pixels = read_radiograph(file).pixels
    step = max(1, max(pixels.shape) // SIDE)
    thinned = pixels[::step, ::step]
    return (thinned - thinned.min()) / max(float(np.ptp(thinned)), 1e-6)


def dice(one: Segmentation, other: Segmentation) -> float:
    """Return the Dice of two masks."""
    both = int(one.mask.sum()) + int(other.mask.sum())
    return 2 * int((one.mask & other.mask).sum()) / both if both else 1.0


def measure(name: str, files: Iterable[Path], segmenter: Segmenter, *, views: Iterable[str], with_masks: bool) -> None:
    """Print a row for each view of a data set."""
    seen: dict[str, list[tuple[bool, bool]]] = {}
    overlaps: dict[str, list[tuple[float, bool]]] = {}
    for picture in map(read, files):
        for view in views:
            radiographs = [Radiograph(VIEWS[view](one), "array") for one in (picture, 1 - picture)]
            prepared = [segmenter.prepare(radiograph) for radiograph in radiographs]
            for how, item in zip(("", ", inverted"), prepared, strict=True):
                flagged = item.traits.content is not None and any(item.traits.content.flags.values())
                seen.setdefault(view + how, []).append((item.traits.is_turned_round, flagged))
            if with_masks and view in MASKED:
                plain, inverted = segmenter.run(prepared)
                overlaps.setdefault(view, []).append((dice(plain, inverted), bool(inverted.flags)))
    for view, rows in seen.items():
        turned, silent = sum(one for one, _ in rows), sum(not one and not flagged for one, flagged in rows)
        print(f"| {name} | {view} | {turned} of {len(rows)} | {silent if 'inverted' in view else '—'} |")
    for view, pairs in overlaps.items():
        values = sorted(value for value, _ in pairs)
        bad = [flagged for value, flagged in pairs if value < WORST]
        told = f"mean {np.mean(values):.4f}, 5th percentile {np.percentile(values, 5):.4f}, least {values[0]:.4f}"
        print(
            f"| {name} | {view} | Dice {told} | under {WORST}: {len(bad)}, unflagged {bad.count(False)} |", flush=True
        )


def main() -> None:
    """Measure the sets that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the data sets")
    parser.add_argument("--sets", nargs="*", default=["general", "portable", "hannover"])
    parser.add_argument("--not-chest", type=Path, help="a folder of pictures of another part")
    parser.add_argument("--bundle", default="portable")
    parser.add_argument("--views", nargs="*", default=list(VIEWS), help="some of the ways to show a picture")
    parser.add_argument("--step", type=int, default=1, help="take every so many-th picture")
    parser.add_argument("--masks", action="store_true", help="compare masks, too")
    given = parser.parse_args()
    segmenter = Segmenter.from_bundle(given.bundle, device="cpu")
    print("| data set | shown | turned round | silent |\n| --- | --- | --- | --- |")
    for name in given.sets:
        files = [Path(record["image"]) for record in load_datalist(given.data / name, labels_required=False)]
        measure(name, files[:: given.step], segmenter, views=given.views, with_masks=given.masks)
    if given.not_chest is not None:
        files = sorted(file for file in given.not_chest.rglob("*.tif") if not file.stem.endswith("_mask"))
        measure("another part", files[:: given.step], segmenter, views=given.views, with_masks=False)


if __name__ == "__main__":
    main()

"""Measure how much of a radiograph a window leaves to see, and how good masks are under it; printed as Markdown.

    python scripts/experiments/measure_windows.py --data DIR [--images 16]

DIR holds the data sets `general` and `portable`, of each of which so many images are taken, evenly spaced. Their values
are spread over 12 bits and shown through windows that hold them, and through stale ones. The mask of the portable
network is compared with its mask of the same image without a window.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.formats.dicom_display import share_seen
from monai_lungxfer.io.radiograph import read_radiograph

HIGHEST, GOOD = 4095.0, 0.95
WINDOWS = {
    "5th to 95th percentile": None,
    "upper half": (2048, 4096),
    "lower half": (0, 2048),
    "lower third": (0, 1365),
    "lower quarter": (0, 1024),
    "128/256": (0, 256),
}


def shown(values: NDArray[np.float32], window: tuple[float, float] | None) -> tuple[NDArray[np.float32], float]:
    """Return the values as a window shows them, and the share that is neither black nor white."""
    inner = values[(values > values.min()) & (values < values.max())]
    low, high = window or np.percentile(inner, (5, 95))
    sample = np.concatenate([[values.min(), values.max()], values.ravel()])
    return np.clip(values, low, high), share_seen(lambda stored: np.clip(stored, low, high), sample)


def measure(segmenter: Segmenter, paths: Sequence[Path]) -> Iterator[tuple[str, float, float]]:
    """Yield a window's name, the share that is seen, and Dice, for every image and window."""
    for path in paths:
        radiograph = read_radiograph(path, segmenter.channels)
        values = (radiograph.pixels / radiograph.pixels.max() * HIGHEST).astype(np.float32)
        truth = segmenter.segment(replace(radiograph, pixels=values)).mask > 0
        for name, window in WINDOWS.items():
            pixels, seen = shown(values, window)
            if np.ptp(pixels) == 0:  # which is refused
                yield name, seen, 0.0
                continue
            mask = segmenter.segment(replace(radiograph, pixels=np.ascontiguousarray(pixels))).mask > 0
            yield name, seen, 2 * np.count_nonzero(mask & truth) / max(1, mask.sum() + truth.sum())


def table(results: Sequence[tuple[str, float, float]]) -> str:
    """Return a row for each window."""
    lines = ["| window | images | share seen: 5 %, median, 95 % | Dice: 5 %, median, 95 % |", "|---|---|---|---|"]
    for name in WINDOWS:
        rows = np.array([numbers for found, *numbers in results if found == name])
        cells = [", ".join(f"{value:.2f}" for value in np.percentile(column, (5, 50, 95))) for column in rows.T]
        lines.append(f"| {name} | {len(rows)} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--images", type=int, default=16)
    given = parser.parse_args()
    paths: list[Path] = []
    for name in ("general", "portable"):
        records = load_datalist(given.data / name)
        paths += [Path(record["image"]) for record in records[:: max(1, len(records) // given.images)][: given.images]]
    results = list(measure(Segmenter.from_bundle("portable"), paths))
    print(table(results))
    for limit in (0.25, 0.5):
        below = [dice for _, seen, dice in results if seen < limit]
        above = [dice for _, seen, dice in results if seen >= limit]
        good = [f"{np.mean(np.array(part) >= GOOD):.0%} of {len(part)}" for part in (below, above)]
        print(f"A Dice of {GOOD} and more: {good[0]} with a share below {limit}, {good[1]} of the others.")


if __name__ == "__main__":
    main()

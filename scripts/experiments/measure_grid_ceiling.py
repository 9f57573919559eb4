"""Measure what drawn masks lose by the network's grid alone, at their own size; printed as Markdown.

    python scripts/experiments/measure_grid_ceiling.py DIR [--sizes 256 384] [--csv FILE]

DIR holds a datalist.json. Each mask is sent through a grid of N x N pixels and back, once thresholded on the grid and
once as a probability, see `monai_lungxfer.metrics.grid_ceiling`.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.records import image_name
from monai_lungxfer.io.radiograph import read_mask
from monai_lungxfer.metrics.grid_ceiling import CEILING_METRICS, WAYS, measure_ceiling


def measure(folder: Path, sizes: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Yield a row for every mask, grid and way."""
    for record in load_datalist(folder):
        truth = read_mask(record["label"])
        for size in sizes:
            for way, values in measure_ceiling(truth, (size, size)).items():
                native = "x".join(map(str, truth.shape))
                yield {
                    "image": image_name(record["image"], folder),
                    "native": native,
                    "grid": size,
                    "way": way,
                } | values


def table(rows: Sequence[dict[str, Any]], sizes: Sequence[int]) -> str:
    """Return a row for each grid and way: mean, standard deviation and number of masks."""
    lines = [f"| grid | back as | n | {' | '.join(CEILING_METRICS)} |", "|--:|---|--:|" + "--:|" * len(CEILING_METRICS)]
    for size in sizes:
        for way in WAYS:
            chosen = [row for row in rows if (row["grid"], row["way"]) == (size, way)]
            values = np.array([[row[name] for name in CEILING_METRICS] for row in chosen])
            spread = values.std(axis=0, ddof=1) if len(chosen) > 1 else np.full(len(CEILING_METRICS), np.nan)
            told = (f"{mean:.4f} ± {sd:.4f}" for mean, sd in zip(values.mean(axis=0), spread, strict=True))
            lines.append(f"| {size} | {way} | {len(chosen)} | {' | '.join(told)} |")
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 384], metavar="N")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write every row")
    given = parser.parse_args()
    rows = list(measure(given.folder, given.sizes))
    if given.csv is not None:
        with given.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    print(table(rows, given.sizes))
    print("\nMean ± SD over masks; HD95 and ASD in pixels of each mask.")


if __name__ == "__main__":
    main()

"""Measure how far masks agree: those of several networks and the drawn ones, or those drawn of one image twice.

    python scripts/experiments/measure_agreement.py networks --split RUN/split.json DATA portable OTHER/models/model.pt
    python scripts/experiments/measure_agreement.py annotators DATA/general DATA/portable

What two people draw of one image, and what networks of different origin agree in while the drawn mask differs, tell how
much of the distance to a Dice of 1 is the network's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure_masks import at_one_size, items
from monai.transforms import Resize

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.splits import load_split
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.metrics.per_image import image_metrics

SIDE = 48
SAME = 0.98
"""Correlation of two thumbnails from which on they are taken for one image."""


def dice(mask: torch.Tensor, truth: torch.Tensor) -> np.ndarray:
    """Return Dice of masks (B, 1, H, W), (B,)."""
    return image_metrics(mask, truth, ["DICE_HARD"])["DICE_HARD"].numpy()


def print_networks(split_file: Path, data: Path, weights: list[str]) -> None:
    """Print Dice of every pair of weights, and of each with the drawn masks, on the independent half."""
    records = list(load_split(split_file, data).independent)
    masks = {}
    for name in weights:
        pairs = list(items(Segmenter.from_bundle("portable", weights=name), records))
        masks[name] = torch.stack([pair["pred"] for pair in pairs])
        masks["drawn"] = torch.stack([pair["label"] for pair in pairs])
    for one, other in combinations(masks, 2):
        values = dice(masks[one], masks[other])
        print(f"{one} with {other}: {values.mean():.4f} ± {values.std(ddof=1):.4f}, worst {values.min():.4f}")


def same_images(records: list[dict[str, Any]]) -> Iterator[tuple[float, dict[str, Any], dict[str, Any]]]:
    """Yield the pairs of images that look the same, the most alike first, with their correlation."""
    small = Resize((SIDE, SIDE), anti_aliasing=True)
    images = (torch.from_numpy(read_radiograph(record["image"]).pixels[None]) for record in records)
    correlations = np.triu(np.corrcoef([np.ravel(small(image)) for image in images]), k=1)
    for one, other in sorted(np.argwhere(correlations > SAME), key=lambda pair: -correlations[tuple(pair)]):
        yield float(correlations[one, other]), records[one], records[other]


def print_annotators(folders: list[Path]) -> None:
    """Print Dice of the two masks of every image that was drawn twice."""
    for correlation, *pair in same_images([record for folder in folders for record in load_datalist(folder)]):
        one, other = (at_one_size(read_mask(record["label"]))[None] for record in pair)
        names = ", ".join(Path(record["image"]).name for record in pair)
        print(f"{names}: correlation {correlation:.4f}, Dice of the drawn masks {dice(one, other)[0]:.4f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    networks = commands.add_parser("networks", help="networks with each other and with the drawn masks")
    networks.add_argument("--split", nargs=2, type=Path, required=True, metavar=("FILE", "DATA"))
    networks.add_argument("weights", nargs="+", help="paths, or bundles' names")
    annotators = commands.add_parser("annotators", help="masks of images that were drawn twice")
    annotators.add_argument("folders", nargs="+", type=Path, metavar="DATA")
    arguments = parser.parse_args()
    if arguments.command == "networks":
        print_networks(*arguments.split, arguments.weights)
    else:
        print_annotators(arguments.folders)


if __name__ == "__main__":
    main()

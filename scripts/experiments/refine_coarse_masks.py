"""Measure whether a border refiner restores borders that a coarse grid has lost, without any other error.

    python scripts/experiments/refine_coarse_masks.py DIR [--grid 48] [--steps 400]

DIR holds a datalist.json. Drawn masks are thresholded on a grid of N x N pixels and brought back bilinearly. A refiner
learns from the training images of split seed 0, and is measured on the validation images; printed as Markdown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch.nn.functional import interpolate

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.partition import make_split
from monai_lungxfer.data.records import Record
from monai_lungxfer.inference.border_refinement import border_weight, make_picture, resize_map
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.training.border_examples import BorderExample, usual_side
from monai_lungxfer.training.refiner import fit_refiner


def coarse_examples(records: Sequence[Record], side: int, grid: int) -> Iterator[BorderExample]:
    """Yield examples whose probability is the drawn mask, through a grid and back."""
    for record in records:
        picture = make_picture(torch.from_numpy(read_radiograph(record["image"]).pixels), side)
        size = (picture.shape[0], picture.shape[1])
        truth = (resize_map(torch.from_numpy(read_mask(record["label"])).float(), size) >= 0.5).float()
        small = interpolate(truth[None, None], (grid, grid), mode="bilinear", antialias=True)
        probability = interpolate((small >= 0.5).float(), size, mode="bilinear")[0, 0]
        weight = torch.from_numpy(border_weight(probability.numpy()))
        yield BorderExample(torch.stack([picture, probability, truth, weight]))


def main() -> None:
    """Read the arguments, train, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--grid", type=int, default=48, metavar="N")
    parser.add_argument("--steps", type=int, default=400, metavar="N")
    given = parser.parse_args()
    split = make_split(load_datalist(given.folder), 0, (0.6, 0.2, 0.2), 0.5, root=given.folder)
    side = usual_side(split.training)
    training, validation = (
        list(coarse_examples(records, side, given.grid)) for records in (split.training, split.validation)
    )
    _, kept, before, after = fit_refiner(training, validation, 0, given.steps)
    print(f"{len(training)} training and {len(validation)} validation images, step {kept} of {given.steps} kept\n")
    print("| metric | before | after |\n|---|--:|--:|")
    for name, value in before.items():
        print(f"| {name} | {value:.4f} | {after[name]:.4f} |")


if __name__ == "__main__":
    main()

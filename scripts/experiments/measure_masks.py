"""Measure the masks that `lungxfer predict` gives, after cleaning and at native size, on one section of a split.

    python scripts/experiments/measure_masks.py --split RUN/split.json DATA --weights RUN/models/model.pt --out x.json

While `lungxfer evaluate` measures what the network gives, at the network's size, this measures what a user gets: by the
bundle's inference.yaml with its overrides. Mask and label are then resized alike, nearest-exact, to 256x256, so that
networks of any input size are compared on the same pixels. Last, it tells where masks and labels differ: how near the
label's border, and what Dice a threshold of each image's own would give, chosen by its label and without cleaning.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from monai.transforms import Resize
from scipy.ndimage import distance_transform_edt

from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.cli.options import parsed_settings
from monai_lungxfer.data.splits import load_split
from monai_lungxfer.handlers.image_table import ImageTable
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.study.analysis.statistics import worst_tenth

NAMES = ("DICE_HARD", "SENS", "SPEC", "HD95", "ASD", "ISLANDS", "BRIDGES")


def at_one_size(mask: np.ndarray) -> torch.Tensor:
    """Return a mask of any size as (1, 256, 256)."""
    return Resize((256, 256), mode="nearest-exact")(torch.from_numpy(mask[None]).float())


def items(segmenter: Segmenter, records: list[Any]) -> Iterator[dict[str, torch.Tensor]]:
    """Yield mask, probability and label of every record, (1, 256, 256)."""
    for record in records:
        found = segmenter.segment(read_radiograph(record["image"]))
        sized = {"pred": found.mask, "probability": found.probability, "label": read_mask(record["label"])}
        yield {name: at_one_size(plane) for name, plane in sized.items()}


def differences(item: dict[str, torch.Tensor]) -> list[float]:
    """Return `shares_near_border` and `best_dice` of one image."""
    pred, probability, label = (item[name][0].numpy() for name in ("pred", "probability", "label"))
    return [*shares_near_border(pred > 0, label > 0), best_dice(probability, label > 0)]


def shares_near_border(mask: np.ndarray, label: np.ndarray) -> list[float]:
    """Return which shares of the pixels that differ lie within 2 and 3 pixels of the label's border; NaN of none."""
    distance = np.where(label, distance_transform_edt(label), distance_transform_edt(~label))
    wrong = distance[mask ^ label]
    return [float((wrong <= reach).mean()) if wrong.size else np.nan for reach in (2, 3)]


def best_dice(probability: np.ndarray, label: np.ndarray) -> float:
    """Return the highest Dice of the thresholds 0.02, 0.04, … 0.98."""
    masks = [probability > threshold for threshold in np.arange(0.02, 1, 0.02)]
    return float(max(2 * (mask & label).sum() / (mask.sum() + label.sum()) for mask in masks))


def main() -> None:
    """Measure, print the summary, write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", nargs=2, type=Path, required=True, metavar=("FILE", "DATA"))
    parser.add_argument("--section", default="independent")
    parser.add_argument("--bundle", default="portable")
    parser.add_argument("--weights", help="default: the bundle's own")
    parser.add_argument("--set", action="append", metavar="ID=VALUE", help="a setting of inference.yaml")
    parser.add_argument("--out", type=Path, required=True, help="the report, JSON")
    arguments = parser.parse_args()
    file, data = arguments.split
    split = load_split(file, data)
    records = list(split.section(arguments.section))
    weights = arguments.weights or arguments.bundle
    segmenter = Segmenter.from_bundle(arguments.bundle, weights=weights, overrides=parsed_settings(arguments.set))
    table = ImageTable(records, data, NAMES)
    engine = Engine(lambda _, item: [item])
    table.attach(engine)
    measured = list(items(segmenter, records))
    engine.run(measured, epoch_length=len(records))
    report = table.write(arguments.out, section=arguments.section, split=split.hash, weights=resolve_weights(weights))
    for name, summary in report["all"].items():
        print(f"{name:10} {summary['mean']:.4f} ± {summary['std']:.4f}")
    dice = np.array([row["DICE_HARD"] for row in report["rows"]])
    print(
        "Dice: 10th percentile {:.4f}, mean of the worst tenth {:.4f}, median {:.4f}".format(
            *worst_tenth(dice), np.median(dice)
        )
    )
    for finding, summary in report["by_finding"].items():
        print(f"Dice, {finding}: {summary['DICE_HARD']['mean']:.4f} ({summary['DICE_HARD']['n']})")
    near_2, near_3, best = np.nanmean([differences(item) for item in measured], axis=0)
    print(f"Of the pixels that differ, within 2 and 3 pixels of the drawn border: {near_2:.1%}, {near_3:.1%}")
    print(f"Dice, a threshold for each image chosen by its label: {best:.4f}")


if __name__ == "__main__":
    main()

"""Measure the masks of every engine and precision against drawn masks, on the same images.

    python scripts/experiments/measure_engines.py DATA/portable --splits RUN/0/split.json RUN/1/split.json \
        --weights RUN/models/model.pt --student RUN/student.pt --out engines.json

Masks are those of `lungxfer predict`, after cleaning. As in `measure_masks.py`, mask and label are resized to 256x256.
Without `--splits`, all images of the data set are one group; with them, each split's independent half is a group. The
weights must not have learnt from these images. Differences are those of the same images, in units of Dice.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from measure_masks import at_one_size

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.splits import load_split
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.metrics.per_image import image_metrics
from monai_lungxfer.study.analysis.statistics import worst_tenth

VARIANTS: dict[str, dict[str, Any]] = {
    "torch float32": {"engine": "torch"},
    "torch bfloat16": {"engine": "torch", "overrides": {"precision": "bfloat16"}},
    "onnx float32": {"engine": "onnx"},
    "openvino float32": {"engine": "openvino"},
    "openvino bfloat16": {"engine": "openvino", "overrides": {"precision": "bfloat16"}},
}


def make_segmenters(bundle: str, weights: str | None, student: str | None) -> dict[str, Segmenter]:
    """Return a segmenter for each variant, by its name."""
    made = {name: Segmenter.from_bundle(bundle, weights=weights, device="cpu", **how) for name, how in VARIANTS.items()}
    if student:
        made["onnx float32, student"] = Segmenter.from_bundle(bundle, weights=student, engine="onnx")
    for name, segmenter in made.items():
        if segmenter.engine.name != name.partition(" ")[0]:
            raise SystemExit(f"{name}: the engine {segmenter.engine.name} did the work; see the warning above")
    return made


def measure(segmenters: dict[str, Segmenter], records: list[Any]) -> dict[str, list[float]]:
    """Return Dice of every record for each segmenter."""
    dice = defaultdict(list)
    for record in records:
        radiograph, label = read_radiograph(record["image"]), at_one_size(read_mask(record["label"]))
        for name, segmenter in segmenters.items():
            mask = at_one_size(segmenter.segment(radiograph).mask)
            dice[name].append(float(image_metrics(mask[None], label[None] > 0, ["DICE_HARD"])["DICE_HARD"]))
    return dict(dice)


def print_table(dice: dict[str, list[float]], groups: dict[str, list[int]]) -> None:
    """Print a row for each variant, in Markdown."""
    names = list(groups)
    print(f"| engine | {' | '.join(names)} | worst tenth, each half | difference with the first row | its extremes |")
    print("|---" * (len(names) + 4) + "|")
    first = np.array(next(iter(dice.values())))
    for variant, values in dice.items():
        own = np.array(values)
        means = [f"{own[group].mean():.4f} ± {own[group].std(ddof=1):.4f}" for group in groups.values()]
        worst = [f"{worst_tenth(own[group])[1]:.4f}" for name, group in groups.items() if name.startswith("half")]
        change = own - first
        cells = [*means, ", ".join(worst), f"{change.mean():+.5f}", f"{change.min():+.4f} to {change.max():+.4f}"]
        print(f"| {variant} | {' | '.join(cells)} |")


def main() -> None:
    """Measure, print the table, write every image's Dice."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--splits", type=Path, nargs="*", default=[])
    parser.add_argument("--bundle", default="portable")
    parser.add_argument("--weights", help="default: the bundle's own")
    parser.add_argument("--student", help="weights of a smaller network")
    parser.add_argument("--out", type=Path, required=True, help="Dice of every image, JSON")
    arguments = parser.parse_args()
    halves = [{one["image"] for one in load_split(file, arguments.data).independent} for file in arguments.splits]
    everything = load_datalist(arguments.data)
    records = [one for one in everything if not halves or any(one["image"] in half for half in halves)]
    groups = {
        f"half {number}": [at for at, one in enumerate(records) if one["image"] in half]
        for number, half in enumerate(halves or [{one["image"] for one in records}])
    }
    for finding in sorted({one["finding"] for one in records}):
        found = [at for at, one in enumerate(records) if one["finding"] == finding]
        if len(found) > 1:
            groups[f"{finding} ({len(found)})"] = found
    dice = measure(make_segmenters(arguments.bundle, arguments.weights, arguments.student), records)
    images = [Path(one["image"]).name for one in records]
    arguments.out.write_text(json.dumps({"images": images, "groups": groups, "dice": dice}) + "\n")
    print_table(dice, groups)


if __name__ == "__main__":
    main()

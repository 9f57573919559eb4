"""What `lungxfer select` chooses, next to choosing at random with the same limit for each patient.

    lungxfer select DIR/hannover --count 30 -o first
    python scripts/experiments/measure_selection.py DIR/hannover first/survey.jsonl

It prints how far the images are from the nearest chosen one, and the expected Dice of the chosen ones.
"""

from __future__ import annotations

import argparse
import json
from base64 import b64decode
from pathlib import Path

import numpy as np

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.records import image_name
from monai_lungxfer.selection.choice import ChoiceRules, choose, standardise

_DRAWS = 200
_HARD = 10


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("survey", type=Path)
    parser.add_argument("--count", type=int, default=30)
    given = parser.parse_args()
    lines = [json.loads(line) for line in given.survey.read_text().splitlines()[1:]]
    records = {
        image_name(one["image"], given.data.absolute()): one for one in load_datalist(given.data, labels_required=False)
    }
    features = standardise(np.stack([np.frombuffer(b64decode(line["features"]), "<f4") for line in lines]))
    dice = np.array([line["dice_expected"] for line in lines], float)
    patients = [records[line["file"]]["patient"] for line in lines]
    views = [records[line["file"]].get("view", "unknown") for line in lines]
    hardest = set(np.argsort(dice)[:_HARD].tolist())

    def measure(chosen: list[int]) -> tuple[float, ...]:
        apart = np.linalg.norm(features[:, None] - features[chosen], axis=2).min(axis=1)
        return float(apart.max()), float(apart.mean()), float(dice[chosen].mean()), len(hardest & set(chosen))

    print(f"| chosen | largest distance | mean distance | mean expected Dice | of the {_HARD} lowest |")
    print("|---|--:|--:|--:|--:|")
    for name, share, balanced in (
        ("both, balanced", 0.5, True),
        ("both, not balanced", 0.5, False),
        ("diverse alone, not balanced", 0.0, False),
        ("uncertain alone, not balanced", 1.0, False),
    ):
        rules = ChoiceRules(given.count, 1, share, balanced)
        found = choose(features, 1 - dice, patients, views, rules)
        print("| {} | {:.2f} | {:.2f} | {:.3f} | {} |".format(name, *measure([one.place for one in found])))
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(_DRAWS):
        order = rng.permutation(len(lines)).tolist()
        first = {patients[place]: place for place in reversed(order)}
        drawn.append(measure(list(first.values())[::-1][: given.count]))
    told = (
        f"{mean:.3g} ± {spread:.2g}" for mean, spread in zip(np.mean(drawn, 0), np.std(drawn, 0, ddof=1), strict=True)
    )
    print(f"| at random, {_DRAWS} draws, mean ± SD | {' | '.join(told)} |")


if __name__ == "__main__":
    main()

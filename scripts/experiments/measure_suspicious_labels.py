"""How often `lungxfer data check --against-model` finds faults that were made on purpose, and doubts untouched labels.

    python scripts/experiments/measure_suspicious_labels.py DIR/portable --weights general

Prints the tables of docs/suspicious_labels.md. Every label gets every fault, one fault at a time; each image is
segmented once. Nothing that is printed names an image.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from monai_lungxfer.checks.label_faults import GRID, LabelFault, judge_label, measure_dice
from monai_lungxfer.checks.suspicious_labels import ComparedLabel, compare_label, judge_labels
from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.segmenter import DEFAULT_BUNDLE, Segmenter

SEED = 0
Mask = NDArray[np.bool_]
Spoil = Callable[[Mask, np.random.Generator], Mask]


def move(share: float) -> Spoil:
    """Return what moves a mask by a share of the image in a random direction; what leaves the image is lost."""

    def moved(mask: Mask, rng: np.random.Generator) -> Mask:
        angle = rng.uniform(0, 2 * np.pi)
        down, right = (round(share * GRID * turn) for turn in (np.sin(angle), np.cos(angle)))
        wide = np.pad(mask, GRID)
        return wide[GRID - down : 2 * GRID - down, GRID - right : 2 * GRID - right]

    return moved


def draw_heart(mask: Mask, rng: np.random.Generator) -> Mask:
    """Return a heart of two tilted ellipses between the lungs, larger on the patient's left, of a random size."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    middle = columns[0] + width * (0.5 + rng.uniform(-0.03, 0.03))
    floor = rows[0] + height * rng.uniform(0.82, 0.95)
    y, x = np.mgrid[:GRID, :GRID] + 0.5
    heart = np.zeros_like(mask)
    for across, up, half_width, half_height, tilt in ((0.09, 0.22, 0.21, 0.15, 0.5), (-0.05, 0.25, 0.13, 0.2, 0.0)):
        size = rng.uniform(0.85, 1.15)
        right, down = x - middle - across * width, y - floor + up * height
        one, two = right * np.cos(tilt) + down * np.sin(tilt), down * np.cos(tilt) - right * np.sin(tilt)
        heart |= (one / (half_width * width * size)) ** 2 + (two / (half_height * height * size)) ** 2 <= 1
    return heart


FAULTS: dict[str, tuple[Spoil, LabelFault]] = {
    "empty": (lambda mask, _: np.zeros_like(mask), LabelFault.EMPTY),
    "inverted": (lambda mask, _: ~mask, LabelFault.INVERTED),
    "upside down": (lambda mask, _: mask[::-1], LabelFault.UPSIDE_DOWN),
    "turned by 180°": (lambda mask, _: mask[::-1, ::-1], LabelFault.UPSIDE_DOWN),
    "turned by 90°": (lambda mask, _: np.rot90(mask), LabelFault.TURNED),
    "mirrored": (lambda mask, _: mask[:, ::-1], LabelFault.MIRRORED),
    "moved by 2 %": (move(0.02), LabelFault.SHIFTED),
    "moved by 3 %": (move(0.03), LabelFault.SHIFTED),
    "moved by 5 %": (move(0.05), LabelFault.SHIFTED),
    "moved by 10 %": (move(0.1), LabelFault.SHIFTED),
    "heart cut out": (lambda mask, rng: mask & ~draw_heart(mask, rng), LabelFault.HEART_CUT_OUT),
    "heart drawn as lung": (lambda mask, rng: mask | draw_heart(mask, rng), LabelFault.HEART_FILLED_IN),
}


def spoil(compared: Sequence[ComparedLabel], way: Spoil) -> list[ComparedLabel]:
    """Return the labels with one fault in all of them."""
    rng = np.random.default_rng(SEED)
    drawn = [way(one.drawn, rng) for one in compared]
    return [
        one._replace(drawn=mask, judgement=judge_label(mask, one.found))
        for one, mask in zip(compared, drawn, strict=True)
    ]


def exchange(compared: Sequence[ComparedLabel], patients: Sequence[str]) -> list[ComparedLabel]:
    """Return the labels, each at an image of another patient."""
    rng = np.random.default_rng(SEED)
    exchanged = []
    for place, one in enumerate(compared):
        others = [number for number, patient in enumerate(patients) if patient != patients[place]]
        mask = compared[rng.choice(others)].drawn
        exchanged.append(one._replace(drawn=mask, judgement=judge_label(mask, one.found)))
    return exchanged


def print_row(name: str, compared: Sequence[ComparedLabel], expected: LabelFault | None) -> None:
    """Print how many labels are named, by the right word and by others."""
    judged = judge_labels(compared)
    counts = Counter(str(one.fault) for one in judged.values())
    right = 0 if expected is None else counts.pop(str(expected), 0)
    low, high = binomtest(len(judged), len(compared)).proportion_ci(method="wilson")
    others = ", ".join(f"{count} {word}" for word, count in counts.most_common()) or "–"
    print(f"| {name} | {len(judged)} of {len(compared)} | {low:.1%} to {high:.1%} | {right} | {others} |")


def main() -> None:
    """Segment once, and judge all faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--weights")
    arguments = parser.parse_args()
    records = load_datalist(arguments.data)
    segmenter = Segmenter.from_bundle(DEFAULT_BUNDLE, weights=arguments.weights)
    pairs = [compare_label(segmenter, index, record) for index, record in enumerate(records)]
    compared = [pair for pair in pairs if pair is not None]
    dice = [measure_dice(one.drawn, one.found) for one in compared]
    print(f"{len(compared)} labels, {segmenter.identity}, Dice {np.mean(dice):.3f}, lowest {min(dice):.3f}\n")
    print("| fault | named | 95 % interval | by the right word | by another |\n|---|---|---|---|---|")
    print_row("none", compared, None)
    for name, (way, expected) in FAULTS.items():
        print_row(name, spoil(compared, way), expected)
    patients = [records[one.record]["patient"] for one in compared]
    print_row("mask of another patient", exchange(compared, patients), LabelFault.OTHER_IMAGE)


if __name__ == "__main__":
    main()

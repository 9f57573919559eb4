"""Measure on masks drawn by people how often quality flags are right, and what cleaning does; printed as Markdown.

    python scripts/experiments/measure_quality.py --data DIR [--step 5]

DIR holds the data sets `general` and `portable`. False alarms are counted on all drawn masks and their images. Every
`step`-th mask of `general` is then broken in several ways, and it is counted how often the flag that should be raised
is raised. As in a prediction, a broken mask is what the network drew, and its cleaned form is measured.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.image_traits import ImageTraits, measure_traits
from monai_lungxfer.inference.measurements import Measurements, measure
from monai_lungxfer.inference.quality import FLAGS, find_flags
from monai_lungxfer.io.radiograph import Radiograph, read_mask, read_radiograph
from monai_lungxfer.morphology.cleaning import clean_lungs
from monai_lungxfer.morphology.lungs import TOUCHING, count_bridges, count_islands, find_lungs, piece_areas

Mask = NDArray[np.uint8]

PERCENTILES = (0, 0.5, 5, 50, 95, 99.5, 100)


def disc(shape: tuple[int, ...], row: int, column: int, radius: float) -> NDArray[np.bool_]:
    """Return a filled circle."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - row) ** 2 + (columns - column) ** 2 <= radius**2


def separate_lungs(mask: Mask) -> list[NDArray[np.bool_]]:
    """Return the two lungs, the one further left first."""
    pieces, _ = ndimage.label(mask, TOUCHING)
    lungs = [pieces == label for label in find_lungs(piece_areas(pieces))]
    return sorted(lungs, key=lambda lung: float(ndimage.center_of_mass(lung)[1]))


def add_island(mask: Mask, random: np.random.Generator) -> Mask:
    """Add a disc of 2 to 10 % of the image's height somewhere outside the lungs."""
    away = ndimage.distance_transform_edt(mask == 0)
    radius = min(random.uniform(0.01, 0.05) * mask.shape[0], away.max() - 4)
    row, column = random.choice(np.argwhere(away > radius + 3))
    return mask | disc(mask.shape, row, column, radius)


def add_bridge(mask: Mask, random: np.random.Generator) -> Mask:
    """Add a band of 0.5 to 6 % of the image's height between the lungs, from centre to centre, moved up or down."""
    height = mask.shape[0]
    (top, left), (bottom, right) = (ndimage.center_of_mass(lung) for lung in separate_lungs(mask))
    offset, width = random.uniform(-0.15, 0.15) * height, max(1, round(random.uniform(0.005, 0.06) * height))
    result = mask.copy()
    for column in range(int(left), int(right)):
        row = max(0, int(top + (bottom - top) * (column - left) / (right - left) + offset))
        result[row : row + width, column] = 1
    return result


def add_hole(mask: Mask, random: np.random.Generator) -> Mask:
    """Punch a disc of 2 to 8 % of the image's height out of a lung."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    radius = min(random.uniform(0.01, 0.04) * mask.shape[0], depth.max() - 4)
    row, column = random.choice(np.argwhere(depth > radius + 3))
    return mask & ~disc(mask.shape, row, column, radius)


def remove_lung(mask: Mask, random: np.random.Generator) -> Mask:
    """Leave one of the lungs."""
    return separate_lungs(mask)[random.integers(2)].astype(np.uint8)


def shift(mask: Mask, random: np.random.Generator) -> Mask:
    """Move the mask sideways until a quarter of its width is outside the image."""
    mirrored = bool(random.integers(2))
    mask = mask[:, ::-1] if mirrored else mask
    columns = np.flatnonzero(mask.any(axis=0))
    moved = np.zeros_like(mask)
    beyond = columns[0] + (columns[-1] - columns[0]) // 4
    moved[:, : mask.shape[1] - beyond] = mask[:, beyond:]
    return moved[:, ::-1] if mirrored else moved


def cut_below(mask: Mask, _: np.random.Generator, share: float) -> Mask:
    """Leave the upper part of the lungs; `share` of their height is missing below."""
    rows = np.flatnonzero(mask.any(axis=1))
    result = mask.copy()
    result[round(rows[-1] - share * (rows[-1] - rows[0])) :] = 0
    return result


def empty(mask: Mask, _: np.random.Generator) -> Mask:
    """Leave nothing."""
    return np.zeros_like(mask)


BROKEN_MASKS: dict[str, tuple[Callable[[Mask, np.random.Generator], Mask], str]] = {
    "island added": (add_island, "island"),
    "bridge added": (add_bridge, "bridge"),
    "one lung removed": (remove_lung, "not_two_lungs"),
    "shifted over the border": (shift, "touches_border"),
    "lower half missing": (partial(cut_below, share=1 / 2), "short_lungs"),
    "lower third missing": (partial(cut_below, share=1 / 3), "short_lungs"),
    "empty": (empty, "empty"),
}


def measured(raw: Mask) -> Measurements:
    """Measure the cleaned form of a mask, as a prediction is measured."""
    cleaned = clean_lungs(raw).astype(np.uint8)
    return measure(cleaned, cleaned.astype(np.float32), raw=raw)


def print_percentiles(name: str, found: Sequence[Measurements], traits: Sequence[ImageTraits]) -> None:
    """Print where the thresholds come from."""
    columns = {
        "share of the image": [m.share for m in found],
        "height of the lungs": [m.height_share for m in found],
        "smaller / larger lung": [m.symmetry for m in found if m.symmetry is not None],
        "lung on the border": [m.border for m in found],
        "entropy in bits": [own.entropy for own in traits],
    }
    for title, values in columns.items():
        cells = " | ".join(f"{value:.3f}" for value in np.percentile(values, PERCENTILES))
        print(f"| {title}, {name} | {cells} |")


def print_false_alarms(alarms: dict[str, list[tuple[str, ...]]]) -> None:
    """Print how often a flag is raised for a drawn mask and its image."""
    print("\n| flag | " + " | ".join(f"{name} ({len(flags)})" for name, flags in alarms.items()) + " |")
    print("|---|" + "---:|" * len(alarms))
    counts = {name: Counter(flag for raised in flags for flag in raised) for name, flags in alarms.items()}
    for flag in FLAGS:
        cells = (f"{counts[name][flag]} ({counts[name][flag] / len(flags):.1%})" for name, flags in alarms.items())
        print(f"| `{flag}` | " + " | ".join(cells) + " |")
    cells = (f"{sum(map(bool, flags))} ({sum(map(bool, flags)) / len(flags):.1%})" for flags in alarms.values())
    print("| any of them | " + " | ".join(cells) + " |")


def print_hits(masks: Sequence[Mask], images: Sequence[Radiograph]) -> None:
    """Print how often what is broken is found."""
    random = np.random.default_rng(0)
    rows = {}
    for title, (spoil, flag) in BROKEN_MASKS.items():
        rows[title] = flag, [find_flags(measured(spoil(mask, random))) for mask in masks]
    tinted = [measure_traits(Radiograph(image.pixels, image.format, is_colour=True)) for image in images]
    drawn = [measure_traits(Radiograph(mask.astype(np.float32), "png")) for mask in masks]
    for title, flag, traits in (("colour image", "colour_image", tinted), ("mask for an image", "few_shades", drawn)):
        rows[title] = flag, [find_flags(measured(mask), each) for mask, each in zip(masks, traits, strict=True)]
    print(f"\n| broken ({len(masks)} each) | flag | raised | any flag |\n|---|---|---:|---:|")
    for title, (flag, flags) in rows.items():
        hits, any_hits = np.mean([flag in raised for raised in flags]), np.mean([bool(raised) for raised in flags])
        print(f"| {title} | `{flag}` | {hits:.1%} | {any_hits:.1%} |")


def print_cleaning(masks: Sequence[Mask]) -> None:
    """Print how near the drawn masks cleaning brings what was broken, and how near those stay by themselves."""
    random = np.random.default_rng(1)
    kinds = {"as drawn": None, "island": add_island, "bridge": add_bridge, "hole": add_hole}
    print(f"\n| mask ({len(masks)} each) | Dice before | Dice after | least after | bridges left | islands left |")
    print("|---|---:|---:|---:|---:|---:|")
    for title, spoil in kinds.items():
        broken = [mask if spoil is None else spoil(mask, random) for mask in masks]
        cleaned = [clean_lungs(mask).astype(np.uint8) for mask in broken]
        before, after = ([dice(*pair) for pair in zip(masks, each, strict=True)] for each in (broken, cleaned))
        left = [sum(count(mask) for mask in cleaned) for count in (count_bridges, count_islands)]
        print(f"| {title} | {np.mean(before):.4f} | {np.mean(after):.4f} | {min(after):.4f} | {left[0]} | {left[1]} |")


def dice(one: Mask, other: Mask) -> float:
    """Return the Dice coefficient of two masks, of which one at least is not empty."""
    return 2 * float(np.count_nonzero(one & other)) / (np.count_nonzero(one) + np.count_nonzero(other))


def main() -> None:
    """Read the data sets one after the other, and print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--step", type=int, default=5)
    arguments = parser.parse_args()
    print("| percentile | " + " | ".join(f"{value:g}" for value in PERCENTILES) + " |")
    print("|---|" + "---:|" * len(PERCENTILES))
    alarms: dict[str, list[tuple[str, ...]]] = {}
    masks: dict[str, list[Mask]] = {}
    for name in ("general", "portable"):
        records = load_datalist(arguments.data / name)
        masks[name] = [read_mask(record["label"]) for record in records]
        traits = [measure_traits(read_radiograph(record["image"])) for record in records]
        print_percentiles(name, [measure(mask, mask.astype(np.float32)) for mask in masks[name]], traits)
        alarms[name] = [find_flags(measured(mask), own) for mask, own in zip(masks[name], traits, strict=True)]
    print_false_alarms(alarms)
    chosen = load_datalist(arguments.data / "general")[:: arguments.step]
    images = [read_radiograph(record["image"]) for record in chosen]
    print_hits(masks["general"][:: arguments.step], images)
    print_cleaning(masks["portable"])


if __name__ == "__main__":
    main()

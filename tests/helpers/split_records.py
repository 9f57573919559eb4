"""Records to split, and what a split made of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from monai_lungxfer.data.partition import Split


def make_records(root: Path, sizes: dict[str, list[int]]) -> list[dict]:
    """One patient for each number, with so many images of the finding."""
    records = []
    for finding, numbers in sizes.items():
        for patient, images in enumerate(numbers):
            name = f"{finding}{patient}"
            records += [
                {
                    "image": str(root / "images" / f"{name}_{i}.png"),
                    "label": str(root / "masks" / f"{name}_{i}.png"),
                    "patient": name,
                    "finding": finding,
                }
                for i in range(images)
            ]
    return records


def image_names(split: Split) -> dict[str, set[str]]:
    return {name: {Path(record["image"]).name for record in part} for name, part in split.sections.items()}


def count_findings(split: Split) -> dict[str, Counter]:
    return {name: Counter(record["finding"] for record in part) for name, part in split.sections.items()}


# As unbalanced as the portable set: many patients of one image, few of many, one rare finding.
UNEVEN = {"covid19": [1] * 44 + [2] * 17 + [3] * 6 + [4, 5, 7], "pathological": [4, 3, 2, 1], "normal": [1]}

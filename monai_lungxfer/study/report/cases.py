"""The cases of the gallery: images of the independent half, known by numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from monai_lungxfer.inference.quality import FLAGS, counted_flags
from monai_lungxfer.metrics.per_image import METRICS
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.analysis.statistics import worst_tenth

MAX_CASES = 48
"""More would make the page heavy."""

MEASURED_FLAGS = tuple(counted_flags(0, 0, 0))
"""Flags of masks that a study's reports tell without the images."""

CASE_FLAGS = MappingProxyType(
    {"worst_tenth": "Dice is among the lowest tenth", "fell": "Dice fell through the portable stage", **FLAGS}
)
"""Every flag of a case and what it means."""


@dataclass(frozen=True)
class Case:
    """One image, as the first repetition saw it that held it out.

    The number, from 1, is its place among all images of the independent halves, sorted by name. The name itself,
    `image`, must not get into the report. `before` and `after` are its metrics, and the flags some of `CASE_FLAGS`.
    """

    number: int
    image: str
    repetition: int
    finding: str
    view: str
    before: Mapping[str, float]
    after: Mapping[str, float]
    flags: tuple[str, ...]


def choose_cases(results: StudyResults, limit: int = MAX_CASES) -> list[Case]:
    """Choose the cases of the gallery, the lowest Dice after the portable stage first.

    Where there are more images than `limit`, half of the cases are the worst and the others are spread evenly.
    """
    before, after = (
        rows.sort_values("repetition").drop_duplicates("image").set_index("image")
        for rows in (results.before(), results.after())
    )
    numbers = {image: number for number, image in enumerate(sorted(after.index), 1)}
    low = worst_tenth(after.DICE)[0]
    ranked = after.sort_values("DICE", kind="stable").index
    cases = []
    for image in ranked[_spread(len(ranked), limit)]:
        old, new = before.loc[image], after.loc[image]
        flags = _flags(old, new, low)
        view = new["view"] if isinstance(new.get("view"), str) else ""
        cases.append(
            Case(numbers[image], image, int(new.repetition), new.finding, view, _metrics(old), _metrics(new), flags)
        )
    return cases


def _metrics(row: pd.Series) -> dict[str, float]:
    return {name: row[name] for name in METRICS}


def _spread(number: int, limit: int) -> list[int]:
    """Return which of the ranked images are shown."""
    if number <= limit:
        return list(range(number))
    worst = limit // 2
    return [*range(worst), *np.linspace(worst, number - 1, limit - worst).round().astype(int)]


def _flags(before: pd.Series, after: pd.Series, low: float) -> tuple[str, ...]:
    raised = {
        "worst_tenth": low >= after.DICE,
        "fell": after.DICE < before.DICE,
        **counted_flags(after.AREA, after.BRIDGES, after.ISLANDS),
    }
    return tuple(name for name in CASE_FLAGS if raised.get(name))

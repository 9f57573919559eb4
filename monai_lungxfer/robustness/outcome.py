"""What a trial found: changes by objects, doses and weights, averaged over draws, with intervals over patients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from monai_lungxfer.robustness.design import Design
from monai_lungxfer.robustness.measuring import ATTRIBUTIONS, INSIDE, MEASURED, OUTSIDE, WHOLE, flatten_pairs
from monai_lungxfer.robustness.observed import compare_marked
from monai_lungxfer.study.analysis.statistics import interval, worst_tenth

FACTS = ("weights", "image", "patient", "finding", "view", "source", "size")
"""What the rows of a trial say of each image."""

VALUES = tuple(f"{name}_{side}" for name in MEASURED for side in ("without", "with", "change"))
_GROUP = ("weights", "object", "dose")
_FEWER_IS_BETTER = frozenset({"ISLANDS", "BRIDGES", "FUSED", *ATTRIBUTIONS.values()})


class Collector:
    """Gathers a trial unit by unit, and keeps of each image the means over the draws of each object and dose."""

    def __init__(self) -> None:
        self._groups: list[tuple[Any, ...]] = []
        self._means: list[np.ndarray] = []
        self._plain: list[dict[str, Any]] = []

    def take(self, units: Iterator[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield a row for each pair of the units as they pass."""
        for unit in units:
            facts = {name: unit[name] for name in FACTS}
            rows = list(flatten_pairs(unit, facts))
            self._add_means(rows)
            marked = unit["marked"] or {}
            regions = {name: marked.get(name) for name in ("share", INSIDE, OUTSIDE)}
            self._plain.append({**facts, "ignore_fraction": unit["ignore_fraction"], **unit["plain"], **regions})
            yield from rows

    def _add_means(self, rows: Sequence[Mapping[str, Any]]) -> None:
        conditions = dict.fromkeys((row["object"], row["dose"]) for row in rows)
        for condition in conditions:
            drawn = [row for row in rows if (row["object"], row["dose"]) == condition]
            table = np.array([[row[name] for name in (*VALUES, "footprint")] for row in drawn], dtype=float)
            known = ~np.isnan(table)
            sums = np.where(known, table, 0).sum(axis=0)
            # A mean of no value is undefined, of which NumPy's nanmean would warn.
            means = np.divide(sums, known.sum(axis=0), where=known.any(axis=0), out=np.full(len(sums), np.nan))
            self._groups.append((drawn[0]["weights"], drawn[0]["image"], drawn[0]["patient"], *condition))
            self._means.append(means)

    def finish(self, design: Design, weights: Sequence[str]) -> TrialOutcome:
        """Return what was gathered."""
        facts = pd.DataFrame(self._groups, columns=["weights", "image", "patient", "object", "dose"])
        values = pd.DataFrame(np.array(self._means), columns=[*VALUES, "footprint"])
        plain = pd.DataFrame(self._plain)
        numbers = ["ignore_fraction", *WHOLE, "share", INSIDE, OUTSIDE]
        plain[numbers] = plain[numbers].astype(float)
        return TrialOutcome(design, tuple(weights), pd.concat([facts, values], axis=1), plain)


@dataclass(frozen=True)
class TrialOutcome:
    """The numbers of a trial.

    Attributes
    ----------
    design : Design
        What was drawn.
    weights : tuple of str
        The weights, in the order in which they were named.
    means : pandas.DataFrame
        A row for each image, object, dose and set of weights: means over draws of what `flatten_pairs` gives.
    plain : pandas.DataFrame
        A row for each image and set of weights without drawn objects, and what is measured where objects are marked.
    """

    design: Design
    weights: tuple[str, ...]
    means: pd.DataFrame
    plain: pd.DataFrame

    @cached_property
    def drawn(self) -> pd.DataFrame:
        """A row for each set of weights, object, dose and metric: mean change, its 95 % interval, and its worst tenth.

        Means are over images, of means over draws. Intervals are of a bootstrap over patients, see
        `monai_lungxfer.study.analysis.statistics.interval`.
        """
        left_out = {name for method, name in ATTRIBUTIONS.items() if method not in self.design.attribution}
        rows = [
            dict(zip(_GROUP, group, strict=True)) | _summarise(part, metric)
            for group, part in self.means.groupby(list(_GROUP), sort=False)
            for metric in MEASURED
            if metric not in left_out
        ]
        return pd.DataFrame(rows)

    @cached_property
    def compared(self) -> pd.DataFrame:
        """The same of each further set of weights less the first: above 0, its Dice suffers less from the objects."""
        first, *others = self.weights
        key = ["image", "patient", "object", "dose"]
        change = "DICE_HARD_change"
        base = self.means[self.means.weights == first]
        rows = []
        for name in others:
            both = self.means[self.means.weights == name].merge(base, on=key, suffixes=("", "_first"))
            both["difference"] = both[change] - both[f"{change}_first"]
            rows += [
                {"weights": name, "first": first, "object": object_, "dose": dose, **_describe(part, "difference")}
                for (object_, dose), part in both.groupby(["object", "dose"], sort=False)
            ]
        return pd.DataFrame(rows)

    @cached_property
    def observed(self) -> pd.DataFrame:
        """What images with marked objects have against matched ones, see `compare_marked`; empty without marks."""
        return pd.DataFrame(
            [row for name in self.weights for row in compare_marked(self.plain[self.plain.weights == name])]
        )


def _describe(rows: pd.DataFrame, column: str) -> dict[str, Any]:
    defined = rows.dropna(subset=[column])
    low, high = interval(defined.assign(repetition=0), column)
    return {
        "images": len(defined),
        "patients": defined.patient.nunique(),
        "mean": defined[column].mean(),
        "low": low,
        "high": high,
    }


def _summarise(rows: pd.DataFrame, metric: str) -> dict[str, Any]:
    change = f"{metric}_change"
    defined = rows.dropna(subset=[change])
    described = _describe(rows, change)
    return {
        "metric": metric,
        "images": described["images"],
        "patients": described["patients"],
        "footprint": rows.footprint.mean(),
        "without": defined[f"{metric}_without"].mean(),
        "with": defined[f"{metric}_with"].mean(),
        "change": described["mean"],
        "low": described["low"],
        "high": described["high"],
        "worst_tenth": worst_tenth(defined[change], lowest=metric not in _FEWER_IS_BETTER)[1],
    }

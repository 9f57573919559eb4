"""Images whose annotators marked foreign objects, against images of the same kind without marks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from monai_lungxfer.data.groups import KEPT_FIELDS, UNKNOWN
from monai_lungxfer.robustness.measuring import INSIDE, OUTSIDE, WHOLE
from monai_lungxfer.study.analysis.statistics import RESAMPLES, SEED, Interval, interval

INSIDE_LESS_OUTSIDE = "DICE_INSIDE - DICE_OUTSIDE"
"""Name of the comparison within the marked images: Dice where objects are marked, less that of the rest."""


def compare_marked(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Compare images with marked objects with matched ones: of the same finding, view and source, without marks.

    Every image without marks in a group counts as a match of each marked one there, so the mean of the matches is that
    of each group, weighted by its marked images. Marked images without a match are left out, and so are images of
    which it is not known whether anybody looked for objects. Intervals are of a bootstrap over patients.

    Parameters
    ----------
    rows : pandas.DataFrame
        `TrialOutcome.plain` of one set of weights.

    Yields
    ------
    dict
        `weights`, `metric`, numbers of images `marked` and `matches`, of `patients` with marks and of `match_patients`,
        means `without` and `with` marks, their `difference` and its interval, `low` and `high`. Nothing where there is
        no pair. Last comes `INSIDE_LESS_OUTSIDE`, within the marked images.
    """
    known = rows.dropna(subset=["ignore_fraction"])
    group = known[list(KEPT_FIELDS)].fillna(UNKNOWN).astype(str).agg("|".join, axis=1)
    known = known.assign(group=group, is_marked=known.ignore_fraction > 0)
    both = known.groupby("group").is_marked.transform("nunique") == 2
    for metric in WHOLE:
        matched = known[both].dropna(subset=[metric])
        if matched.empty:
            continue
        yield {
            "weights": matched.weights.iloc[0],
            "metric": metric,
            "marked": int(matched.is_marked.sum()),
            "matches": int((~matched.is_marked).sum()),
            "patients": matched[matched.is_marked].patient.nunique(),
            "match_patients": matched[~matched.is_marked].patient.nunique(),
            **_compare(matched, metric),
        }
    yield from _compare_regions(known[known.is_marked])


def _compare(rows: pd.DataFrame, metric: str) -> dict[str, float]:
    """Return both means, their difference and its interval, of rows whose groups have marked and unmarked images."""
    patients, codes = np.unique(rows.patient, return_inverse=True)
    rng = np.random.default_rng(SEED)
    once = np.ones((1, len(patients)), dtype=int)
    draws = rng.multinomial(len(patients), np.full(len(patients), 1 / len(patients)), RESAMPLES)
    times = np.concatenate([once, draws])
    with_, without, number = np.zeros((3, len(times)))
    for places in rows.reset_index(drop=True).groupby("group").indices.values():
        part, counts = rows.iloc[places], times[:, codes[places]]
        values, marked = part[metric].to_numpy(), part.is_marked.to_numpy()
        size, matches = counts[:, marked].sum(axis=1), counts[:, ~marked].sum(axis=1)
        size = np.where(matches > 0, size, 0)  # in a draw without a match, the marked images are left out
        with_ += np.where(matches > 0, counts[:, marked] @ values[marked], 0)
        without += size * (counts[:, ~marked] @ values[~marked]) / np.maximum(matches, 1)
        number += size
    drawn = number > 0
    differences = (with_[drawn] - without[drawn]) / number[drawn]
    is_alone = rows[rows.is_marked].patient.nunique() < 2
    low, high = (np.nan, np.nan) if is_alone else np.quantile(differences[1:], (0.025, 0.975))
    return {
        "without": float(without[0] / number[0]),
        "with": float(with_[0] / number[0]),
        "difference": float(differences[0]),
        "low": float(low),
        "high": float(high),
    }


def _compare_regions(marked: pd.DataFrame) -> Iterator[dict[str, Any]]:
    defined = marked.dropna(subset=[INSIDE, OUTSIDE])
    if defined.empty:
        return
    difference = defined[INSIDE] - defined[OUTSIDE]
    reach: Interval = interval(defined.assign(repetition=0, difference=difference), "difference")
    yield {
        "weights": defined.weights.iloc[0],
        "metric": INSIDE_LESS_OUTSIDE,
        "marked": len(defined),
        "matches": 0,
        "patients": defined.patient.nunique(),
        "match_patients": 0,
        "without": defined[OUTSIDE].mean(),
        "with": defined[INSIDE].mean(),
        "difference": difference.mean(),
        "low": reach.low,
        "high": reach.high,
    }

"""Marked images against matched ones, on numbers that were made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from monai_lungxfer.robustness.measuring import WHOLE
from monai_lungxfer.robustness.observed import INSIDE_LESS_OUTSIDE, compare_marked

# Finding, marked share, Dice, Dice inside; each image of a patient of its own.
ROWS = [
    ("covid19", 0.02, 0.80, 0.5),
    ("covid19", 0.01, 0.70, 0.6),
    ("covid19", 0.00, 0.90, None),
    ("covid19", 0.00, 0.94, None),
    ("normal", 0.03, 0.60, 0.3),
    ("normal", 0.00, 0.95, None),
    ("pathological", 0.05, 0.10, 0.1),  # without a match
    ("pathological", None, 0.99, None),  # nobody looked for objects
    ("other", 0.00, 0.50, None),  # without a marked one
]


def table(rows=ROWS) -> pd.DataFrame:
    found = pd.DataFrame(rows, columns=["finding", "ignore_fraction", "DICE_HARD", "DICE_INSIDE"])
    others = {name: found.DICE_HARD for name in WHOLE if name != "DICE_HARD"}
    facts = {"weights": "general", "patient": range(len(found)), "view": "AP", "source": None, "DICE_OUTSIDE": 0.9}
    return found.assign(**others, **facts)


def test_each_marked_image_meets_the_mean_of_its_matches() -> None:
    found = {row["metric"]: row for row in compare_marked(table())}
    dice = found["DICE_HARD"]
    assert (dice["marked"], dice["matches"], dice["patients"]) == (3, 3, 3)
    assert dice["with"] == pytest.approx(np.mean([0.80, 0.70, 0.60]))
    assert dice["without"] == pytest.approx(np.mean([0.92, 0.92, 0.95]))
    assert dice["difference"] == pytest.approx(np.mean([-0.12, -0.22, -0.35]))
    assert dice["low"] < dice["difference"] < dice["high"] < 0
    inside = found[INSIDE_LESS_OUTSIDE]
    assert inside["marked"] == 4
    assert inside["difference"] == pytest.approx(np.mean([0.5, 0.6, 0.3, 0.1]) - 0.9)


def test_the_interval_is_that_of_patients_drawn_in_a_plain_loop() -> None:
    rows = table()
    known = rows[rows.finding.isin(["covid19", "normal"])]
    rng = np.random.default_rng(1)
    drawn = []
    while len(drawn) < 1500:
        sample = known.iloc[rng.integers(0, len(known), len(known))]
        differences = []
        for _, part in sample.groupby("finding"):
            marked, matches = part[part.ignore_fraction > 0].DICE_HARD, part[part.ignore_fraction == 0].DICE_HARD
            if len(matches):
                differences += list(marked - matches.mean())
        if differences:
            drawn.append(np.mean(differences))
    dice = next(compare_marked(rows))
    assert (dice["low"], dice["high"]) == pytest.approx(tuple(np.quantile(drawn, (0.025, 0.975))), abs=0.02)


def test_one_marked_patient_has_no_interval() -> None:
    dice = next(compare_marked(table(ROWS[1:4])))
    assert dice["difference"] == pytest.approx(0.70 - 0.92)
    assert np.isnan([dice["low"], dice["high"]]).all()


def test_without_marks_there_is_nothing_to_compare() -> None:
    assert list(compare_marked(table([ROWS[2], ROWS[3], ROWS[8]]))) == []

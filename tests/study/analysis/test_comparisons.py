"""Descriptions and comparisons of images, by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from monai_lungxfer.study.analysis.comparisons import (
    adjust_p_values,
    compare_rows,
    describe_rows,
    keep_pairs,
    subtract_rows,
)


def images(values: dict[tuple[int, str], tuple[float, float]]) -> pd.DataFrame:
    """Rows of repetition and image with Dice and Hausdorff distance; the patient is the image's first letter."""
    return pd.DataFrame(
        [
            {"repetition": r, "image": name, "patient": name[0], "finding": "normal", "DICE": dice, "HD95": distance}
            for (r, name), (dice, distance) in values.items()
        ]
    )


AFTER = images({(0, "a1"): (0.9, 4.0), (0, "b1"): (0.7, math.nan), (1, "a1"): (0.8, 6.0), (1, "c1"): (0.8, 2.0)})
BEFORE = images({(0, "a1"): (0.8, 5.0), (0, "b1"): (0.8, 9.0), (1, "a1"): (0.6, 8.0), (2, "c1"): (0.1, 2.0)})


def test_described_by_hand() -> None:
    dice, distance = describe_rows(AFTER, ["DICE", "HD95"]).to_dict("records")
    assert (dice["mean"], dice["sd"]) == (pytest.approx(0.8), pytest.approx(0.0))  # both repetitions have 0.8
    assert (dice["tenth"], dice["worst"]) == (pytest.approx((0.72 + 0.8) / 2), pytest.approx((0.7 + 0.8) / 2))
    assert dice["sd_images"] == pytest.approx((0.2 / 2**0.5 + 0) / 2)  # of two images in each repetition
    assert dice["images"] == 3
    assert distance["mean"] == pytest.approx(4.0)
    assert distance["worst"] == pytest.approx((4 + 6) / 2)  # the farthest are the worst
    assert distance["images"] == 2
    assert (dice["values"], dice["measured"]) == (4, 4)
    assert (distance["values"], distance["measured"]) == (3, 4)


def test_what_one_side_lacks_is_blank_in_both() -> None:
    after, before = (side.set_index(["repetition", "image"]) for side in keep_pairs(AFTER, BEFORE))
    assert after.HD95.dropna().to_dict() == {(0, "a1"): 4.0, (1, "a1"): 6.0}
    assert before.HD95.dropna().to_dict() == {(0, "a1"): 5.0, (1, "a1"): 8.0}
    assert before.DICE.dropna().to_dict() == {(0, "a1"): 0.8, (0, "b1"): 0.8, (1, "a1"): 0.6}


def test_differences_are_of_the_same_image_in_the_same_repetition() -> None:
    change = subtract_rows(AFTER, BEFORE, ["DICE", "HD95"]).set_index(["repetition", "image"])
    assert change.DICE.to_dict() == pytest.approx({(0, "a1"): 0.1, (0, "b1"): -0.1, (1, "a1"): 0.2})
    assert math.isnan(change.HD95[0, "b1"])
    assert set(change.patient) == {"a", "b"}


def test_compared_by_hand() -> None:
    row = compare_rows(AFTER, BEFORE, ["DICE"]).iloc[0]
    assert row.difference == pytest.approx((0.0 + 0.2) / 2)  # of the two repetitions that both have
    assert row.patients == 2
    assert row.effect == pytest.approx(1 / 3)  # a rises by 0.15, b falls by 0.1
    assert row.difference_low <= row.difference <= row.difference_high


def test_holm_is_over_all_families_together() -> None:
    parts = {name: pd.DataFrame({"metric": ["DICE"], "p": [p]}) for name, p in (("x", 0.01), ("y", 0.03))}
    joined = adjust_p_values(parts, "finding")
    assert joined.p_holm.tolist() == pytest.approx([0.02, 0.03])
    assert joined.finding.tolist() == ["x", "y"]
    assert adjust_p_values({"x": pd.DataFrame({"metric": ["DICE"]})}, "finding").p_holm.isna().all()

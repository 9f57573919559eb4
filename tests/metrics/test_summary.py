"""Means over the images of a report, and over the images that two reports share."""

from __future__ import annotations

import math
from typing import Any

import pytest

from monai_lungxfer.metrics.summary import pair_rows, paired_reports, summarise, summarise_report


def row(image: str, hd95: float | None, unit: str = "pixels", **fields: Any) -> dict[str, Any]:
    return {"image": image, "distances_in": unit, "DICE": 0.9, "HD95": hd95, **fields}


def report(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"rows": list(rows), **summarise_report(rows, ["DICE", "HD95"])}


def test_undefined_values_are_left_out() -> None:
    rows = [{"HD95": 2.0}, {"HD95": math.nan}, {"HD95": None}, {"HD95": 4.0}]
    assert summarise(rows, ["HD95"])["HD95"] == {"mean": 3.0, "std": pytest.approx(2**0.5), "n": 2}
    assert summarise(rows[1:2], ["HD95"])["HD95"] == {"mean": None, "std": None, "n": 0}


def test_millimetres_and_pixels_have_no_mean_of_both() -> None:
    found = report(row("a", 4.0, "mm", finding="x"), row("b", 8.0, "mm", finding="x"), row("c", 90.0, finding="x"))
    assert (found["images"], found["distance_unit"]) == (3, "mm")
    assert found["all"]["HD95"] == found["by_finding"]["x"]["HD95"]
    assert (found["all"]["HD95"]["mean"], found["all"]["HD95"]["n"], found["all"]["DICE"]["n"]) == (6.0, 2, 3)


def test_two_reports_are_summed_up_over_the_same_images() -> None:
    before = report(row("a", 10.0), row("b", None), row("c", 30.0), row("only before", 1.0))
    after = report(row("c", 3.0), row("b", 2.0), row("a", 1.0), row("only after", 99.0))
    one, two = paired_reports(before, after)
    assert one["images"] == two["images"] == 3
    assert (one["all"]["HD95"]["mean"], one["all"]["HD95"]["n"]) == (20.0, 2)
    assert (two["all"]["HD95"]["mean"], two["all"]["HD95"]["n"]) == (2.0, 2)
    assert one["all"]["DICE"]["n"] == two["all"]["DICE"]["n"] == 3


def test_other_masks_are_no_pair_and_other_units_no_distance() -> None:
    ones = [row("a", 1.0, label="x"), row("b", 1.0, label="x"), row("c", 1.0), row("d", 1.0, grid="9x9")]
    others = [row("a", 2.0, label="y"), row("b", 2.0), row("c", 2.0, "mm"), row("d", 2.0, grid="8x8")]
    pairs = pair_rows(ones, others, ["DICE", "HD95"])
    assert [[(one["image"], one["HD95"]) for one in side] for side in pairs] == [
        [("b", 1.0), ("c", None), ("d", None)],
        [("b", 2.0), ("c", None), ("d", None)],
    ]
    assert all(one["DICE"] == 0.9 for side in pairs for one in side)

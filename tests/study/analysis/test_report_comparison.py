"""Two reports, compared by hand and against the study's own statistics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from evaluation_report import report_of

from monai_lungxfer.study.analysis.report_comparison import compare_reports, read_evaluation
from monai_lungxfer.study.analysis.statistics import compare_with_zero
from monai_lungxfer.utils.errors import LungXferError

BEFORE = np.random.default_rng(0).normal(0.90, 0.03, 40)
AFTER = BEFORE + np.random.default_rng(1).normal(0.02, 0.01, 40)
PATIENTS = [number // 4 for number in range(40)]


def report(dice: Any, weights: str = "0", **fields: Any) -> dict[str, Any]:
    return report_of(weights * 64, list(dice), **fields)


def row(found: Any, metric: str = "DICE") -> dict[str, Any]:
    return found.metrics.set_index("metric").loc[metric].to_dict()


def test_differences_are_paired_and_the_interval_is_over_patients() -> None:
    found = compare_reports(report(BEFORE, patient=PATIENTS), report(AFTER, "1", patient=PATIENTS))
    dice = row(found)
    assert (found.pairs, found.patients, dice["n"]) == (40, 10, 40)
    assert (dice["first"], dice["second"]) == pytest.approx((BEFORE.mean(), AFTER.mean()))
    assert dice["difference"] == pytest.approx((AFTER - BEFORE).mean())
    rows = pd.DataFrame({"repetition": 0, "patient": PATIENTS, "DICE": AFTER - BEFORE})
    assert (dice["low"], dice["high"]) == pytest.approx(compare_with_zero(rows, "DICE")[1:3])
    means = (AFTER - BEFORE).reshape(10, 4).mean(axis=1)
    assert dice["high"] - dice["low"] == pytest.approx(2 * 2.262 * means.std(ddof=1) / 10**0.5, rel=0.001)
    assert [note.partition(":")[0] for note in found.notes] == [
        "A report of an older version does not say which masks it used"
    ]


def test_order_and_number_of_the_images_do_not_matter() -> None:
    second = report(AFTER, "1", patient=PATIENTS)
    second["rows"] = second["rows"][:4:-1]  # the last 35, reversed; its patients have other numbers
    for number, one in enumerate(second["rows"]):
        one["patient"] = number
    second["rows"].append({"image": "another.png", "DICE": 0.1, "patient": 99})
    found = compare_reports(report(BEFORE, patient=PATIENTS), second)
    assert (found.pairs, found.patients, found.only_first, found.only_second) == (35, 9, 5, 1)
    assert row(found)["difference"] == pytest.approx((AFTER - BEFORE)[5:].mean())


def test_images_without_a_value_or_with_another_mask_are_counted_and_left_out() -> None:
    first = report(BEFORE, SENS=[0.5] * 40, label=["a"] * 40)
    second = report(AFTER, "1", SENS=[None] * 3 + [0.75] * 37, label=["b"] + ["a"] * 39)
    found = compare_reports(first, second)
    assert (found.pairs, found.other_masks, found.notes) == (39, 1, ())
    sens = row(found, "SENS")
    assert (sens["n"], sens["first"], sens["second"], sens["difference"]) == (37, 0.5, 0.75, 0.25)


def test_distances_are_compared_in_one_unit() -> None:
    units = ["mm"] * 30 + ["pixels"] * 10
    first = report(BEFORE, HD95=[4.0] * 30 + [90.0] * 10, distances_in=units)
    second = report(AFTER, "1", HD95=[5.0] * 30 + [10.0] * 10, distances_in=units)
    distance = row(compare_reports(first, second), "HD95")
    assert (distance["n"], distance["unit"], distance["difference"]) == (30, "mm", 1.0)


def test_pixels_of_different_input_sizes_are_not_compared() -> None:
    fields = {"HD95": [4.0] * 40, "distances_in": ["pixels"] * 40, "label": ["a"] * 40}
    found = compare_reports(
        report(BEFORE, grid=["256x256"] * 40, **fields), report(AFTER, grid=["192x192"] * 40, **fields)
    )
    assert row(found, "HD95")["n"] == 0
    assert np.isnan(row(found, "HD95")["difference"])
    assert found.notes[1] == "The weights have different input sizes: distances in pixels are not compared."


def test_what_limits_a_comparison_is_said() -> None:
    first = report(BEFORE, label=["a"] * 40)
    second = report(AFTER, split="b" * 64, label=["a"] * 40)
    second["learnt"] = [{"by": "portable", "own": False, "images": 7}]
    same, splits, learnt = compare_reports(first, second).notes
    assert "same weights" in same
    assert "different splits" in splits
    assert learnt == "The second report's weights' ancestor portable learnt from 7 of its 40 images."


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(LungXferError, match=r"section independent, the other of test"):
        compare_reports(report(BEFORE), report(AFTER, section="test"))
    other = report(AFTER)
    for one in other["rows"]:
        one["image"] += "x"
    with pytest.raises(LungXferError, match=r"no image can be compared: the reports share 0 images"):
        compare_reports(report(BEFORE), other)
    with pytest.raises(LungXferError, match=r"share 40 images; 40 have different masks"):
        compare_reports(report(BEFORE, label=["a"] * 40), report(AFTER, label=["b"] * 40))


@pytest.mark.parametrize(
    "content", ["no json", "[]", "{}", '{"rows": []}', '{"rows": [{"image": 3}], "section": "test"}']
)
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "report.json"
    file.write_text(content)
    with pytest.raises(LungXferError, match=r"report\.json: .*lungxfer evaluate"):
        read_evaluation(file)
    twice = report([0.9, 0.8])
    twice["rows"][1]["image"] = twice["rows"][0]["image"]
    file.write_text(json.dumps(twice))
    with pytest.raises(LungXferError, match="an image twice"):
        read_evaluation(file)


def test_sizes_are_not_mixed_and_borders_are_compared_at_native_size() -> None:
    native = {"BIOU": [0.5] * 40, "label": ["a"] * 40}
    first, second = (report(BEFORE, name, **native) | {"at": "native"} for name in "01")
    assert row(compare_reports(first, second), "BIOU")["n"] == 40
    with pytest.raises(LungXferError, match="one report is measured at size grid, the other at size native"):
        compare_reports(report(BEFORE), second)
    (note,) = compare_reports(first, second | {"clean": True}).notes
    assert "of one report were cleaned" in note

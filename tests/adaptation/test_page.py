"""The page says the answer and what else became worse, loads nothing, and names nobody."""

from __future__ import annotations

import re

import numpy as np
from own_images import BEFORE, make_report

from monai_lungxfer.adaptation.outcome import judge, list_pairs
from monai_lungxfer.adaptation.page import render_page

PATIENTS = list(range(12))


def make_page(change: np.ndarray, hausdorff: float) -> str:
    before, after = make_report(BEFORE, PATIENTS), make_report(BEFORE + change, PATIENTS, weights_sha256="c" * 64)
    for row, other in zip(before["rows"], after["rows"], strict=True):
        row["HD95"], row["distances_in"] = 10 + row["DICE_HARD"], "pixels"
        other["HD95"], other["distances_in"] = row["HD95"] + hausdorff, "pixels"
    outcome = judge(before, after)
    facts = {"Images": "40 of 30 patients", "Started from": "portable"}
    page = render_page(outcome, list_pairs(before, after), facts, ["Skipped files: 1."])
    assert outcome.sentence in page.replace("&lt;", "<")
    return page


def test_a_gain_in_dice_does_not_hide_a_loss_elsewhere() -> None:
    change = np.linspace(0.01, 0.03, 12)
    assert "Worse by other metrics: Hausdorff 95, pixels" in make_page(change, 5.0)
    assert "Worse by other metrics" not in make_page(change, -5.0)


def test_it_loads_nothing_and_shows_the_pairs() -> None:
    page = make_page(np.tile([0.01, -0.02], 6), 0.0)
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert "Dice rose in 6 of 12 images, and fell in 6" in page
    assert "Skipped files: 1." in page
    assert "case-0001" not in page

"""What the page says of a trial, by how many patients it has."""

from __future__ import annotations

import pytest
from trial_units import gather, unit

from monai_lungxfer.robustness.page import state_drawn, state_observed
from monai_lungxfer.study.analysis.statistics import FEWEST_PATIENTS
from monai_lungxfer.study.report.verdicts import Verdict

ENOUGH = FEWEST_PATIENTS


@pytest.mark.parametrize(
    ("patients", "verdict"), [(2, Verdict.FEW), (ENOUGH - 1, Verdict.FEW), (ENOUGH, Verdict.WORSE)]
)
def test_few_patients_are_too_few_to_tell(patients: int, verdict: Verdict) -> None:
    (said,) = state_drawn(gather(*(unit("a", image, image % patients, -0.2, -0.1) for image in range(20))))
    assert said.verdict is verdict
    few = f"With the weights a, {patients} patients are too few to tell what objects change. It takes {ENOUGH}."
    assert (said.text == few) == (verdict is Verdict.FEW)
    assert "\N{MINUS SIGN}0.150" in (said.detail if verdict is Verdict.FEW else said.text)
    assert said.detail.startswith("Dose 1, 20 images.")


def test_a_change_that_varies_about_0_is_open() -> None:
    (said,) = state_drawn(gather(*(unit("a", image, image, *[0.1 * (-1) ** image] * 2) for image in range(10))))
    assert said.verdict is Verdict.OPEN


def test_a_gain_is_called_better() -> None:
    (said,) = state_drawn(gather(*(unit("a", image, image, 0.1, 0.2) for image in range(10))))
    assert said.verdict is Verdict.BETTER
    assert "by +0.150" in said.text


@pytest.mark.parametrize("side", ["with marks", "without"])
def test_both_sides_need_patients(side: str) -> None:
    def outcome(few: int) -> list:
        units = []
        for image in range(40):
            marked = image % 2 == 0
            patients = few if marked == (side == "with marks") else 20
            number = 2 * (image // 2 % patients) + marked
            plain = {"DICE_HARD": 0.7 if marked else 0.9}
            one = unit("a", image, number, 0.0, 0.0, ignore_fraction=0.1 * marked)
            units.append(one | {"plain": one["plain"] | plain})
        return list(state_observed(gather(*units)))

    (few,), (enough,) = outcome(ENOUGH - 1), outcome(ENOUGH)
    assert (few.verdict, enough.verdict) == (Verdict.FEW, Verdict.WORSE)
    assert f"{ENOUGH - 1} patients are too few to tell" in few.text
    assert "20 images with marks, 20 matched" in few.detail
    assert "\N{MINUS SIGN}0.200" in enough.text

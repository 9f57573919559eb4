"""Learning curves: a known law is found again, and what is said of sizes follows from the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from monai_lungxfer.metrics.per_image import METRICS
from monai_lungxfer.study.analysis.curve import (
    CURVE_METRICS,
    PowerLaw,
    compare_choices,
    fit_curves,
    fit_power_law,
    measure_curves,
)
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.plan.plan import StudyPlan

LAW = PowerLaw(0.5, 0.7, 0.05)
SIZES = (5, 10, 20, 40)
WHOLE = 60


def made_up(selected: float = 0.01) -> StudyResults:
    """A study whose mean Dice follows `LAW`; selected images are better by `selected`, repetition 1 lacks a size."""
    sizes = {f"portable-n{n}": LAW.error(n) for n in SIZES} | {"portable": LAW.error(WHOLE)}
    sizes |= {f"portable-s{n}": LAW.error(n) - selected for n in SIZES}
    spread = np.random.default_rng(0).normal(0, 0.02, 30)
    spread -= spread.mean()
    rows, steps = [], []
    for name, error in sizes.items():
        for repetition in (0, 2) if name == "portable-n10" else (0, 1, 2):
            dice = 1 - error + spread + 0.01 * (repetition - 1)
            steps.append(
                {"step": name, "repetition": repetition, "training_images": WHOLE if name == "portable" else 0}
            )
            for image, value in enumerate(dice):
                facts = {"image": f"i{image}", "patient": f"p{image // 2}", "finding": "normal"}
                facts |= {"step": name, "repetition": repetition, "section": "independent"}
                rows.append(facts | dict.fromkeys(METRICS, 1.0) | {"DICE_HARD": value})
    plan = {"data": "data", "out": "out", "arms": ["paper"], "training_images": SIZES}
    plan["training_choice"] = ["random", "select"]
    empty = pd.DataFrame()
    study = StudyPlan.model_validate(plan)
    return StudyResults(study, pd.DataFrame(steps), empty, pd.DataFrame(rows), empty, empty, "pixels")


@pytest.mark.parametrize("law", [LAW, PowerLaw(1.2, 1.5, 0.0), PowerLaw(0.3, 0.3, 0.1)])
def test_a_known_law_is_found_again(law: PowerLaw) -> None:
    sizes = np.array([5, 10, 20, 40, 80, 160])
    found = fit_power_law(sizes, law.error(sizes))
    assert found.error(320) == pytest.approx(law.a / 320**law.b + law.c, abs=1e-3)
    assert found.error(320) == pytest.approx(law.error(320), abs=1e-3)


def test_errors_that_rise_give_a_flat_law() -> None:
    law = fit_power_law([5, 10, 20], [0.1, 0.11, 0.12])
    assert law.error(5) - law.error(1000) == pytest.approx(0, abs=0.02)
    assert law.error(1000) <= law.error(5)


def test_each_number_of_images_is_described_over_complete_repetitions() -> None:
    curve = measure_curves(made_up()).set_index(["choice", "metric", "images_trained"]).sort_index()
    drawn = curve.loc["random", "DICE_HARD"]
    assert list(drawn.index) == [*SIZES, WHOLE]
    assert set(drawn.repetitions) == {2}  # the second lacks a size
    assert set(curve.loc["select", "DICE_HARD"].repetitions) == {3}
    assert drawn["mean"][5] == pytest.approx(1 - LAW.error(5))
    assert drawn.difference[5] == pytest.approx(LAW.error(WHOLE) - LAW.error(5))
    assert np.isnan(drawn.difference[WHOLE])
    rows = made_up().images
    five = rows[(rows.step == "portable-n5") & (rows.repetition != 1)]
    assert curve.loc[("random", "FAILED", 5), "mean"] == pytest.approx((five.DICE_HARD < 0.9).mean())
    assert set(curve.index.get_level_values("metric")) == set(CURVE_METRICS)


def test_what_more_images_would_give_and_how_well_that_is_known() -> None:
    fits = fit_curves(made_up()).set_index("choice")
    drawn = fits.loc["random"]
    assert (drawn.a, drawn.b, drawn.c) == pytest.approx(LAW, rel=0.02)
    assert drawn.gain_50 == pytest.approx(LAW.error(WHOLE) - LAW.error(WHOLE + 50), abs=1e-4)
    assert drawn.gain_50_low <= drawn.gain_50 <= drawn.gain_50_high
    assert drawn.measured == pytest.approx(1 - LAW.error(WHOLE))
    assert drawn.predicted == pytest.approx(drawn.measured, abs=1e-3)
    assert drawn.predicted_low < drawn.predicted_high
    assert np.isnan(drawn.enough)  # 40 images are 0.009 below all
    assert fits.loc["select"].enough == 40  # whose error is 0.01 lower


def test_selected_images_are_compared_with_random_ones_of_the_same_number() -> None:
    choices = compare_choices(made_up(selected=0.03))
    dice = choices[choices.metric == "DICE_HARD"].set_index("images_trained")
    assert list(dice.index) == list(SIZES)
    assert dice.difference.to_numpy() == pytest.approx(0.03)


def test_a_study_without_sizes_has_no_curve(results: StudyResults) -> None:
    assert measure_curves(results).empty
    assert fit_curves(results).empty
    assert compare_choices(results).empty

"""The key metrics of MLflow's runs, against the reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.execution.paths import StudyPaths
from monai_lungxfer.study.execution.run_metrics import repetition_metrics, study_metrics


def test_a_repetition_has_deviations_over_images_and_a_study_over_repetitions(
    study: Path, results: StudyResults
) -> None:
    steps = StudyPaths(study).finished_steps()
    found = repetition_metrics(step for step in steps if step.repetition == 1)
    after = results.after()
    own = after[after.repetition == 1].DICE
    assert found["portable/independent/DICE_mean"] == pytest.approx(own.mean())
    assert found["portable/independent/DICE_sd"] == pytest.approx(own.std(ddof=1), rel=0.05)
    means = after.groupby("repetition").DICE.mean()
    whole = study_metrics(steps)
    assert whole["portable/independent/DICE_mean"] == pytest.approx(means.mean())
    assert whole["portable/independent/DICE_sd"] == pytest.approx(means.std(ddof=1))
    assert {name.split("/")[1] for name in whole} == {"test", "before", "independent"}
    assert all(np.isfinite(value) for value in whole.values())

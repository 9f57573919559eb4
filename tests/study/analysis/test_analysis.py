"""The numbers of a study, computed from its results."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from study_folder import EPOCHS, FINDINGS, GAIN

from monai_lungxfer.study.analysis.analysis import MOMENTS, Analysis
from monai_lungxfer.study.analysis.comparisons import TABLE_METRICS
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.execution.run_metrics import KEY_METRICS


def test_independent_half_by_moment_finding_and_metric(analysis: Analysis) -> None:
    table = analysis.independent
    assert list(table.moment.unique()) == list(MOMENTS)
    assert set(table.finding) == {"all", *FINDINGS}
    assert len(table) == 2 * 4 * len(TABLE_METRICS)
    dice = table[(table.finding == "all") & (table.metric == "DICE")].set_index("moment")["mean"]
    assert dice["after"] - dice["before"] == pytest.approx(GAIN, abs=0.005)


def test_gains_are_tested_as_one_family(analysis: Analysis) -> None:
    gains = analysis.gains
    assert len(gains) == 4 * len(KEY_METRICS)
    assert (gains.p_holm >= gains.p).all()
    row = gains[(gains.finding == "all") & (gains.metric == "DICE")].iloc[0]
    assert row.difference_low < row.difference < row.difference_high
    assert row.difference == pytest.approx(GAIN, abs=0.005)
    assert row.effect == 1


def test_arms_are_compared_with_the_papers(analysis: Analysis) -> None:
    assert list(analysis.arms) == ["stages"]
    arms = analysis.arms["stages"]
    assert arms[arms.arm == "paper"].difference.isna().all()
    scratch = arms[(arms.arm == "scratch") & (arms.metric == "DICE")].iloc[0]
    assert scratch.difference == pytest.approx(-0.04, abs=0.005)
    assert list(analysis.stage_tests) == ["general", "portable"]


def test_times_areas_and_calibration(analysis: Analysis) -> None:
    times = analysis.times.set_index("step")
    assert times.loc["general", "repetitions"] == 5
    assert times.loc["general", "epochs_mean"] == pytest.approx(np.mean(EPOCHS["general"]))
    assert times.loc["portable", "network_ms_mean"] == pytest.approx(4.15)
    spread = np.sqrt((4 * 16 * 0.2**2 + 17 * np.sum((np.arange(4) / 10 - 0.15) ** 2)) / (4 * 17 - 1))
    assert times.loc["portable", "network_ms_sd"] == pytest.approx(spread)
    assert times.loc["portable", "images"] == 4 * 17
    epochs = analysis.results.epochs
    seconds = epochs.loc[epochs.step == "portable", "train_seconds"]
    assert times.loc["portable", "training_ms_sd"] == pytest.approx(1000 * seconds.std())
    assert analysis.areas["before"].bias == pytest.approx(-3, abs=0.3)
    assert 0 < analysis.calibration_errors["after"] < 0.2


def test_means_of_refined_borders_tell_their_repetitions(analysis: Analysis) -> None:
    """A repetition whose network draws nothing has no refined borders, and would pull the mean down."""
    results = analysis.results
    native = results.after().assign(section="native")
    refined = native[native.repetition < 2].assign(section="native_refined")
    images = pd.concat([results.images, native, refined])
    table = Analysis(StudyResults(**vars(results) | {"images": images})).native
    dice = table[table.metric == "DICE"].set_index("refined")
    assert dice.repetitions.to_dict() == {False: 4, True: 2}
    assert dice.difference[True] == 0  # in the repetitions that both have
    assert dice["mean"][False] != dice["mean"][True]

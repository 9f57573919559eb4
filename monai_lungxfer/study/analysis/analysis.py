"""Everything that tables, figures and the summary of a study say, computed once from its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from monai_lungxfer.study.analysis.comparisons import (
    TABLE_METRICS,
    adjust_p_values,
    compare_rows,
    describe_rows,
    keep_pairs,
)
from monai_lungxfer.study.analysis.curve import compare_choices, fit_curves, measure_curves
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.analysis.sections import compare_native, measure_retention
from monai_lungxfer.study.analysis.statistics import Agreement, agreement, calibration_error
from monai_lungxfer.study.execution.run_metrics import KEY_METRICS
from monai_lungxfer.study.plan.arms import ARMS, PAPER_ARM, QUESTIONS

MOMENTS = ("before", "after")
"""Before and after the portable stage of the paper's arm."""


class Analysis:
    """The numbers that follow from the results of a study, each computed when it is first asked for."""

    def __init__(self, results: StudyResults) -> None:
        self.results = results

    @cached_property
    def independent(self) -> pd.DataFrame:
        """The independent half by moment, finding ("all" first) and metric, see `describe_rows` (Tables 5 and 6)."""
        return pd.concat(
            [
                describe_rows(rows).assign(moment=moment, finding=finding)
                for moment, everything in self.moments.items()
                for finding, rows in self._by_finding(everything).items()
            ],
            ignore_index=True,
        )

    @cached_property
    def gains(self) -> pd.DataFrame:
        """After less before on the independent half, by finding ("all" first) and key metric, see `compare_rows`."""
        before, after = (self._by_finding(self.moments[moment]) for moment in MOMENTS)
        families = {finding: compare_rows(rows, before[finding], KEY_METRICS) for finding, rows in after.items()}
        return adjust_p_values(families, "finding")

    def _by_finding(self, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
        return {"all": rows} | {finding: rows[rows.finding == finding] for finding in self.results.findings()}

    @cached_property
    def arms(self) -> dict[str, pd.DataFrame]:
        """By question that the study asks, the independent half by arm and key metric, against the paper's arm."""
        answers = {question: self.results.answers(question) for question in QUESTIONS}
        return {
            question: _beside({arm: self.results.after(arm) for arm in arms}, KEY_METRICS)
            for question, arms in answers.items()
            if arms
        }

    @cached_property
    def stage_tests(self) -> dict[str, pd.DataFrame]:
        """By stage, its own test part by arm, compared with the paper's arm (Tables 3 and 4).

        A stage whose weights the plan gives has no part here: they may have learnt from its images.
        """
        first: dict[str, str | None] = {arm: ARMS[arm].first for arm in (PAPER_ARM, "scratch")}
        last = {arm: ARMS[arm].last for arm in self.results.arms if ARMS[arm].last != ARMS[arm].first}
        tests: dict[str, Mapping[str, str | None]] = {"general": first, "portable": last}
        trained = [stage for stage in tests if stage not in self.results.plan.given]
        return {stage: _beside(self._tests(tests[stage])) for stage in trained}

    def _tests(self, steps: Mapping[str, str | None]) -> dict[str, pd.DataFrame]:
        """Return the test rows by arm, without the arms that were tested on other images than the paper's."""
        tests = {arm: self.results.rows(step, "test") for arm, step in steps.items() if step}
        return {arm: rows for arm, rows in tests.items() if len(rows) and _same_images(rows, tests[PAPER_ARM])}

    @cached_property
    def times(self) -> pd.DataFrame:
        """Means and standard deviations, one row a step (Table 7).

        Columns step, repetitions, and NAME_mean and NAME_sd of training_ms and validation_ms (over the epochs of all
        repetitions), epochs and seconds (of a step, over repetitions), and network_ms (over the images of all
        repetitions); images is their number, 0 where older steps do not tell it.
        """
        epochs = self.results.epochs.groupby(["step", "repetition"]).epoch.size().rename("epochs")
        steps = self.results.steps.set_index(["step", "repetition"])
        seconds = steps.seconds.where(~_told(steps, "given", False).astype(bool))
        by_step = pd.concat([epochs, seconds], axis=1).groupby("step").agg(["mean", "std"])
        spread = self.results.epochs.groupby("step")[["train_seconds", "val_seconds"]].agg(["mean", "std"]) * 1000
        names = {"train_seconds": "training_ms", "val_seconds": "validation_ms"}
        table = pd.concat([spread.rename(columns=names), by_step], axis=1).rename(columns={"std": "sd"})
        table.columns = ["_".join(column) for column in table.columns]
        passes = pd.DataFrame({step: _pooled_passes(rows) for step, rows in steps.groupby("step")}).T
        return (
            table.join(passes, how="outer").assign(repetitions=steps.groupby("step").size()).reset_index(names="step")
        )

    @cached_property
    def retention(self) -> pd.DataFrame:
        """What the last step of an arm keeps of the stages before, see `compare_rows`; empty without retention.

        One row an arm, stage, and Dice of values and of masks. The columns before, general and after are means on the
        test part of the stage: by the stage's own weights, by those of the general stage, and by the last ones, which
        are compared with the first.
        """
        return measure_retention(self.results)

    @cached_property
    def native(self) -> pd.DataFrame:
        """The independent half at the radiographs' size, see `compare_native`; empty where it was not measured."""
        return compare_native(self.results)

    @cached_property
    def curve(self) -> pd.DataFrame:
        """The independent half by number of training images, see `measure_curves`; empty without such numbers."""
        return measure_curves(self.results)

    @cached_property
    def curve_fits(self) -> pd.DataFrame:
        """What more training images would give, see `fit_curves`."""
        return fit_curves(self.results)

    @cached_property
    def choices(self) -> pd.DataFrame:
        """Selected against random training images of the same number, see `compare_choices`."""
        return compare_choices(self.results)

    @cached_property
    def areas(self) -> dict[str, Agreement]:
        """Agreement of the lung area with that of the mask, in percent of the image, by moment."""
        return {moment: agreement(100 * (rows.AREA - rows.AREA_TRUTH)) for moment, rows in self.moments.items()}

    @cached_property
    def moments(self) -> dict[str, pd.DataFrame]:
        """The rows of the independent half, by moment; a value that one moment lacks is blank in both."""
        return dict(zip(MOMENTS, keep_pairs(self.results.before(), self.results.after()), strict=True))

    @cached_property
    def calibration_errors(self) -> dict[str, float]:
        """Expected calibration error, mean over repetitions, by moment."""
        return {
            moment: float(bins.groupby("repetition")[["pixels", "probability", "lung"]].apply(calibration_error).mean())
            for moment, bins in self.calibration.items()
        }

    @property
    def calibration(self) -> dict[str, pd.DataFrame]:
        """The ranges of probability on the independent half, by moment."""
        bins = self.results.calibration
        bins = bins[bins.step == ARMS[PAPER_ARM].last]
        return {
            moment: bins[bins.section == section]
            for moment, section in zip(MOMENTS, ("before", "independent"), strict=True)
        }


def _told(steps: pd.DataFrame, name: str, otherwise: float | bool) -> pd.Series:
    """Return a column of what steps record; earlier versions may not have told it."""
    column = steps[name] if name in steps else pd.Series(otherwise, index=steps.index)
    return column.fillna(otherwise)


def _pooled_passes(steps: pd.DataFrame) -> dict[str, float]:
    """Pool the passes of repetitions, each known by mean, standard deviation and number."""
    numbers = _told(steps, "passes", 0).to_numpy(float)
    means, deviations = steps.network_ms.to_numpy(float), _told(steps, "network_ms_sd", 0).to_numpy(float)
    weights = np.where(numbers > 0, numbers, 1) * ~np.isnan(means)
    if not weights.any():
        return {"network_ms_mean": np.nan, "network_ms_sd": np.nan, "images": 0}
    mean = np.average(np.nan_to_num(means), weights=weights)
    squares = weights * np.nan_to_num(means - mean) ** 2 + np.maximum(weights - 1, 0) * deviations**2
    deviation = np.sqrt(squares.sum() / (weights.sum() - 1)) if weights.sum() > 1 else np.nan
    return {"network_ms_mean": mean, "network_ms_sd": deviation, "images": numbers.sum()}


def _beside(groups: Mapping[str, pd.DataFrame], metrics: Sequence[str] = TABLE_METRICS) -> pd.DataFrame:
    """Describe the rows of each arm, and compare them with the paper's arm."""
    families = {}
    for arm, rows in groups.items():
        table = describe_rows(rows, metrics).assign(repetitions=rows.repetition.nunique())
        families[arm] = table if arm == PAPER_ARM else table.merge(compare_rows(rows, groups[PAPER_ARM], metrics))
    return adjust_p_values(families, "arm")


def _same_images(rows: pd.DataFrame, others: pd.DataFrame) -> bool:
    """Tell whether two sets of rows hold the same images in each repetition that both have."""
    shared = set(rows.repetition) & set(others.repetition)
    keys = [
        set(map(tuple, table.loc[table.repetition.isin(shared), ["repetition", "image"]].to_numpy()))
        for table in (rows, others)
    ]
    return keys[0] == keys[1]

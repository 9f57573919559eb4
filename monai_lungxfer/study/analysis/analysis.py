"""Everything that tables, figures and the summary of a study say, computed once from its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import pandas as pd

from monai_lungxfer.study.analysis.comparisons import (
    KEY_METRICS,
    TABLE_METRICS,
    adjust_p_values,
    compare_rows,
    describe_rows,
    keep_pairs,
)
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.analysis.statistics import Agreement, agreement, calibration_error
from monai_lungxfer.study.plan.arms import ARMS, PAPER_ARM

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
    def arms(self) -> pd.DataFrame:
        """The independent half by arm and key metric, compared with the paper's arm."""
        return _beside({arm: self.results.after(arm) for arm in self.results.arms}, KEY_METRICS)

    @cached_property
    def stage_tests(self) -> dict[str, pd.DataFrame]:
        """By stage, its own test part by arm, compared with the paper's arm (Tables 3 and 4)."""
        first = {arm: ARMS[arm].first for arm in (PAPER_ARM, "scratch")}
        last = {arm: ARMS[arm].last for arm in ARMS if ARMS[arm].last != ARMS[arm].first}
        return {stage: _beside(self._tests(steps)) for stage, steps in (("general", first), ("portable", last))}

    def _tests(self, steps: Mapping[str, str | None]) -> dict[str, pd.DataFrame]:
        """Return the test rows by arm, without the arms that were tested on other images than the paper's."""
        tests = {arm: self.results.rows(step, "test") for arm, step in steps.items() if step}
        return {arm: rows for arm, rows in tests.items() if len(rows) and _same_images(rows, tests[PAPER_ARM])}

    @cached_property
    def times(self) -> pd.DataFrame:
        """Means and standard deviations over repetitions, one row a step (Table 7).

        Columns step, repetitions, and NAME_mean and NAME_sd of training_ms and validation_ms (of an epoch), epochs,
        seconds (of the step), and network_ms (of one image).
        """
        epochs = self.results.epochs.groupby(["step", "repetition"]).agg(
            training_ms=("train_seconds", lambda seconds: 1000 * seconds.mean()),
            validation_ms=("val_seconds", lambda seconds: 1000 * seconds.mean()),
            epochs=("epoch", "size"),
        )
        steps = self.results.steps.set_index(["step", "repetition"])[["seconds", "network_ms"]]
        by_step = epochs.join(steps, how="outer").groupby("step")
        spread = by_step.agg(["mean", "std"]).rename(columns={"std": "sd"})
        spread.columns = ["_".join(names) for names in spread.columns]
        return spread.assign(repetitions=by_step.size()).reset_index()

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

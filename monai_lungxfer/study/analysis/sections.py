"""What is measured beyond the independent half on the network's grid: earlier stages' images, and the native size."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from monai_lungxfer.study.analysis.comparisons import adjust_p_values, compare_rows
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.analysis.statistics import over_repetitions
from monai_lungxfer.study.plan.arms import ARMS, DONOR, PAPER_ARM, STEPS, find_chain

RETAINED = ("DICE", "DICE_HARD")
"""Metrics of what is kept of earlier stages."""

NATIVE = ("DICE", "DICE_HARD", "BIOU", "NSD_D0.5", "NSD_D1", "NSD_2MM", "NSD_5MM", "HD95", "ASD")
"""Metrics of the native size, as far as they were measured."""


def measure_retention(results: StudyResults) -> pd.DataFrame:
    """Compare, on the test parts of earlier stages, the last weights of each arm with those of the stage itself."""
    families = {}
    for arm in results.arms:
        for stage, own, moments in _measured_stages(results, arm):
            table = compare_rows(moments["after"], own, RETAINED)
            for moment, rows in ({"before": own} | moments).items():
                table[moment] = [over_repetitions(rows, name)[0] if len(rows) else float("nan") for name in RETAINED]
            families[f"{arm} {stage}"] = table.assign(arm=arm, stage=stage)
    return adjust_p_values(families, "family").drop(columns="family") if families else pd.DataFrame()


def _measured_stages(results: StudyResults, arm: str) -> Iterator[tuple[str, pd.DataFrame, dict[str, pd.DataFrame]]]:
    """Return each earlier stage with the rows of its own weights, of the general ones, and of the arm's last."""
    chain = {STEPS[name].stage: name for name in find_chain(ARMS[arm].last, results.plan.given)}
    for stage in (DONOR, "general"):
        own = results.rows(chain.get(stage, stage), "test")
        after = results.rows(ARMS[arm].last, f"retention_{stage}")
        if len(own) and len(after):
            general = results.rows(chain.get("general", ""), "test" if stage == "general" else f"retention_{stage}")
            yield stage, own, {"general": general, "after": after}


def compare_native(results: StudyResults) -> pd.DataFrame:
    """Compare arms at the native size with the paper's arm, all without and with refined borders.

    One row an arm, refined (False, True) and metric: mean, repetitions (that the mean is over: borders are not refined
    where a network draws none), and the comparison with the paper's arm without refinement.
    """
    sections = {False: "native", True: "native_refined"}
    paper = results.rows(ARMS[PAPER_ARM].last, "native")
    metrics = [name for name in NATIVE if name in paper and paper[name].notna().any()]
    families = {}
    for arm in results.arms:
        for refined, section in sections.items():
            rows = results.rows(ARMS[arm].last, section)
            if rows.empty or paper.empty:
                continue
            table = pd.DataFrame({"metric": metrics, "mean": [over_repetitions(rows, name)[0] for name in metrics]})
            table["repetitions"] = rows.repetition.nunique()
            if (arm, refined) != (PAPER_ARM, False):
                table = table.merge(compare_rows(rows, paper, metrics))
            families[f"{arm} {refined}"] = table.assign(arm=arm, refined=refined)
    return adjust_p_values(families, "family").drop(columns="family") if families else pd.DataFrame()

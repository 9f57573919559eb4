"""The key metrics of a repetition and of a study, as their MLflow runs hold them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from statistics import fmean, stdev

from monai_lungxfer.data.records import read_json
from monai_lungxfer.study.execution.paths import StepPaths

KEY_METRICS = ("DICE", "DICE_HARD", "HD95", "ISLANDS", "BRIDGES")
"""Metrics that are compared where there are many groups, so that the tests of a table stay few."""

SECTIONS = ("test", "before", "independent", "retention_donor", "retention_general", "native", "native_refined")
"""Every report that a step may have."""


def repetition_metrics(steps: Iterable[StepPaths]) -> dict[str, float]:
    """Return mean and standard deviation over images of one repetition, as "portable/independent/DICE_mean" and "_sd".

    The steps are those of it that are done.
    """
    found = {}
    for step in steps:
        for name, mean, deviation in _summaries(step):
            found[f"{name}_mean"] = mean
            if deviation is not None:
                found[f"{name}_sd"] = deviation
    return found


def study_metrics(steps: Iterable[StepPaths]) -> dict[str, float]:
    """Return mean and standard deviation over repetitions of the means over images, named as for a repetition."""
    means = defaultdict(list)
    for step in steps:
        for name, mean, _ in _summaries(step):
            means[name].append(mean)
    found = {f"{name}_mean": fmean(values) for name, values in means.items()}
    return found | {f"{name}_sd": stdev(values) for name, values in means.items() if len(values) > 1}


def _summaries(step: StepPaths) -> Iterator[tuple[str, float, float | None]]:
    for section in SECTIONS:
        file = step.report(section)
        summary = read_json(file)["all"] if file.is_file() else {}
        for metric in KEY_METRICS:
            values = summary.get(metric, {})
            if values.get("mean") is not None:
                yield f"{step.name}/{section}/{metric}", values["mean"], values.get("std")

"""The files of a study's folder, read and checked one step at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

import pandas as pd

from monai_lungxfer.data.records import read_json
from monai_lungxfer.handlers.epoch_table import EPOCH_COLUMNS, read_epochs
from monai_lungxfer.metrics.per_image import METRICS
from monai_lungxfer.metrics.summary import is_report
from monai_lungxfer.study.execution.paths import StepPaths
from monai_lungxfer.study.execution.run_metrics import SECTIONS
from monai_lungxfer.study.plan.arms import find_step
from monai_lungxfer.utils.csv_tables import read_rows
from monai_lungxfer.utils.errors import DatalistError, LungXferError

RECORDED = ("parent", "parent_sha256", "weights_sha256", "seconds", "network_ms", "version", "environment")
_AGAIN = "Delete the step's folder and go on with the study: lungxfer study run"
_NUMBERS = ("seconds", "network_ms")
_NEWER = {"FUSED"}  # metrics that the reports of earlier versions lack
_ROW_KEYS = {"image", "distances_in", *METRICS} - _NEWER


@dataclass(frozen=True)
class FinishedStep:
    """What one finished step of one repetition left: its files, what step.json says, and its reports by section.

    For the reports, see `monai_lungxfer.handlers.image_table.ImageTable.write`.
    """

    paths: StepPaths
    record: Mapping[str, Any]
    reports: Mapping[str, Mapping[str, Any]]

    @property
    def _key(self) -> dict[str, Any]:
        return {"repetition": self.paths.repetition, "step": self.paths.name}

    def facts(self) -> dict[str, Any]:
        """Return what step.json says, as one row, and the number of its training images (NaN: not known)."""
        return {**self.record, **self._key, "training_images": self._count_training()}

    def _count_training(self) -> float:
        if self.record.get("given") or not self.paths.split.is_file():
            return math.nan
        return find_step(self.paths.name).images or len(_read_json(self.paths.split, ("training",))["training"])

    def epochs(self) -> pd.DataFrame:
        """Read epochs.csv; weights that the plan gives were not trained here, and have none."""
        if self.record.get("given"):
            return pd.DataFrame()
        path = self.paths.epochs
        rows = read_epochs(path)
        table = pd.DataFrame(rows, columns=list(EPOCH_COLUMNS)).assign(**self._key)
        missing = [name for name in EPOCH_COLUMNS if table[name].isna().all()]
        if missing:
            raise LungXferError(f"has no {', '.join(missing)}", source=path, remedy=_AGAIN)
        return table.astype({"epoch": int})

    def layers(self) -> pd.DataFrame:
        """Read layers.csv, which is there with the setting ``layer_table`` alone."""
        path = self.paths.layers
        if not path.is_file():
            return pd.DataFrame()
        table = pd.DataFrame(read_rows(path)).set_index("layer")
        return table.apply(pd.to_numeric, errors="coerce").reset_index().assign(**self._key)

    def images(self) -> pd.DataFrame:
        """Return the rows of all reports."""
        tables = [image_rows(report).assign(section=section, **self._key) for section, report in self.reports.items()]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def calibration(self) -> pd.DataFrame:
        """Return the ranges of probability of all reports."""
        return pd.DataFrame(
            [
                {**self._key, "section": section, "bin": number, **one}
                for section, report in self.reports.items()
                for number, one in enumerate(report["calibration"])
            ]
        )

    def contradiction(self, problem: str) -> LungXferError:
        """Return the error to raise for files that contradict each other."""
        return LungXferError(problem, source=self.paths.path, remedy=_AGAIN)


def image_rows(report: Mapping[str, Any]) -> pd.DataFrame:
    """Return a row an image of a report of `monai_lungxfer.handlers.image_table.ImageTable.write`.

    Images of one patient have the same `patient`, in all reports: a patient's number holds in one report alone, the
    name of the first of the patient's images in all. A metric that an earlier version did not measure is undefined.
    """
    rows = pd.DataFrame(report["rows"])
    rows["patient"] = rows.groupby(rows.patient if "patient" in rows else rows.image).image.transform("min")
    rows["finding"] = rows["finding"].fillna("unknown") if "finding" in rows else "unknown"
    rows = rows.reindex(columns=[*rows.columns, *(name for name in METRICS if name not in rows)])
    return rows.astype({name: float for name in rows if name.isupper()})  # metrics, and nothing else


def read_step(paths: StepPaths) -> FinishedStep:
    """Read what a finished step left.

    A `LungXferError` is raised when a file is damaged, or a report is not of the step's weights.
    """
    record = _read_json(paths.record, RECORDED)
    files = {section: paths.report(section) for section in SECTIONS}
    reports = {section: _read_report(file) for section, file in files.items() if file.is_file()}
    found = FinishedStep(paths, record, reports)
    for section, report in reports.items():
        if section != "before" and report["weights_sha256"] != record["weights_sha256"]:
            raise found.contradiction(f"{section}.json was not measured with the step's own weights")
    return found


def _read_report(path: Path) -> dict[str, Any]:
    report = _read_json(path, ("split", "weights_sha256", "rows", "calibration"))
    if not is_report(report):
        raise LungXferError("is not a report of an evaluation", source=path, remedy=_AGAIN)
    missing = sorted(_ROW_KEYS - set.union(*({*row} for row in report["rows"]))) if report["rows"] else ["rows"]
    if missing:
        raise LungXferError(f"has no {', '.join(missing)}", source=path, remedy=_AGAIN)
    return report


def _read_json(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        content = read_json(path)
    except DatalistError as error:
        raise LungXferError(error.problem, source=path, remedy=_AGAIN) from error
    missing = [key for key in keys if not isinstance(content, dict) or key not in content or _is_odd(key, content[key])]
    if missing:
        raise LungXferError(f"has no {', '.join(missing)}", source=path, remedy=_AGAIN)
    return content


def _is_odd(key: str, value: Any) -> bool:
    """Tell whether a value is of another kind than the steps of a study write."""
    return key in _NUMBERS and type(value) not in (int, float, NoneType)

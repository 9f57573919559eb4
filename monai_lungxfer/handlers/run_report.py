"""Metrics of an evaluation, in the MLflow run of the training whose weights were measured."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_lungxfer.handlers.mlflow_run import SERVER, WEIGHTS_TAG
from monai_lungxfer.utils.errors import find_interruption, root_cause

logger = logging.getLogger(__name__)

_NOT_IN_NAMES = re.compile(r"[^/\w.\- :]")  # what MLflow refuses in a metric's name


def report_metrics(report: Mapping[str, Any]) -> dict[str, float]:
    """Return the means of a report by the names that they have in MLflow; undefined ones are left out.

    Examples
    --------
    >>> dice = {"DICE": {"mean": 0.9}}
    >>> report_metrics({"section": "test", "all": dice, "by_finding": {"COVID-19": dice}})
    {'test/DICE': 0.9, 'test/COVID-19/DICE': 0.9}
    """
    section = report["section"]
    groups = {section: report["all"]} | {f"{section}/{name}": one for name, one in report["by_finding"].items()}
    return {
        _NOT_IN_NAMES.sub("_", f"{group}/{name}"): summary["mean"]
        for group, summaries in groups.items()
        for name, summary in summaries.items()
        if summary["mean"] is not None
    }


def log_report(report: Mapping[str, Any], run_file: str | Path, tracking_uri: str | None) -> None:
    """Log the means of a report in the run of the training that made the weights, where that is known.

    The report stays what counts: when MLflow fails, a warning is all that is said.

    Parameters
    ----------
    report : mapping
        See `monai_lungxfer.handlers.image_table.ImageTable.write`.
    run_file : str or pathlib.Path
        Where the training keeps the ID of its run, see `monai_lungxfer.handlers.mlflow_run.RunTracker`.
    tracking_uri : str or None
        As the training has it; empty for none.
    """
    file = Path(run_file)
    if not tracking_uri or not file.is_file():
        return
    try:
        _log(report, file.read_text(encoding="utf-8"), os.environ.get(SERVER) or tracking_uri)
    except Exception as error:
        if (stop := find_interruption(error)) is not None:
            raise stop from error
        logger.warning("MLflow has not got the metrics (%s); the report has them", type(root_cause(error)).__name__)
        logger.debug("what MLflow failed with", exc_info=error)


def _log(report: Mapping[str, Any], run: str, uri: str) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from mlflow.utils.time import get_current_time_millis

    client, now = MlflowClient(uri), get_current_time_millis()
    if client.get_run(run).data.tags.get(WEIGHTS_TAG) != report["weights_sha256"]:  # those of another training
        return
    client.log_batch(run, metrics=[Metric(name, value, now, 0) for name, value in report_metrics(report).items()])

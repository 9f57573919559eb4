"""One step of one repetition: its training, its measurements, and the record that it is done."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from monai_lungxfer.bundle.redaction import redact_paths
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.handlers.epoch_table import epoch_seconds, read_epochs
from monai_lungxfer.study.execution.measuring import measure_step
from monai_lungxfer.study.execution.pass_times import read_passes
from monai_lungxfer.study.execution.selected_order import ensure_order
from monai_lungxfer.study.execution.step_job import StepJob
from monai_lungxfer.training.stage import train_stage
from monai_lungxfer.utils.error_redaction import quote_error
from monai_lungxfer.utils.errors import OutputError, root_cause
from monai_lungxfer.utils.files import atomic_path
from monai_lungxfer.utils.versions import code_version, environment
from monai_lungxfer.weights.sidecar import copy_sidecar

logger = logging.getLogger(__name__)

LOGGED_BY_THE_TRAINING = {"seed", "batch_size", "learning_rate", "precision", "max_epochs"}


def run_step(job: StepJob) -> str | None:
    """Carry out a step, or what is left of it; one that is done is left as it is.

    A step may be asked for again after the process that worked on it, or the study's, was killed, even while that is
    still dying: the two wait for each other. An error that stops the step is not raised: it is returned, and is in the
    step's `failed.json` as well.
    """
    job.folder.path.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(job.study.threads)
    with FileLock(job.folder.lock):
        if job.folder.record.is_file():
            return None
        job.folder.failure.unlink(missing_ok=True)
        try:
            with _tracked(job) as run:
                _write(job.folder.record, _carried_out(job, run))
        except Exception as error:  # whatever stops one step must not stop the others
            logger.debug("%s failed", job.name, exc_info=True)
            return record_failure(job, error)
        finally:
            gc.collect()  # engines, handlers and their configuration refer to each other in circles
    return None


def record_failure(job: StepJob, error: BaseException) -> str:
    """Write down what stopped a step, and return it in words."""
    cause = root_cause(error)
    said = quote_error(cause)
    try:
        _write(job.folder.failure, {"error": said, "at": datetime.now(UTC).isoformat()})
    except OutputError as unwritten:  # such as on a full disk, which may be what stopped the step
        logger.error("%s", unwritten)
    return said


@contextlib.contextmanager
def _tracked(job: StepJob) -> Iterator[str | None]:
    if job.tracking is None:
        yield None
        return
    with job.tracking.running(job.name, job.name, job.repetition_run) as run:
        machine = {f"environment.{name}": value for name, value in environment().items()}
        own = {"version": code_version(), "data": _data_hash(job)}
        tags = job.lineage | own | machine
        settings = job.settings(job.step.stage) | dict(job.step.settings) | {"threads": job.plan.threads}
        params = {name: value for name, value in settings.items() if name not in LOGGED_BY_THE_TRAINING}
        job.tracking.note(run, tags, redact_paths(params))
        yield run


def _carried_out(job: StepJob, run: str | None) -> dict[str, Any]:
    """Train and measure, and return what is to be recorded."""
    started = time.monotonic() - epoch_seconds(read_epochs(job.folder.epochs))  # of an attempt that was interrupted
    if job.is_given:
        _take_weights(job)
    else:
        if job.step.choice == "select":
            ensure_order(job)
        train_stage(STAGES[job.step.stage], job.plan.data, job.folder, job.training(run))
    reports = measure_step(job)
    first = next(iter(reports.values()))
    times = read_passes(job.folder.passes)
    record = {
        "step": job.step.name,
        "repetition": job.repetition,
        **job.lineage,
        "given": job.is_given,
        "seed": job.seed,
        "split": first["split"],
        "data": _data_hash(job),
        "weights_sha256": first["weights_sha256"],
        **times,
        "seconds": time.monotonic() - started,
        "threads": job.plan.threads,
        "version": code_version(),
        "environment": environment(),
        "mlflow_run": run,
    }
    if job.tracking is not None and run is not None:
        tags = {name: record[name] for name in ("split", "weights_sha256")}
        told = {name: record[name] for name in (*times, "seconds") if record[name] is not None}
        job.tracking.note(run, tags, metrics=told | _means(reports))
    return record


def _take_weights(job: StepJob) -> None:
    """Give the step the study's copy of its weights, without a second one where the file system allows that."""
    source, target = job.study.paths.given(job.step.name), job.folder.weights
    target.parent.mkdir(parents=True, exist_ok=True)
    copy_sidecar(source, target)
    with atomic_path(target) as temporary:
        temporary.unlink()
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)


def _data_hash(job: StepJob) -> str | None:
    return job.study.facts["data"].get(job.step.stage)


def _means(reports: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    return {
        f"{section}/{name}": summary["mean"]
        for section, report in reports.items()
        for name, summary in report["all"].items()
        if summary["mean"] is not None
    }


def _write(path: Path, content: Mapping[str, Any]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

"""One step of one repetition: its training, its measurements, and the record that it is done."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import shutil
import statistics
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from ignite.engine import Engine
from monai.engines import SupervisedEvaluator

from monai_lungxfer.bundle.redaction import redact_paths
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.data.records import read_json
from monai_lungxfer.handlers.epoch_table import epoch_seconds, read_epochs
from monai_lungxfer.study.execution.step_job import StepJob
from monai_lungxfer.training.stage import evaluate_stage, train_stage
from monai_lungxfer.utils.error_redaction import quote_error
from monai_lungxfer.utils.errors import OutputError, root_cause
from monai_lungxfer.utils.files import atomic_path
from monai_lungxfer.utils.versions import code_version, environment

logger = logging.getLogger(__name__)

LOGGED_BY_THE_TRAINING = {"seed", "batch_size", "learning_rate", "precision", "max_epochs"}
PASSES = 10


class _KeptEvaluator:
    """A watcher that only keeps hold of what validates the training."""

    evaluator: Any

    def watch(self, trainer: Engine, evaluator: Engine) -> None:  # noqa: ARG002 - the watchers' signature
        self.evaluator = evaluator


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
    kept = _KeptEvaluator()
    stage = STAGES[job.step.stage]
    train_stage(stage, job.plan.data, job.folder, job.training(run), lambda _: contextlib.nullcontext(kept))
    network_ms = time_network_pass(kept.evaluator)
    reports = measure_step(job)
    record = {
        "step": job.step.name,
        "repetition": job.repetition,
        **job.lineage,
        "seed": job.seed,
        "split": reports["test"]["split"],
        "data": _data_hash(job),
        "weights_sha256": reports["test"]["weights_sha256"],
        "network_ms": network_ms,
        "seconds": time.monotonic() - started,
        "threads": job.plan.threads,
        "version": code_version(),
        "environment": environment(),
        "mlflow_run": run,
    }
    if job.tracking is not None and run is not None:
        tags = {name: record[name] for name in ("split", "weights_sha256")}
        times = {name: record[name] for name in ("network_ms", "seconds")}
        job.tracking.note(run, tags, metrics=times | _means(reports))
    return record


def _data_hash(job: StepJob) -> str:
    return job.study.facts["data"][job.step.stage]


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


def measure_step(job: StepJob) -> dict[str, dict[str, Any]]:
    """Measure the weights of a step that has been trained, and return the reports (see `ImageTable.write`) by name.

    All are written into the step's folder: "test", the test part of the step's own split; "independent", the
    independent half of the portable images; and for portable steps "before", that half by the weights that the step
    started from.
    """
    weights = job.folder.weights
    reports = {"test": _report(job, job.step.stage, "test", weights, "test")}
    # Pooled training has no stage before it that portable images could have improved.
    if job.step.stage == "portable" and job.weights_before is not None and job.step.pools is None:
        reports["before"] = _before(job, job.weights_before)
    reports["independent"] = _report(job, "portable", "independent", weights, "independent")
    return reports


def _before(job: StepJob, weights: Path) -> dict[str, Any]:
    """Measure the weights before, or take over what was measured in their own step on the same half."""
    if job.parent is not None and job.parent.path.parent == job.folder.path.parent:
        with atomic_path(job.folder.report("before")) as temporary:
            shutil.copyfile(job.parent.report("independent"), temporary)
        return read_json(job.folder.report("before"))
    return _report(job, "portable", "independent", weights, "before")


def _report(job: StepJob, stage: str, section: str, weights: Path, name: str) -> dict[str, Any]:
    settings = job.settings(stage)
    for name in ("image_size", "sizing"):  # weights are measured with those that they were trained for, and bring them
        settings.pop(name, None)
    settings |= {"report_file": job.folder.report(name), "overwrite": True}  # of an attempt before
    if stage != job.step.stage:
        settings["split_file"] = job.folder.path / f"{stage}_split.json"
    return evaluate_stage(STAGES[stage], job.plan.data, job.folder, weights, section, settings)


def time_network_pass(evaluator: SupervisedEvaluator) -> float:
    """Return the milliseconds that one image takes to pass through the network: the median of ten passes.

    Network, inferer, device and the first of the images are those of the evaluator of a training.
    """
    dataset: Any = evaluator.data_loader.dataset  # type: ignore[union-attr]
    image = torch.as_tensor(dataset[0]["image"])[None].to(evaluator.state.device)
    evaluator.network.eval()
    with torch.no_grad():
        times = [_pass_seconds(evaluator, image) for _ in range(PASSES + 1)]
    return 1000 * statistics.median(times[1:])  # the first pass prepares the others


def _pass_seconds(evaluator: SupervisedEvaluator, image: torch.Tensor) -> float:
    _wait_for(image.device)
    started = time.perf_counter()
    evaluator.inferer(image, evaluator.network)
    _wait_for(image.device)
    return time.perf_counter() - started


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)

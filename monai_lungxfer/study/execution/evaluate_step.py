"""What is measured of a step's weights: their own test part, the independent half, and the time of a network pass."""

from __future__ import annotations

import shutil
import statistics
import time
from typing import Any

import torch
from monai.engines import SupervisedEvaluator

from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.data.records import read_json
from monai_lungxfer.study.execution.step_job import StepJob
from monai_lungxfer.training.stage import evaluate_stage
from monai_lungxfer.utils.files import atomic_path

__all__ = ["measure_step", "network_pass_ms"]

PASSES = 10


def measure_step(job: StepJob) -> dict[str, dict[str, Any]]:
    """Measure the weights of a step that has been trained.

    All reports, see `ImageTable.write`, are written into the step's folder: "test", the test
    part of the step's own split; "independent", the independent half of the portable images; and for portable steps
    "before", that half by the weights that the step started from.

    Returns
    -------
    dict
        The reports by name.
    """
    weights = str(job.folder.weights)
    reports = {"test": _report(job, job.step.stage, "test", weights, "test")}
    # Pooled training has no stage before it that portable images could have improved.
    if job.step.stage == "portable" and job.weights_before is not None and job.step.pools is None:
        reports["before"] = _before(job, job.weights_before)
    reports["independent"] = _report(job, "portable", "independent", weights, "independent")
    return reports


def _before(job: StepJob, weights: str) -> dict[str, Any]:
    """Measure the weights before, or take over what was measured in their own step on the same half."""
    if job.parent is not None and job.parent.path.parent == job.folder.path.parent:
        with atomic_path(job.folder.report("before")) as temporary:
            shutil.copyfile(job.parent.report("independent"), temporary)
        return read_json(job.folder.report("before"))
    return _report(job, "portable", "independent", weights, "before")


def _report(job: StepJob, stage: str, section: str, weights: str, name: str) -> dict[str, Any]:
    settings = job.settings(stage)
    del settings["image_size"]  # weights are measured with the size that they were trained for, which they bring
    settings["report_file"] = str(job.folder.report(name))
    if stage != job.step.stage:
        settings["split_file"] = str(job.folder.path / f"{stage}_split.json")
    return evaluate_stage(STAGES[stage], job.plan.data, job.folder, weights, section, settings)


def network_pass_ms(evaluator: SupervisedEvaluator) -> float:
    """Return the milliseconds that one image takes to pass through the network: the median of ten passes.

    Parameters
    ----------
    evaluator : monai.engines.SupervisedEvaluator
        Of a training; its network, inferer, device and the first of its images are used.
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

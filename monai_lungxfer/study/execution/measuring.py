"""What is measured of the weights of a step: reports, which are written into its folder."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from monai_lungxfer.bundle.settings import PlainText
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.data.records import read_json
from monai_lungxfer.data.splits import load_split
from monai_lungxfer.study.execution.measured_stages import find_measured_stages
from monai_lungxfer.study.execution.step_job import StepJob
from monai_lungxfer.study.plan.arms import DONOR
from monai_lungxfer.training.refiner import train_refiner
from monai_lungxfer.training.stage import evaluate_stage, stage_data
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import atomic_path

logger = logging.getLogger(__name__)


def measure_step(job: StepJob) -> dict[str, dict[str, Any]]:
    """Measure the weights of a step, and return the reports (see `ImageTable.write`) by name.

    "test" is the test part of the step's own split; "independent" the independent half of the portable images, but for
    donors; "before", in portable steps, that half by the weights that the step started from; and "retention_STAGE" the
    test part of a stage before. With the plan's `native`, portable steps have "native" and "native_refined", too. Steps
    that learn from some of the images have the first two alone.
    """
    weights = job.folder.weights
    reports: dict[str, dict[str, Any]] = {}
    if job.step.images is not None:  # what its parent sees is measured beside all images
        sections = ("test", "independent")
        return {name: _report(job, "portable", name, job.folder.weights, name) for name in sections}
    for stage in find_measured_stages(job.step, job.plan):
        name = "test" if stage == job.step.stage else f"retention_{stage}"
        reports[name] = _report(job, stage, "test", weights, name)
    if job.step.stage == DONOR:
        return reports or {"test": _report(job, DONOR, "test", weights, "test")}
    # Pooled training has no stage before it that portable images could have improved.
    if job.step.stage == "portable" and job.weights_before is not None and job.step.pools is None:
        reports["before"] = _before(job, job.weights_before)
    reports["independent"] = _report(job, "portable", "independent", weights, "independent")
    return reports | (_native(job) if job.plan.native and job.step.stage == "portable" else {})


def _native(job: StepJob) -> dict[str, dict[str, Any]]:
    """Measure the independent half at the size of the radiographs, without and with borders that a network refines."""
    stage, weights = STAGES["portable"], job.folder.weights
    split = load_split(job.folder.split, stage_data(job.plan.data, stage))
    settings: dict[str, Any] = {"seed": job.seed, "steps": job.plan.refiner_steps, "device": job.plan.device}
    reports = {"native": _report(job, "portable", "independent", weights, "native", {"at": "native"})}
    try:
        refined = train_refiner(stage, job.plan.data, job.folder, weights, split=split, overwrite=True, **settings)
    except LungXferError as error:
        if type(error) is not LungXferError:  # such as a full disk
            raise
        logger.warning("%s has no refined borders: %s", job.name, error.problem)  # its masks are empty
        return reports
    at_size = {"at": "native", "refiner": refined["refiner"]}
    name = "native_refined"
    return reports | {name: _report(job, "portable", "independent", weights, name, at_size)}


def _before(job: StepJob, weights: Path) -> dict[str, Any]:
    """Measure the weights before, or take over what was measured in their own step on the same half."""
    parent = job.parent
    if parent is None or parent.path.parent != job.folder.path.parent or not parent.report("independent").is_file():
        return _report(job, "portable", "independent", weights, "before")
    with atomic_path(job.folder.report("before")) as temporary:
        shutil.copyfile(parent.report("independent"), temporary)
    return read_json(job.folder.report("before"))


def _report(
    job: StepJob, stage: str, section: str, weights: Path, name: str, others: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    settings = job.measuring(stage) | dict(others)
    settings |= {"report_file": job.folder.report(name), "overwrite": True}  # of an attempt before
    if name == "independent":
        settings["validate#inferer"] = {
            "_target_": "monai_lungxfer.study.execution.pass_times.TimedInferer",
            "inferer": "@train#inferer",
            "path": PlainText(job.folder.passes),
        }
    if stage != job.step.stage:
        settings["split_file"] = job.folder.path / f"{stage}_split.json"
    return evaluate_stage(STAGES[stage], job.plan.data, job.folder, weights, section, settings)

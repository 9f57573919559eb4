"""The order in which the training images of a repetition would be drawn, for the parts that are selected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from filelock import FileLock

from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.data.partition import Split
from monai_lungxfer.data.records import read_object
from monai_lungxfer.data.splits import ensure_split
from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.selection.ranking import rank_images
from monai_lungxfer.selection.survey import survey_images
from monai_lungxfer.study.execution.step_job import SPLIT_SETTINGS, StepJob
from monai_lungxfer.training.stage import stage_data
from monai_lungxfer.utils.files import atomic_path


def ensure_order(job: StepJob) -> None:
    """Write `StepJob.order`, unless it is there: places among the training images of the step's split.

    Images are looked at with the general weights: those that the plan gives, or those that ship. Neither has seen
    portable images, as when one begins to draw masks for a new device.
    """
    job.order.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(job.order.parent / ".lock"):
        split = _split(job)
        if job.order.is_file() and read_object(job.order, split=str, order=list)["split"] == split.hash:
            return
        with atomic_path(job.order) as temporary:
            temporary.write_text(json.dumps({"split": split.hash, "order": _select(job, split)}), encoding="utf-8")


def _split(job: StepJob) -> Split:
    settings = job.settings(job.step.stage)
    given: dict[str, Any] = {name: settings[name] for name in SPLIT_SETTINGS}
    return ensure_split(stage_data(job.plan.data, STAGES[job.step.stage]), job.folder.split, **given)


def _select(job: StepJob, split: Split) -> list[int]:
    weights = job.study.paths.given("general") if "general" in job.plan.given else None
    segmenter = Segmenter.from_bundle("general", weights=weights, device=job.plan.device, engine="torch")
    files = [InputFile(Path(r["image"]), f"{place:06d}", any_view=True) for place, r in enumerate(split.training)]
    found, _ = survey_images(segmenter, files, job.order.parent, resume=True)
    places = [place for place, file in enumerate(files) if file.name in found]
    ranked = rank_images(list(found.values()), [split.training[place]["patient"] for place in places])
    unread = [place for place, file in enumerate(files) if file.name not in found]
    return [*(places[rank] for rank in ranked), *unread]

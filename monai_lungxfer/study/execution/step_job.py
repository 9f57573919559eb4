"""What one step of one repetition needs to know: its settings, its parent, and where it is tracked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import Any

from monai_lungxfer.bundle.settings import PlainText
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.data.records import read_object
from monai_lungxfer.study.execution.begin import Study
from monai_lungxfer.study.execution.paths import StepPaths, repetition_name
from monai_lungxfer.study.execution.tracking import Tracking
from monai_lungxfer.study.plan.arms import DONOR, STEPS, Step, find_chain, scale_side
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.training.stage import stage_data
from monai_lungxfer.utils.files import hash_file

SPLIT_SETTINGS = ("seed", "fractions", "hold_out", "hold_out_seed", "locked_share")
"""The settings of a bundle that a split is drawn by."""


@dataclass(frozen=True)
class StepJob:
    """One step of one repetition (from 0), ready to be run in this process or another.

    `parent` is the finished step whose weights it starts from, if its parent is a step. `repetition_run` is the MLflow
    run of its repetition; without `tracking`, nothing is tracked.
    """

    study: Study
    repetition: int
    step: Step
    parent: StepPaths | None = None
    tracking: Tracking | None = None
    repetition_run: str | None = None

    @property
    def plan(self) -> StudyPlan:
        """The study's plan."""
        return self.study.plan

    @property
    def folder(self) -> StepPaths:
        """Its files."""
        return self.study.paths.step(self.repetition, self.step.name)

    @property
    def order(self) -> Path:
        """The file with the order in which training images of its repetition are selected."""
        return self.folder.path.parent / "selection" / "order.json"

    @property
    def name(self) -> str:
        """It as a part of the study: "repetition-000/general"."""
        return f"{repetition_name(self.repetition)}/{self.step.name}"

    @property
    def seed(self) -> int:
        """Of the repetition's splits and of all else in it that is random."""
        return self.plan.seed + self.repetition

    @property
    def is_given(self) -> bool:
        """Whether it takes weights that the plan gives, and is not trained."""
        return self.step.name in self.plan.given

    @property
    def weights_before(self) -> Path | None:
        """The weights file that it starts from; None for random weights, and for a step that is given."""
        if self.is_given or self.step.parent is None:
            return None
        return self.study.paths.given(DONOR) if self.parent is None else self.parent.weights

    @cached_property
    def lineage(self) -> dict[str, Any]:
        """Where its first weights come from: name of the step or "donor", hash, and MLflow run."""
        if self.parent is None:
            name = None if self.is_given else self.step.parent
            digest = self.study.facts["donor"] if name == DONOR else None
            return {"parent": name, "parent_sha256": digest, "parent_run": None}
        record = read_object(self.parent.record, step=str, repetition=int, mlflow_run=(str, NoneType))
        name = record["step"]
        if record["repetition"] != self.repetition:
            name = f"{repetition_name(record['repetition'])}/{name}"
        return {"parent": name, "parent_sha256": hash_file(self.parent.weights), "parent_run": record["mlflow_run"]}

    def settings(self, stage: str) -> dict[str, Any]:
        """Return the settings of a stage's bundle that training and measuring have in common."""
        settings: dict[str, Any] = getattr(self.plan.stages, stage).overrides() | {
            "seed": self.seed,
            "fractions": list(self.plan.fractions),
            "hold_out": self.plan.hold_out if stage == "portable" else 0.0,
            "locked_share": self.plan.locked_share if stage == "portable" else 0.0,
            "hold_out_seed": self.plan.seed if stage == "portable" and self.plan.independent == "fixed" else None,
            "precision": self.plan.precision,
        }
        if self.plan.device != "auto":
            settings["device"] = f"$monai_lungxfer.utils.precision.usable_device({self.plan.device!r})"
        return settings

    def training(self, run: str | None) -> dict[str, Any]:
        """Return the settings of the bundle for the step's training, tracked in an open run."""
        settings = self.settings(self.step.stage) | dict(self.step.settings) | {"parent": self.weights_before}
        settings["image_size"] = [scale_side(side, self.step.scale) for side in settings["image_size"]]
        settings["tracking_uri"] = ""
        if self.tracking is not None and run is not None:
            settings |= {
                "tracking_uri": PlainText(self.tracking.uri),
                "experiment_name": PlainText(self.tracking.experiment),
                "tracking_run": run,
            }
        if self.plan.keep_decoded:
            settings = {"memory_limit_gb": 0.0} | settings | {"spill_dir": self.study.paths.decoded}
        if self.step.pools is not None:
            settings |= self._pooled(self.step.pools)
        if self.step.images is not None:
            settings["train#dataset#data"] = self._part(self.step.images)
        return settings

    def measuring(self, stage: str) -> dict[str, Any]:
        """Return the settings of a stage's bundle for measuring weights: what these bring is not said again.

        Each image passes alone, so that passes can be timed. MRI have the channels that the donor learnt from.
        """
        settings = self.settings(stage) | {"batch_size": 1}
        brought = {"image_size", "sizing"}
        if not {"network_def", "network_def#_target_"} & settings.keys():
            brought |= {name for name in settings if name.startswith("network_def#")}
        told = {name: value for name, value in settings.items() if name not in brought}
        if stage == DONOR:
            root = STEPS[find_chain(self.step.name, self.plan.given)[0]]
            told |= {name: value for name, value in root.settings.items() if name == "channels"}
        return told

    def _part(self, images: int) -> dict[str, Any]:
        """Return what makes the dataset of some of the training images."""
        part: dict[str, Any] = {"_target_": "monai_lungxfer.data.subsets.take_images", "records": "$@split.training"}
        chosen = {"seed": "@seed"}
        if self.step.choice == "select":
            chosen = {"order": read_object(self.order, order=list)["order"]}
        return part | {"count": images} | chosen

    def _pooled(self, stage: str) -> dict[str, Any]:
        """Add the training images of another stage, split as in the other steps of the repetition."""
        return {
            "pooled_dir": stage_data(self.plan.data, STAGES[stage]),
            "pooled_split": "$monai_lungxfer.data.splits.ensure_split("
            f"@pooled_dir, @output_dir + '/{stage}_split.json', seed=@seed, fractions=@fractions)",
            "train#dataset#data": "$list(@split.training) + list(@pooled_split.training)",
        }

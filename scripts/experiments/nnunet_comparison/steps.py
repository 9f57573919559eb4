"""The steps of the comparison in turn: plan, train, predict, measure. Each is passed over when it is done."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_lungxfer.data.splits import Split
from monai_lungxfer.metrics.summary import summarise
from monai_lungxfer.utils.errors import LungXferError
from nnunet_comparison.conversion import DATASET, Cases, choose_cases, write_json, write_raw
from nnunet_comparison.environment import NnUnet
from nnunet_comparison.measuring import measure

__all__ = ["CHANGES", "Comparison"]

logger = logging.getLogger(__name__)

CHANGES = (
    "an epoch is a share of the wall time instead of 250 iterations, for a training that ends at the wall time",
    "the learning rate falls by the same polynomial, but over the wall time instead of over 1000 epochs",
    "trained and predicted on the processor, one process for augmentation instead of 12: the machine's means",
    "no prediction of the validation cases by nnU-Net at the end: measured here instead, off the clock",
)
_TRAINER = "nnUNetTrainerWallTime"
_CURVE_METRICS = ("DICE", "DICE_HARD")


@dataclass(frozen=True)
class Comparison:
    """One training of nnU-Net and its measurement.

    Attributes
    ----------
    splits : tuple of Split
        The first is measured; the others' images are learnt from, too.
    folder : pathlib.Path
        Receives everything.
    minutes : float
        Wall time of the training.
    points : int
        Points of the curve Dice against wall time: nnU-Net's epochs.
    section : {"independent", "test"}
        What is measured.
    """

    splits: tuple[Split, ...]
    folder: Path
    minutes: float
    points: int = 10
    section: str = "independent"

    @property
    def fold(self) -> Path:
        """Folder of nnU-Net's checkpoints."""
        return self.folder / "nnUNet_results" / DATASET / f"{_TRAINER}__nnUNetPlans__2d" / "fold_0"

    def run(self, nnunet: NnUnet) -> dict[str, Any]:
        """Do what is not yet done, and return the report.

        Raises
        ------
        LungXferError
            When the folder holds another comparison, and when a step fails.
        """
        self._claim_folder()
        cases = choose_cases(self.splits, self.section)
        write_raw(cases, self.folder)
        self._plan(nnunet)
        self._train(nnunet)
        report = self._measure(nnunet, cases)
        self._measure_curve(nnunet, cases)
        return report

    def _claim_folder(self) -> None:
        settings = {
            "splits": [split.hash for split in self.splits],
            "section": self.section,
            "minutes": self.minutes,
            "points": self.points,
        }
        file = self.folder / "settings.json"
        if not file.is_file():
            write_json(file, settings)
        elif json.loads(file.read_text(encoding="utf-8")) != settings:
            raise LungXferError("is of a comparison with other settings", source=file, remedy="Choose another --out")

    def _plan(self, nnunet: NnUnet) -> None:
        done = self.folder / "planned"
        if done.is_file():
            return
        logger.info("planning and preprocessing")
        options = ["-d", 1, "-c", "2d", "-np", 1, "-npfp", 1, "--verify_dataset_integrity"]
        nnunet.run("nnUNetv2_plan_and_preprocess", options)
        done.touch()

    def _train(self, nnunet: NnUnet) -> None:
        if (self.fold / "checkpoint_final.pth").is_file():
            return
        logger.info("training for %g minutes", self.minutes)
        variables = {"LUNGXFER_MINUTES": str(self.minutes), "LUNGXFER_EPOCHS": str(self.points)}
        options = [1, "2d", 0, "-tr", _TRAINER, "-device", "cpu"]
        if (self.fold / "checkpoint_latest.pth").is_file():
            options.append("--c")
        nnunet.run("nnUNetv2_train", options, variables)

    def _predict(self, nnunet: NnUnet, images: Path, checkpoint: str) -> Path:
        target = self.folder / "predictions" / Path(checkpoint).stem
        model = ["-d", 1, "-c", "2d", "-f", 0, "-tr", _TRAINER, "-chk", checkpoint]
        # No processes beside the one that computes; what is there from before an interruption is kept.
        means = ["-device", "cpu", "-npp", 0, "-nps", 0, "--continue_prediction", "--disable_progress_bar"]
        logger.info("predicting with %s", checkpoint)
        nnunet.run("nnUNetv2_predict", ["-i", images, "-o", target, "--save_probabilities", *model, *means])
        return target

    def _measure(self, nnunet: NnUnet, cases: Cases) -> dict[str, Any]:
        file = self.folder / f"{self.section}.json"
        if file.is_file():
            report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return report
        images = self.folder / "nnUNet_raw" / DATASET / "imagesTs"
        checkpoint = "checkpoint_final.pth"
        split = self.splits[0]
        table = measure(cases.measured, self._predict(nnunet, images, checkpoint), split.root)
        return table.write(file, section=self.section, split=split.hash, weights=self.fold / checkpoint)

    def _measure_curve(self, nnunet: NnUnet, cases: Cases) -> None:
        """Measure the snapshots on the first split's validation section; measured ones are deleted."""
        file = self.folder / "curve.json"
        points = json.loads((self.fold / "points.json").read_text(encoding="utf-8"))
        old = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else self._description(nnunet)
        for number, point in enumerate(points[len(old["points"]) :], len(old["points"])):
            snapshot = self.fold / f"snapshot_{number:03d}.pth"
            predictions = self._predict(nnunet, self.folder / "curve_images", snapshot.name)
            summary = summarise(measure(cases.curve, predictions, self.splits[0].root).rows, _CURVE_METRICS)
            old["points"].append(point | {name: summary[name]["mean"] for name in _CURVE_METRICS})
            write_json(file, old)
            shutil.rmtree(predictions)
            snapshot.unlink()

    def _description(self, nnunet: NnUnet) -> dict[str, Any]:
        """Say how the training was, for `curve.json`, whose points are still to come."""
        plans = json.loads((self.fold.parent / "plans.json").read_text(encoding="utf-8"))
        configuration = plans["configurations"]["2d"]
        return {
            "split": self.splits[0].hash,
            "other_splits": [split.hash for split in self.splits[1:]],
            "minutes": self.minutes,
            "versions": nnunet.versions(),
            "plan": {name: configuration[name] for name in ("patch_size", "batch_size", "normalization_schemes")},
            "changed_defaults": list(CHANGES),
            "points": [],
        }

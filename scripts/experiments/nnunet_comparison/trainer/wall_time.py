"""nnU-Net's trainer, fitted to a wall time; it is copied to nnU-Net's own and runs in its environment.

Everything is nnU-Net's own but for this: an epoch is a share of the wall time instead of 250 iterations, and the
learning rate falls by the same polynomial over the wall time instead of over 1000 epochs. Iterations of validation
stand to those of training as in nnU-Net, 50 to 250. The weights at the end of each epoch are kept as snapshots.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer


class nnUNetTrainerWallTime(nnUNetTrainer):  # noqa: N801 - nnU-Net's way to name trainers
    """A training that ends at a wall time.

    The variables LUNGXFER_MINUTES and LUNGXFER_EPOCHS say how. The time runs from the start of the training, with all
    that nnU-Net does from there on. `points.json` beside the checkpoints has for each epoch the seconds and iterations
    until its end, and nnU-Net's pseudo Dice.
    """

    def __init__(
        self,
        plans: dict,
        configuration: str,
        fold: int,
        dataset_json: dict,
        device: torch.device = torch.device("cuda"),  # noqa: B008 - nnU-Net's signature
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.budget = 60 * float(os.environ["LUNGXFER_MINUTES"])
        self.validation_share = self.num_val_iterations_per_epoch / self.num_iterations_per_epoch
        self.num_epochs = int(os.environ["LUNGXFER_EPOCHS"])
        self.save_every = 1
        self.points: list[dict[str, float]] = []
        self.validation_seconds = 0.0  # of one iteration, as last measured
        self.started = time.monotonic()
        self.resumed_at = 0

    def load_checkpoint(self, filename_or_checkpoint: Any) -> None:
        """Go on after the last whole epoch; the time until its end counts."""
        super().load_checkpoint(filename_or_checkpoint)
        self.points = json.loads(self._beside("points.json").read_text())[: self.current_epoch]

    def spent(self) -> float:
        """Return the seconds of training so far, whole epochs before an interruption included."""
        before = self.points[self.resumed_at - 1]["seconds"] if self.resumed_at else 0.0
        return before + time.monotonic() - self.started

    def run_training(self) -> None:
        """Train until the time is over, at least for one epoch."""
        self.started = time.monotonic()
        self.resumed_at = self.current_epoch
        self.on_train_start()
        while self.current_epoch == 0 or (self.current_epoch < self.num_epochs and self.spent() < self.budget):
            self.on_epoch_start()
            self.on_train_epoch_start()
            outputs = self.train_until(self.budget * (self.current_epoch + 1) / self.num_epochs)
            self.on_train_epoch_end(outputs)
            self.validate(self._validations(len(outputs)))
            self.keep_point(len(outputs))
            self.on_epoch_end()
        self.on_train_end()

    def train_until(self, end: float) -> list[dict]:
        """Train for one iteration at least, and leave time for the validation before `end`, in seconds."""
        outputs: list[dict] = []
        began = self.spent()
        while True:
            self.lr_scheduler.step(self.num_epochs * min(self.spent() / self.budget, 1.0))
            outputs.append(self.train_step(next(self.dataloader_train)))
            half_an_iteration = (self.spent() - began) / len(outputs) / 2
            validation = self._validations(len(outputs)) * self.validation_seconds
            if self.spent() + half_an_iteration + validation >= end:
                return outputs

    def validate(self, iterations: int) -> None:
        """Compute nnU-Net's pseudo Dice from some random patches."""
        began = time.monotonic()
        with torch.no_grad():
            self.on_validation_epoch_start()
            self.on_validation_epoch_end([self.validation_step(next(self.dataloader_val)) for _ in range(iterations)])
        self.validation_seconds = (time.monotonic() - began) / iterations

    def keep_point(self, iterations: int) -> None:
        """Keep the weights for `nnUNetv2_predict`, and note the time. Comes before nnU-Net's own checkpoint."""
        content = {
            "network_weights": self.network.state_dict(),
            "trainer_name": type(self).__name__,
            "init_args": self.my_init_kwargs,
            "inference_allowed_mirroring_axes": self.inference_allowed_mirroring_axes,
        }
        torch.save(content, self._beside(f"snapshot_{self.current_epoch:03d}.pth"))
        point = {
            "seconds": round(self.spent(), 1),
            "iterations": iterations + (self.points[-1]["iterations"] if self.points else 0),
            "pseudo_dice": float(self.logger.get_value("mean_fg_dice", step=-1)),
        }
        self.points.append(point)
        temporary = self._beside("points.json.part")
        temporary.write_text(json.dumps(self.points))
        temporary.replace(self._beside("points.json"))

    def perform_actual_validation(self, save_probabilities: bool = False) -> None:
        """Do nothing: the comparison measures by its own metrics, off the clock."""

    def _validations(self, iterations: int) -> int:
        return max(1, round(self.validation_share * iterations))

    def _beside(self, name: str) -> Path:
        return Path(self.output_folder) / name

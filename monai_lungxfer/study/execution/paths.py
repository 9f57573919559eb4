"""Where the files of a study lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_lungxfer.training.stage import StageFolder

_REPETITION = "repetition-"


def repetition_name(repetition: int) -> str:
    """Return the name of a repetition, counted from 0: its folder and its MLflow run."""
    return f"{_REPETITION}{repetition:03d}"


class _Below:
    """A file or folder in the folder of an object: `path` and this name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, owner: Any, kind: type | None = None) -> Path:
        return owner.path / self.name


@dataclass(frozen=True)
class StepPaths(StageFolder):
    """The files of one step of one repetition."""

    epochs = _Below("epochs.csv")
    """A row an epoch, see `monai_lungxfer.handlers.epoch_table`."""
    layers = _Below("layers.csv")
    """A row a layer and epoch: gradient and drift, with the setting ``layer_table``."""
    record = _Below("step.json")
    """Written last: the step is done, and this is what is known of it."""
    failure = _Below("failed.json")
    """What stopped the last attempt."""
    passes = _Below("passes_ms.txt")
    """Milliseconds that each image of the independent half took to pass the network."""
    lock = _Below(".lock")
    """Held by the process that works on the step."""

    @property
    def name(self) -> str:
        """Of the step, as "portable"."""
        return self.path.name

    @property
    def repetition(self) -> int:
        """Counted from 0."""
        return int(self.path.parent.name.removeprefix(_REPETITION))

    def report(self, name: str) -> Path:
        """Return the file of a report, such as test, before or independent."""
        return self.path / f"{name}.json"


@dataclass(frozen=True)
class StudyPaths:
    """The files of a study, whose folder `path` is absolute."""

    path: Path

    plan = _Below("plan.yaml")
    """The plan as it is carried out."""
    facts = _Below("study.json")
    """What was fixed when the study began: its identity and the hashes of data and donor."""
    decoded = _Below("decoded")
    """Images decoded once for all trainings; may be deleted."""
    runs = _Below("mlruns.db")
    """The MLflow store, unless a server is named."""
    lock = _Below(".lock")
    """Held by the process that runs the study."""

    def given(self, name: str) -> Path:
        """Return the copy of the donor's or the general weights, so that all repetitions start from the same."""
        return self.path / name / "model.pt"

    def step(self, repetition: int, name: str) -> StepPaths:
        """Return the files of one step."""
        return StepPaths(self.path / repetition_name(repetition) / name)

    def finished_steps(self) -> list[StepPaths]:
        """Return the files of every step that is done, in the order of repetitions and names."""
        done = (StepPaths(path.parent) for path in self.path.glob(f"{_REPETITION}[0-9]*/*/step.json"))
        return sorted(done, key=lambda step: (step.repetition, step.name))

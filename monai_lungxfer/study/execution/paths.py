"""Where the files of a study lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monai_lungxfer.training.stage import StageFolder

__all__ = ["StepPaths", "StudyPaths", "repetition_name"]

_REPETITION = "repetition-"


def repetition_name(repetition: int) -> str:
    """Return the name of a repetition, counted from 0: its folder and its MLflow run."""
    return f"{_REPETITION}{repetition:03d}"


@dataclass(frozen=True)
class StepPaths(StageFolder):
    """The files of one step of one repetition."""

    @property
    def name(self) -> str:
        """Of the step, as "portable"."""
        return self.path.name

    @property
    def repetition(self) -> int:
        """Counted from 0."""
        return int(self.path.parent.name.removeprefix(_REPETITION))

    @property
    def epochs(self) -> Path:
        """A row an epoch, see `monai_lungxfer.handlers.epoch_table`."""
        return self.path / "epochs.csv"

    @property
    def record(self) -> Path:
        """Written last: the step is done, and this is what is known of it."""
        return self.path / "step.json"

    @property
    def failure(self) -> Path:
        """What stopped the last attempt."""
        return self.path / "failed.json"

    @property
    def lock(self) -> Path:
        """Held by the process that works on the step."""
        return self.path / ".lock"

    def report(self, name: str) -> Path:
        """Return the file of a report: test, before or independent."""
        return self.path / f"{name}.json"


@dataclass(frozen=True)
class StudyPaths:
    """The files of a study.

    Attributes
    ----------
    path : pathlib.Path
        Its folder, absolute.
    """

    path: Path

    @property
    def plan(self) -> Path:
        """The plan as it is carried out."""
        return self.path / "plan.yaml"

    @property
    def facts(self) -> Path:
        """What was fixed when the study began: its identity and the hashes of data and donor."""
        return self.path / "study.json"

    @property
    def donor(self) -> Path:
        """A copy of the donor's weights, so that all repetitions start from the same."""
        return self.path / "donor" / "model.pt"

    @property
    def decoded(self) -> Path:
        """Images decoded once for all trainings; may be deleted."""
        return self.path / "decoded"

    @property
    def runs(self) -> Path:
        """The MLflow store, unless a server is named."""
        return self.path / "mlruns.db"

    @property
    def lock(self) -> Path:
        """Held by the process that runs the study."""
        return self.path / ".lock"

    def step(self, repetition: int, name: str) -> StepPaths:
        """Return the files of one step."""
        return StepPaths(self.path / repetition_name(repetition) / name)

    def finished_steps(self) -> list[StepPaths]:
        """Return the files of every step that is done, in the order of repetitions and names."""
        done = (StepPaths(path.parent) for path in self.path.glob(f"{_REPETITION}[0-9]*/*/step.json"))
        return sorted(done, key=lambda step: (step.repetition, step.name))

"""The results of a study, as tables that are checked once and then only read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from monai_lungxfer.metrics.per_image import DISTANCES
from monai_lungxfer.study.analysis.reading import FinishedStep, read_step
from monai_lungxfer.study.execution.paths import StudyPaths
from monai_lungxfer.study.plan.arms import ARMS, PAPER_ARM, QUESTIONS, fill_sizes, find_step
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.utils.errors import LungXferError


@dataclass(frozen=True)
class StudyResults:
    """What the finished steps of a study gave; `StudyResults.read` is the way to make one.

    Attributes
    ----------
    plan : StudyPlan
        As it is carried out.
    steps : pandas.DataFrame
        One row a finished step: repetition, step and what its step.json says.
    epochs : pandas.DataFrame
        One row an epoch: repetition, step, and the columns of epochs.csv, as epoch, train_loss, val_loss.
    images : pandas.DataFrame
        One row an image that was measured: repetition, step, section ("test", "independent", "before": the parent's
        weights on the independent half, or "retention_STAGE": the test part of a stage before), image, patient,
        finding, view, and every metric. Images with the same `patient` are of one patient.
    layers : pandas.DataFrame
        One row a layer and epoch of the steps with the setting ``layer_table``: repetition, step, and the columns of
        layers.csv.
    calibration : pandas.DataFrame
        One row a range of probability: repetition, step, section, bin, pixels, probability, lung.
    distance_unit : str
        What HD95 and ASD are in: "mm" or "pixels". Where a study has both, the unit of fewer images of the independent
        half is left out.
    """

    plan: StudyPlan
    steps: pd.DataFrame
    epochs: pd.DataFrame
    images: pd.DataFrame
    calibration: pd.DataFrame
    layers: pd.DataFrame
    distance_unit: str

    @classmethod
    def read(cls, folder: str | Path) -> StudyResults:
        """Read a study's folder; steps that are not finished, or of no arm of the plan, are left out.

        Raises
        ------
        LungXferError
            When it is not a study, when no repetition has finished the paper's arm, or when the files of a step
            contradict each other.
        """
        paths = StudyPaths(Path(folder))
        if not paths.plan.is_file():
            raise LungXferError(
                "holds no study: there is no plan.yaml",
                source=folder,
                remedy="Name the folder that `lungxfer study run` wrote",
            )
        plan = StudyPlan.from_file(folder)
        planned = {step.name for step in plan.steps}
        found = [read_step(step) for step in paths.finished_steps() if step.name in planned]
        if ARMS[PAPER_ARM].last not in {step.paths.name for step in found}:
            raise LungXferError(
                f"no repetition has finished the step {ARMS[PAPER_ARM].last}, which everything is compared with",
                source=folder,
                remedy=f"Go on with the study (lungxfer study run), with the arm {PAPER_ARM} in its plan",
            )
        _check_moments(found)
        images, unit = _one_unit(_joined(step.images() for step in found))
        return cls(
            plan=plan,
            steps=pd.DataFrame([step.facts() for step in found]),
            epochs=_joined(step.epochs() for step in found),
            images=images,
            calibration=_joined(step.calibration() for step in found),
            layers=_joined(step.layers() for step in found),
            distance_unit=unit,
        )

    @property
    def planned(self) -> int:
        """How many repetitions were planned."""
        return max(self.plan.repetitions, self.steps.repetition.nunique())

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms that have results on the independent half, the paper's first."""
        measured = set(self.images.step[self.images.section == "independent"])
        return tuple(name for name in ARMS if ARMS[name].last in measured and name in self.plan.arms)

    def finished(self, arm: str | None = None) -> int:
        """Count the repetitions in which an arm, or every planned one, is done."""
        names = [arm] if arm else self.plan.arms
        done = self.steps.groupby("repetition").step.agg(set)
        return sum({ARMS[name].last for name in names} <= steps for steps in done)

    def arm_title(self, arm: str, question: str = "stages") -> str:
        """Return what people call an arm among the answers to a question, with the sizes that it has in this study."""
        title = QUESTIONS[question].paper if arm == PAPER_ARM else ARMS[arm].title
        return fill_sizes(title, self.plan.stages.portable.image_size)

    def answers(self, question: str) -> tuple[str, ...]:
        """Return the arms that answer a question, the paper's first; none where it is the only one."""
        arms = tuple(arm for arm in self.arms if arm == PAPER_ARM or ARMS[arm].question == question)
        return arms if len(arms) > 1 else ()

    def step_title(self, step: str) -> str:
        """Return what people call a step, with the sizes that it has in this study."""
        return fill_sizes(find_step(step).title, self.plan.stages.portable.image_size)

    def rows(self, step: str, section: str) -> pd.DataFrame:
        """Return the images of one step and section, of all repetitions."""
        return self.images[(self.images.step == step) & (self.images.section == section)]

    def before(self) -> pd.DataFrame:
        """Return the independent half as the weights of the general stage see it, in the paper's arm."""
        return self.rows(ARMS[PAPER_ARM].last, "before")

    def after(self, arm: str = PAPER_ARM) -> pd.DataFrame:
        """Return the independent half as the last weights of an arm see it."""
        return self.rows(ARMS[arm].last, "independent")

    def findings(self) -> list[str]:
        """Return the findings of the independent half, the most frequent one first."""
        return list(self.after().drop_duplicates("image").finding.value_counts().index)


def _joined(parts: Any) -> pd.DataFrame:
    return pd.concat([part for part in parts if len(part)] or [pd.DataFrame()], ignore_index=True)


def _one_unit(images: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Blank the distances that are not in the unit of most images, since a mean of both would mean nothing.

    Those of the independent half count: other sections may be of many images without a spacing, such as MRI.
    """
    units = images.distances_in[images.section == "independent"].value_counts()
    unit = str(units.index[0])
    other = images.distances_in != unit
    return images.assign(**{name: images[name].mask(other) for name in DISTANCES}), unit


def _check_moments(found: list[FinishedStep]) -> None:
    """Check that "before" was measured with the parent's weights, on the images that "independent" was."""
    for step in found:
        before, after = step.reports.get("before"), step.reports.get("independent")
        if before is None or after is None:
            if step.paths.name == ARMS[PAPER_ARM].last:
                raise step.contradiction("is done, but lacks before.json or independent.json")
            continue
        if before["weights_sha256"] != step.record["parent_sha256"]:
            raise step.contradiction("before.json was not measured with the weights of the step's parent")
        if before["split"] != after["split"]:
            raise step.contradiction("before.json and independent.json are of different splits")
        if [row["image"] for row in before["rows"]] != [row["image"] for row in after["rows"]]:
            raise step.contradiction("before.json and independent.json hold different images")

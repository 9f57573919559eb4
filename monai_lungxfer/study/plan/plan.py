"""The plan of a study: what is repeated how often, on which data, in which arms; read from YAML and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, StrictBool, StrictInt, ValidationError, ValidationInfo, field_validator, model_validator

from monai_lungxfer.bundle.references import absolute_reference
from monai_lungxfer.data.partition import check_shares
from monai_lungxfer.study.plan.arms import (
    ARMS,
    DEFAULT_ARMS,
    DONOR,
    STEPS,
    Step,
    find_sized_arms,
    required_steps,
    size_step,
)
from monai_lungxfer.study.plan.plan_file import check_names, describe_plan_error
from monai_lungxfer.study.plan.stage_plans import CheckedModel, Count, StagePlans
from monai_lungxfer.utils.errors import DatalistError, unknown
from monai_lungxfer.utils.files import atomic_path
from monai_lungxfer.utils.plan_yaml import load_plan_file

DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")


class StudyPlan(CheckedModel):
    """A study, valid once built.

    Attributes
    ----------
    data : pathlib.Path
        Holds `general/` and `portable/`, each with a datalist.
    out : pathlib.Path
        The study's folder.
    experiment : str
        Name of its MLflow experiment.
    donor : str
        Weights of stage 0: a file, a bundle's name, or an MLflow URI.
    general : str or None
        Weights of stage 1, named likewise, which the step `general` then takes and does not train.
    repetitions, seed : int
        Repetition r draws its splits, and all else that is random, from seed + r.
    arms : tuple of str
        See `monai_lungxfer.study.plan.arms.ARMS`.
    training_images : tuple of int or "all"
        Sizes of parts of the portable training images that `training_arms` also learn from; "all" is the arm itself.
    training_arms : tuple of str
        By default all arms that end with a portable stage.
    training_choice : tuple of {"random", "select"}
        How these parts are chosen: patients at random, or as by ``lungxfer select``.
    parent : {"own", "best"}
        Which general weights a portable stage starts from: those of its own repetition, or those of the repetition
        with the lowest validation loss.
    fractions, hold_out, locked_share
        Shares of training, validation and test; share of the portable images set aside as independent half; share of
        the portable patients whom the study neither learns from nor measures.
    independent : {"fixed", "fresh"}
        Whether the independent half is drawn once, by `seed`, for all repetitions, as in the paper, or in each anew.
    retention, native : bool
        Whether weights are also measured on the test parts of the stages before, and on the independent half at the
        size of the radiographs.
    refiner_steps : int
        With `native`: of the training of the network that refines borders, for each portable step.
    allow_shared_patients : bool
        Whether the same patient may have general and portable images.
    threads : int or None
        Of each training; None for all processors of the machine that begins the study.
    gpus : float
        That a training takes on a Ray cluster.
    retries : int
        How often a training is given to another Ray worker when one was lost.
    device, precision : str
        As for `lungxfer train`.
    keep_decoded : bool
        Whether decoded images are kept on disk for the other trainings.
    stages : StagePlans
        How each stage is trained.
    """

    data: Path
    out: Path
    experiment: Annotated[str, Field(min_length=1)] = "lungxfer-study"
    donor: Annotated[str, Field(min_length=1)] = "donor"
    general: Annotated[str, Field(min_length=1)] | None = None
    repetitions: Count = 25
    seed: Annotated[StrictInt, Field(ge=0)] = 0
    arms: Annotated[tuple[str, ...], Field(min_length=1)] = DEFAULT_ARMS
    training_images: tuple[Count | Literal["all"], ...] = ()
    training_arms: tuple[str, ...] = ()
    training_choice: Annotated[tuple[Literal["random", "select"], ...], Field(min_length=1)] = ("random",)
    parent: Literal["own", "best"] = "own"
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)
    hold_out: Annotated[float, Field(gt=0, lt=1)] = 0.5
    locked_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    independent: Literal["fixed", "fresh"] = "fixed"
    retention: StrictBool = False
    native: StrictBool = False
    refiner_steps: Count = 320
    allow_shared_patients: StrictBool = False
    threads: Count | None = None
    gpus: Annotated[float, Field(ge=0)] = 0
    retries: Annotated[StrictInt, Field(ge=0)] = 3
    device: str = "auto"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    keep_decoded: StrictBool = True
    stages: StagePlans = Field(default_factory=lambda: StagePlans.model_validate({}))

    @classmethod
    def from_file(cls, path: str | Path) -> StudyPlan:
        """Read a plan: the YAML file, or the folder of a study, which holds its plan and is where the study is.

        Relative paths in it start at its own folder. A `PlanError` is raised when it is missing, is not YAML, or a key
        is unknown, is given twice or has a value that makes no sense.
        """
        path = Path(path)
        folder = path.absolute() if path.is_dir() else None
        path = (path / "plan.yaml" if folder else path).absolute()
        content = load_plan_file(path)
        if folder is not None:  # which may have been moved, and may have begun before there was a choice
            content = {"independent": "fresh"} | content | {"out": str(folder)}
        try:
            return cls.model_validate(content, context={"folder": path.parent})
        except ValidationError as error:
            raise describe_plan_error(error, path, cls) from error

    @property
    def given(self) -> tuple[str, ...]:
        """The steps that take weights which the plan gives, and are not trained."""
        return (DONOR, "general") if self.general else (DONOR,)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of each repetition; the donor is measured, and so is a step, for `retention` alone."""
        needed = (*required_steps(self.arms, self.given), *self.sized_steps)
        return (STEPS[DONOR], *needed) if self.retention else needed

    @property
    def sized_steps(self) -> tuple[Step, ...]:
        """The steps that learn from some of the training images alone, smaller sizes first."""
        sizes = sorted(size for size in self.training_images if isinstance(size, int))
        lasts = [STEPS[ARMS[arm].last] for arm in self.curve_arms]
        return tuple(size_step(step, n, how) for how in self.training_choice for n in sizes for step in lasts)

    @property
    def curve_arms(self) -> tuple[str, ...]:
        """The arms that learn from several numbers of images; none without `training_images`."""
        return (self.training_arms or find_sized_arms(self.arms)) if self.training_images else ()

    def write(self, path: str | Path) -> None:
        """Write the plan with every key and absolute paths, all or nothing."""
        with atomic_path(path) as temporary:
            temporary.write_text(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False), encoding="utf-8")

    @field_validator("data", "out", mode="after")
    @classmethod
    def _absolute(cls, path: Path, info: ValidationInfo) -> Path:
        return ((info.context or {}).get("folder", Path.cwd()) / path.expanduser()).absolute()

    @field_validator("donor", "general", mode="after")
    @classmethod
    def _weights(cls, weights: str | None, info: ValidationInfo) -> str | None:
        return weights and absolute_reference(weights, (info.context or {}).get("folder", Path.cwd()))

    @field_validator("arms", mode="after")
    @classmethod
    def _known_arms(cls, arms: tuple[str, ...]) -> tuple[str, ...]:
        check_names(arms, ARMS, "arm")
        return arms

    @field_validator("training_choice", mode="before")
    @classmethod
    def _one_or_more(cls, choice: Any) -> Any:
        return (choice,) if isinstance(choice, str) else choice

    @field_validator("training_images", "training_choice", mode="after")
    @classmethod
    def _once(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        check_names(values, values, "entry")
        return values

    @model_validator(mode="after")
    def _known_training_arms(self) -> StudyPlan:
        check_names(self.training_arms, find_sized_arms(self.arms), "arm with a portable stage of its own in `arms`,")
        return self

    @field_validator("device", mode="after")
    @classmethod
    def _known_device(cls, device: str) -> str:
        kind, colon, number = device.partition(":")
        if kind not in DEVICES or (colon and not number.isdecimal()):
            raise ValueError(f"there is no device {unknown(device, DEVICES)}")
        return device

    @field_validator("fractions", mode="after")
    @classmethod
    def _shares(cls, fractions: tuple[float, float, float]) -> tuple[float, float, float]:
        try:
            check_shares(fractions, 0)
        except DatalistError as error:
            raise ValueError(error.problem) from error
        return fractions

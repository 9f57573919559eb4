"""The plan of a study: what is repeated how often, on which data, in which arms; read from YAML and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.bundle.references import absolute_reference
from monai_lungxfer.data.partition import check_shares
from monai_lungxfer.study.plan.arms import ARMS
from monai_lungxfer.study.plan.plan_file import check_names, check_settings, describe_plan_error, load_plan_file
from monai_lungxfer.utils.errors import DatalistError, unknown
from monai_lungxfer.utils.files import atomic_path
from monai_lungxfer.utils.yaml_numbers import load_yaml

DEVICES = ("auto", "cpu", "cuda", "mps", "xpu")
Count = Annotated[StrictInt, Field(ge=1)]


class _Checked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StagePlan(_Checked):
    """How one stage is trained.

    Attributes
    ----------
    max_epochs, batch_size : int
        As in the bundle.
    image_size : int
        Side of the network's input in pixels, a multiple of 16.
    learning_rate : float
        At the start.
    early_stop_patience : int
        Epochs without a better validation loss after which training ends.
    settings : dict
        Any other setting of the stage's bundle, by its id.
    """

    max_epochs: Count
    image_size: Annotated[StrictInt, Field(ge=32, multiple_of=16)]
    batch_size: Count
    learning_rate: Annotated[float, Field(gt=0)]
    early_stop_patience: Count
    settings: dict[str, Any] = {}

    def overrides(self) -> dict[str, Any]:
        """Return the settings of the bundle."""
        given = {name: getattr(self, name) for name in _STAGE_KEYS}
        return given | {"image_size": [self.image_size] * 2} | self.settings


_STAGE_KEYS = tuple(name for name in StagePlan.model_fields if name != "settings")


class StagePlans(_Checked):
    """The stages of a study; what is not given is as in the bundle."""

    general: StagePlan
    portable: StagePlan

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        names = [name for name in cls.model_fields if isinstance(given.get(name, {}), dict)]
        return given | {name: read_stage_defaults(name) | given.get(name, {}) for name in names}

    @model_validator(mode="after")
    def _known_settings(self) -> StagePlans:
        for name in type(self).model_fields:
            check_settings(getattr(self, name).settings, read_bundle_config(name), _STAGE_KEYS, f"stages.{name}")
        return self


class StudyPlan(_Checked):
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
    repetitions, seed : int
        Repetition r draws its splits, and all else that is random, from seed + r.
    arms : tuple of str
        See `monai_lungxfer.study.plan.arms.ARMS`.
    parent : {"own", "best"}
        Which general weights a portable stage starts from: those of its own repetition, or those of the repetition
        with the lowest validation loss.
    fractions, hold_out
        Shares of training, validation and test; share of the portable images set aside as independent half.
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
    repetitions: Count = 25
    seed: Annotated[StrictInt, Field(ge=0)] = 0
    arms: Annotated[tuple[str, ...], Field(min_length=1)] = tuple(ARMS)
    parent: Literal["own", "best"] = "own"
    fractions: tuple[float, float, float] = (0.6, 0.2, 0.2)
    hold_out: Annotated[float, Field(gt=0, lt=1)] = 0.5
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
        if folder is not None:  # which may have been moved
            content["out"] = str(folder)
        try:
            return cls.model_validate(content, context={"folder": path.parent})
        except ValidationError as error:
            raise describe_plan_error(error, path, cls) from error

    def write(self, path: str | Path) -> None:
        """Write the plan with every key and absolute paths, all or nothing."""
        with atomic_path(path) as temporary:
            temporary.write_text(yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False), encoding="utf-8")

    @field_validator("data", "out", mode="after")
    @classmethod
    def _absolute(cls, path: Path, info: ValidationInfo) -> Path:
        return ((info.context or {}).get("folder", Path.cwd()) / path.expanduser()).absolute()

    @field_validator("donor", mode="after")
    @classmethod
    def _donor(cls, donor: str, info: ValidationInfo) -> str:
        return absolute_reference(donor, (info.context or {}).get("folder", Path.cwd()))

    @field_validator("arms", mode="after")
    @classmethod
    def _known_arms(cls, arms: tuple[str, ...]) -> tuple[str, ...]:
        check_names(arms, ARMS, "arm")
        return arms

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


def read_bundle_config(stage: str) -> dict[str, Any]:
    """Read the training configuration of a stage's bundle, as it is written."""
    return load_yaml((bundle_path(stage) / "configs" / "train.yaml").read_text(encoding="utf-8"))


def read_stage_defaults(stage: str) -> dict[str, Any]:
    """Return what a stage's bundle says of the keys of a `StagePlan`: the paper's values."""
    config = read_bundle_config(stage)
    return {name: config[name] for name in _STAGE_KEYS} | {"image_size": config["image_size"][0]}

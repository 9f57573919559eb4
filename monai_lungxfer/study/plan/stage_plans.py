"""How the stages of a study are trained: a part of its plan, filled and checked by the stages' bundles."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.study.plan.plan_file import check_settings
from monai_lungxfer.utils.yaml_numbers import load_yaml

Count = Annotated[StrictInt, Field(ge=1)]


class CheckedModel(BaseModel):
    """Has no other keys than its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StagePlan(CheckedModel):
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


class StagePlans(CheckedModel):
    """The stages of a study; what is not given is as in the bundle. `donor` is of donors that arms train themselves."""

    donor: StagePlan
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


def read_bundle_config(stage: str) -> dict[str, Any]:
    """Read the training configuration of a stage's bundle, as it is written."""
    return load_yaml((bundle_path(stage) / "configs" / "train.yaml").read_text(encoding="utf-8"))


def read_stage_defaults(stage: str) -> dict[str, Any]:
    """Return what a stage's bundle says of the keys of a `StagePlan`: the paper's values."""
    config = read_bundle_config(stage)
    return {name: config[name] for name in _STAGE_KEYS} | {"image_size": config["image_size"][0]}

"""What is said when a plan makes no sense: which key, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from monai_lungxfer.utils.errors import PlanError, unknown

# By key of the plan, the settings of a bundle that follow from it.
GIVEN = {
    "data": ("dataset_dir", "train#dataset#data", "validate#dataset#data"),
    "out": ("output_dir", "ckpt_dir", "resume", "resume_point"),
    "keep_decoded": ("spill_dir",),
    "seed": ("split_file", "split", "split_seed", "seed"),
    "arms": ("parent",),
    "fractions": ("fractions",),
    "hold_out": ("hold_out",),
    "locked_share": ("locked_share",),
    "independent": ("hold_out_seed",),
    "device": ("device",),
    "precision": ("precision",),
    "experiment": ("experiment_name", "run_name", "tracking_run", "tracking_uri"),
}
SAID = {
    "model_type": "should hold keys with values",
    "tuple_type": "should be a list",
    "path_type": "should be a path",
    "missing": "is missing",
}


def describe_plan_error(error: ValidationError, source: Path, model: type[BaseModel]) -> PlanError:
    """Return the error to raise for all that is wrong with a plan."""
    problems = "; ".join(_describe(dict(one), model) for one in error.errors())
    return PlanError(problems, source=source, remedy="Every key is explained in the template: lungxfer study plan")


def _describe(one: dict[str, Any], model: type[BaseModel]) -> str:
    loc = [str(part) for part in one["loc"]]
    key = ".".join(loc)
    if one["type"] == "extra_forbidden":
        return f"{'.'.join(loc[:-1]) or 'the plan'} has no key {unknown(loc[-1], _keys(model, loc[:-1]))}"
    if one["type"] == "value_error":  # raised by the functions below, which name what they found
        return f"{key}: {one['ctx']['error']}"
    found = "" if one["type"] == "missing" else f", found {one['input']!r}"
    return f"{key}: {SAID.get(one['type'], one['msg'])}{found}"


def _keys(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    for name in path:
        model = model.model_fields[name].annotation  # type: ignore[assignment]
    return list(model.model_fields)


def check_names(given: Sequence[str], known: Iterable[str], kind: str) -> None:
    """Check that names are known and given once; raises `ValueError` when they are not."""
    names = list(known)
    for name in given:
        if name not in names:
            raise ValueError(f"there is no {kind} {unknown(name, names)}")
        if given.count(name) > 1:
            raise ValueError(f"the {kind} {name!r} is there {given.count(name)} times")


def check_settings(settings: Mapping[str, Any], config: Mapping[str, Any], own: Sequence[str], where: str) -> None:
    """Raise `ValueError` for settings that the stage's bundle does not have, or that the plan has other keys for."""
    for name in settings:
        path = name.replace("+", "")  # it makes MONAI add to what is there
        root = path.partition("#")[0]
        if root in own:
            raise ValueError(f"give {where}.{root} instead of the setting {name!r} of {where}.settings")
        for key, given in GIVEN.items():
            if any(f"{path}#".startswith(f"{one}#") or one.startswith(f"{path}#") for one in given):
                raise ValueError(f"the setting {name!r} of {where}.settings follows from the plan's key {key!r}")
        if root not in config:
            raise ValueError(f"the bundle of {where}.settings has no setting {unknown(root, config)}")

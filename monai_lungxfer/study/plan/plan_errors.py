"""What is said about a plan that makes no sense: which key, what is allowed, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from monai_lungxfer.utils.errors import PlanError, unknown

__all__ = ["check_names", "check_settings", "plan_error"]

# Settings of a bundle that a study gives itself, and the key of the plan that they follow from.
GIVEN = {
    "dataset_dir": "data",
    "output_dir": "out",
    "ckpt_dir": "out",
    "spill_dir": "keep_decoded",
    "split_file": "seed",
    "split": "seed",
    "split_seed": "seed",
    "seed": "seed",
    "parent": "arms",
    "fractions": "fractions",
    "hold_out": "hold_out",
    "device": "device",
    "precision": "precision",
    "experiment_name": "experiment",
    "run_name": "experiment",
    "tracking_run": "experiment",
    "tracking_uri": "experiment",
    "resume": "out",
    "resume_point": "out",
    "train#dataset#data": "data",
    "validate#dataset#data": "data",
}

SAID = {
    "model_type": "should hold keys with values",
    "tuple_type": "should be a list",
    "path_type": "should be a path",
    "missing": "is missing",
}


def plan_error(error: ValidationError, source: Path, model: type[BaseModel]) -> PlanError:
    """Return the error to raise for all that is wrong with a plan."""
    problems = [_described(dict(one), model) for one in error.errors()]
    return PlanError(
        "; ".join(problems),
        source=source,
        remedy="Every key is explained in the template: lungxfer study plan",
    )


def _described(one: dict[str, Any], model: type[BaseModel]) -> str:
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
    """Check that names are known and stand there once.

    Raises
    ------
    ValueError
        When they are not.
    """
    names = list(known)
    for name in given:
        if name not in names:
            raise ValueError(f"there is no {kind} {unknown(name, names)}")
        if given.count(name) > 1:
            raise ValueError(f"the {kind} {name!r} stands there {given.count(name)} times")


def check_settings(settings: Mapping[str, Any], config: Mapping[str, Any], own: Sequence[str], where: str) -> None:
    """Check that a stage's settings are settings of its bundle, and not those that the plan has other keys for.

    Raises
    ------
    ValueError
        When they are not.
    """
    for name in settings:
        path = name.replace("+", "")  # which tells MONAI to add to what is there
        root = path.partition("#")[0]
        if root in own:
            raise ValueError(f"give {where}.{root} instead of the setting {name!r} of {where}.settings")
        for given, key in GIVEN.items():
            if f"{path}#".startswith(f"{given}#") or given.startswith(f"{path}#"):
                raise ValueError(f"the setting {name!r} of {where}.settings follows from the plan's key {key!r}")
        if root not in config:
            raise ValueError(f"the bundle of {where}.settings has no setting {unknown(root, config)}")

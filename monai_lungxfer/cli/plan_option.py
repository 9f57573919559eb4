"""The option `--plan`: a command's options from a YAML file, and the plan as it was run, in which no path is left."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from monai_lungxfer.utils.errors import PlanError, unknown

NAME = "plan.yaml"
"""The copy in the output folder."""

_HEADER = """\
# The options of a run, for: lungxfer {command} --plan plan.yaml
# Paths were left out, since they may name patients. Give the options whose values were left out on the command line.
"""
_NOT_TOLD = frozenset({"plan", "out", "resume", "overwrite", "json", "ray_address", "tracking_uri"})
_NOT_IN_PLANS = frozenset({"plan", "help"})
_PLACES = frozenset({"data", "out", "weights"})  # options whose values are, or may be, paths
_LABELLED = re.compile(r"([\w.+-]+=)(.+)", re.DOTALL)
_LEFT_OUT = re.compile(r"\(a path\)|file [0-9a-f]{12}")  # what `monai_lungxfer.bundle.redaction` makes of a path
_REMEDY = "Its keys are the command's options, without the dashes in front: see --help"


def take_plan(ctx: typer.Context, path: Path | None) -> Path | None:
    """Give options the values that a plan has for them; those on the command line come first.

    Relative paths in a plan start at its own folder.

    Raises
    ------
    PlanError
        When the file cannot be read, or holds a key that is no option of the command.
    """
    if path is None or ctx.resilient_parsing:
        return path
    from monai_lungxfer.utils.plan_yaml import load_plan_file

    options = _list_options(ctx)
    values: dict[str, Any] = {}
    for key, value in load_plan_file(path, _REMEDY).items():
        name = str(key).replace("-", "_")
        if name not in options:
            problem = f"lungxfer {ctx.command.name} has no option {unknown(name, options)}"
            raise PlanError(problem, source=path, remedy="Correct the key")
        if options[name].name in values:
            raise PlanError(f"the option {name} is there twice", source=path, remedy="Keep one of the two")
        texts = [] if value is None else _list_texts(value)
        if texts and not any(_LEFT_OUT.fullmatch(_split_label(text)[1]) for text in texts):
            placed = [_place(text, path.absolute().parent, name) for text in texts]
            values[options[name].name] = placed if options[name].multiple else ",".join(placed)
    ctx.default_map = values
    return path


PlanFile = Annotated[
    Path | None,
    typer.Option(
        "--plan",
        metavar="FILE",
        dir_okay=False,
        is_eager=True,
        callback=take_plan,
        help="Options from a YAML file. What you type comes first.",
    ),
]


def _list_options(ctx: typer.Context) -> dict[str, Any]:
    """Return the options of a command that a plan may have, by their names without dashes."""
    named = {
        max(one.opts, key=len).lstrip("-").replace("-", "_"): one
        for one in ctx.command.params
        if one.param_type_name == "option"
    }
    return {name: option for name, option in named.items() if name not in _NOT_IN_PLANS}


def _list_texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{label}={one}" for label, one in value.items()]
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _split_label(text: str) -> tuple[str, str]:
    """Split ``LABEL=REST`` behind the equals sign; the label is empty where there is none."""
    found = _LABELLED.fullmatch(text)
    return (found[1], found[2]) if found else ("", text)


def _place(text: str, folder: Path, name: str) -> str:
    """Return the absolute path of what is a path from the plan's folder on, and all other texts as they are."""
    from monai_lungxfer.bundle.references import NAMED_WEIGHTS

    if name not in _PLACES:
        return text
    label, place = ("", text) if name == "out" or (folder / text).exists() else _split_label(text)
    path = folder / Path(place).expanduser()
    is_path = path.exists() if name == "weights" else True  # not names and URIs of weights
    if name == "weights" and place in NAMED_WEIGHTS:
        is_path = path.is_file()
    return f"{label}{path}" if is_path else text


def tell_plan(ctx: typer.Context, **instead: Any) -> dict[str, Any]:
    """Return the options of a run as its plan, without paths, addresses and what concerns that run alone.

    Weights in files are told by digits of their SHA-256. `instead` has values that options do not have themselves.
    """
    told: dict[str, Any] = {}
    for name, option in _list_options(ctx).items():
        value = instead.get(name, ctx.params[option.name])
        if name not in _NOT_TOLD and value is not None:
            told[name] = _tell(name, value.value if isinstance(value, Enum) else value)
    return told


def _tell(name: str, value: Any) -> Any:
    from monai_lungxfer.bundle.redaction import PATH, redact_weights

    if name == "data":
        return dict.fromkeys(value, PATH) if isinstance(value, Mapping) else PATH
    if name != "weights":
        return str(value) if isinstance(value, Path) else value
    parts = [one.strip() for one in value.split(",") if one.strip()] if isinstance(value, str) else value
    pairs = [("", one) if Path(one).exists() else _split_label(one) for one in parts]
    return [label + (one if one == "random" else redact_weights(one)) for label, one in pairs]


def write_plan(folder: Path, command: str, told: Mapping[str, Any]) -> None:
    """Write the plan of a run into its output folder, all or nothing."""
    import yaml

    from monai_lungxfer.utils.files import write_text

    text = yaml.safe_dump(dict(told), sort_keys=False, allow_unicode=True)
    write_text(folder / NAME, _HEADER.format(command=command) + text)

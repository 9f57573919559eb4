"""Options that several commands share, so that they are named and explained alike."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class NumberFormat(StrEnum):
    """What the network computes in, see `monai_lungxfer.utils.precision.autocast_dtype`."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class MriSequence(StrEnum):
    """The names of `monai_lungxfer.io.channels.SEQUENCES`, known without importing what reads them."""

    PRE = "pre"
    FLAIR = "flair"
    POST = "post"


StageName = Annotated[str, typer.Argument(help="donor, general or portable (or the name of its bundle).")]
DataFolder = Annotated[Path, typer.Option("--data", help="Folder of the stage's images, or of all stages' folders.")]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", min=1, metavar="N", help="At most N epochs.", show_default="500; 40 with --recipe best"),
]
ImageSize = Annotated[
    int | None,
    typer.Option("--image-size", min=32, metavar="N", help="Side of the network's input in pixels, a multiple of 16."),
]


class SizingName(StrEnum):
    """The names of `monai_lungxfer.networks.sizing.SIZINGS`, known without importing what they need."""

    SQUARE = "square"
    PAD = "pad"
    ASPECT = "aspect"
    MULTI = "multi"


Sizing = Annotated[
    SizingName | None,
    typer.Option(
        "--sizing",
        metavar="NAME",
        help="How images get that size: square (squeezed), pad, aspect (kept), multi (several sizes).",
        show_default="square",
    ),
]
MriChannel = Annotated[
    MriSequence | None,
    typer.Option(
        "--channels",
        metavar="NAME",
        help="Read one sequence of MRI slices alone: pre, flair or post (donor stage).",
        show_default="all three",
    ),
]
BatchSize = Annotated[int | None, typer.Option("--batch-size", min=1, metavar="N", help="Images in a training step.")]
Seed = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed of the split and of everything random.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1, …; auto takes a GPU where there is one.")]
Precision = Annotated[
    NumberFormat,
    typer.Option("--precision", metavar="FORMAT", help=f"Number format of the network: {', '.join(NumberFormat)}."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="ID=VALUE", help="Replace a setting of the bundle, such as learning_rate=0.0005."),
]
RayAddress = Annotated[
    str | None,
    typer.Option("--ray-address", help="Work on a Ray cluster: its address, auto, or local for one on this machine."),
]
ReportTracking = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        help="Log the report to MLflow: its server or database.",
        show_default="MLFLOW_TRACKING_URI, else nothing is logged",
    ),
]
Experiment = Annotated[str, typer.Option("--experiment", metavar="NAME", help="The experiment in MLflow.")]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        metavar="N",
        help="Processor threads.",
        show_default="OMP_NUM_THREADS, else the granted cores",
    ),
]
OwnWeights = Annotated[
    str | None,
    typer.Option(
        "--weights",
        help="A weights file, a bundle's name, hub, paper, or an MLflow URI.",
        show_default="the bundle's own",
    ),
]
Refiner = Annotated[
    Path | None, typer.Option("--refiner", metavar="FILE", help="A border refiner of the weights (lungxfer refine).")
]
Adapter = Annotated[
    str | None,
    typer.Option(
        "--adapter",
        metavar="FILE",
        help="New layers from lungxfer train --translator. Their base is --weights, or found by its hash.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")]
AddedAdapters = Annotated[
    list[str] | None,
    typer.Option(
        "--adapter", metavar="NAME=FILE", help="An adapter to add, with these weights as its base. May be repeated."
    ),
]
OUT = ("--out", "-o")
"""The names of every option that says where to write."""
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


_NETWORK = {"channels": "channels", "in_channels": "network_def#in_channels", "width": "network_def#init_features"}
"""Settings by the names of the options that choose them."""


def method_overrides(given: Mapping[str, Any]) -> dict[str, Any]:
    """Translate the shared options, by name as the command's context has them, into settings of a bundle.

    What was not given, or the command does not have, stays as the bundle has it. Raises `LungXferError` when the device
    cannot be used, and `typer.BadParameter` when the size of the images or a setting is none.
    """
    overrides: dict[str, Any] = {"seed": given["seed"], "precision": given["precision"].value}
    if given.get("epochs") is not None:
        overrides["max_epochs"] = given["epochs"]
    if given.get("image_size") is not None:
        side = given["image_size"]
        if side % 16:
            raise typer.BadParameter(f"{side} is not a multiple of 16", param_hint="--image-size")
        overrides["image_size"] = [side, side]
    if given.get("sizing") is not None:
        overrides["sizing"] = given["sizing"].value
    if given.get("batch_size") is not None:
        overrides["batch_size"] = given["batch_size"]
    chosen = {setting: given.get(name) for name, setting in _NETWORK.items()}
    overrides |= {setting: getattr(value, "value", value) for setting, value in chosen.items() if value is not None}
    if given["device"] != "auto":
        overrides["device"] = given["device"]
    overrides |= parsed_settings(given["settings"])
    if "device" in overrides:
        overrides["device"] = _checked_device(overrides["device"])
    return overrides


def _checked_device(name: Any) -> str:
    """Return the setting for a device that is there; expressions are a user's own."""
    from monai_lungxfer.utils.precision import usable_device

    if str(name).startswith("$"):
        return str(name)
    return f"$torch.device({str(usable_device(str(name)))!r})"


def split_pairs(pairs: list[str] | None, form: str, option: str) -> dict[str, str]:
    """Split what an option was given, each text at its first equals sign."""
    split = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{pair!r} is not {form}", param_hint=option)
        split[name] = value
    return split


def parsed_settings(settings: list[str] | None) -> dict[str, Any]:
    """Parse ``ID=VALUE`` pairs; the values are YAML: ``0.5``, ``true``, ``[96, 96]``, ``null``."""
    import yaml

    from monai_lungxfer.utils.yaml_numbers import load_yaml

    parsed = {}
    for name, value in split_pairs(settings, "ID=VALUE", "--set").items():
        try:
            parsed[name] = load_yaml(value)
        except yaml.YAMLError as error:
            raise typer.BadParameter(f"the value of {name} is not YAML: {error}", param_hint="--set") from error
    return parsed

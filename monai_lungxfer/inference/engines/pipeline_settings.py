"""What a compiled pipeline holds fixed, and what its user may still choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from monai_lungxfer.inference.engines.engine import NotCompiled
from monai_lungxfer.inference.open_settings import OPEN_SETTINGS
from monai_lungxfer.io.channels import Channels
from monai_lungxfer.utils.errors import BundleError

FLOAT32 = ("float32", "auto")
"""Precisions of inference.yaml that float32 fulfils."""

_PRECISIONS = (*FLOAT32, "bfloat16")


@dataclass(frozen=True)
class PipelineSettings:
    """What a pipeline was compiled with, and what its user may still choose.

    Attributes
    ----------
    channels : Channels
        What radiographs are read with.
    image_size : tuple of int
        Input size (h, w) of the network in pixels.
    threshold : float
        Least probability of lung.
    clean : bool
        Whether masks are cleaned.
    fix_polarity : bool
        Whether the grey scale is turned round where air is certainly bright.
    precision : {"float32", "bfloat16"}
        What the network computes in.
    normalises : bool
        Whether each image is brought to mean 0 and standard deviation 1.
    open : tuple of str
        The names of those that can be chosen anew, by the same names in inference.yaml.
    """

    channels: Channels
    image_size: tuple[int, int]
    threshold: float
    clean: bool
    fix_polarity: bool
    precision: str = "float32"
    normalises: bool = True
    open: tuple[str, ...] = ()


def chosen_settings(settings: PipelineSettings, overrides: Mapping[str, Any]) -> PipelineSettings:
    """Return what to run a pipeline with; BundleError is raised for a value that a setting cannot have.

    NotCompiled is raised for one that this inference.yaml does not have, or means otherwise.
    """
    for name, value in overrides.items():
        is_known = name in OPEN_SETTINGS or (name == "precision" and value in _PRECISIONS)
        if not is_known and (name, value) != ("refiner", None):  # which no pipeline has
            raise NotCompiled(f"{name} was replaced, which a compiled pipeline holds fixed")
    chosen = {name: value for name, value in overrides.items() if name in OPEN_SETTINGS}
    for name, value in chosen.items():
        if name not in settings.open:
            raise NotCompiled(f"{name} was replaced, which this compiled pipeline does not have")
        if isinstance(value, str) and value.startswith(("$", "@", "%")):
            raise NotCompiled(f"{name} was replaced by an expression, which MONAI evaluates")
        description, fits = OPEN_SETTINGS[name]
        if not fits(value):
            raise BundleError(f"{name} would be {value!r}, not {description}", remedy="Correct it")
    precision = overrides.get("precision", settings.precision)
    return replace(settings, **chosen, precision="float32" if precision in FLOAT32 else precision)

"""What an inference.yaml does, in the words of a pipeline; or why no pipeline can do it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai.transforms import Compose

from monai_lungxfer.inference.config import InferenceParts, load_parts, read_settings
from monai_lungxfer.inference.engines.engine import NotCompiled
from monai_lungxfer.inference.engines.pipeline_module import Steps
from monai_lungxfer.inference.engines.pipeline_settings import FLOAT32, PipelineSettings
from monai_lungxfer.inference.open_settings import OPEN_SETTINGS
from monai_lungxfer.io.channels import count_planes
from monai_lungxfer.networks.inferer import SizedInferer
from monai_lungxfer.networks.sizing import SQUARE, UNEQUAL
from monai_lungxfer.utils.precision import PrecisionInferer

# Each name with a space behind it, as the YAML has them after and before the files are read and written.
_PREPROCESSING = (
    "Uprightd (AntialiasedResized |FittedResized )(FixPolarityd )?(NormalizeIntensityd )?(RepeatChanneld )?"
)
_TO_PROBABILITY = "Activationsd Invertd "
_TO_MASK = "(CleanLungsd )?(CastToTyped )?"

_LIBRARIES = ("monai", "monai_lungxfer")  # a class of this name from elsewhere may do something else
_INFERERS = (PrecisionInferer, SizedInferer)
_OTHER_THRESHOLD = 0.37


def read_recipe(folder: Path, weights: Path) -> tuple[InferenceParts, Steps, PipelineSettings]:
    """Return the parts of a bundle's inference.yaml, in float32 on the processor, and what a pipeline is to do.

    NotCompiled is raised when it has a step that no pipeline has, or one with other arguments.
    """
    config = read_settings(folder)
    fixed = {"precision": "float32"} if config.get("precision") in FLOAT32 else {}
    parts = load_parts(folder, weights, "cpu", fixed)
    steps, settings = _translated(parts)
    can_choose = []
    for name in (name for name in OPEN_SETTINGS if name in config):
        other: Any = _OTHER_THRESHOLD if name == "threshold" else not getattr(settings, name)
        changed = _translated(load_parts(folder, weights, "cpu", {**fixed, name: other}))[1]
        choice: dict[str, Any] = {name: other}
        if changed == replace(settings, **choice):  # or it means something else in this inference.yaml
            can_choose.append(name)
    return parts, steps, replace(settings, open=tuple(can_choose))


def _translated(parts: InferenceParts) -> tuple[Steps, PipelineSettings]:
    if parts.refiner_sha256 is not None:
        raise NotCompiled("a border refiner runs in PyTorch alone")
    _check_order("preprocessing", parts.preprocessing, _PREPROCESSING)
    _check_order("postprocessing", parts.to_probability, _TO_PROBABILITY)
    _check_order("postprocessing", parts.to_mask, _TO_MASK)
    before, after = _by_name(parts.preprocessing), _by_name(parts.to_mask)
    (activation, inverse), (threshold,) = parts.to_probability.transforms, parts.threshold.transforms
    planes = count_planes(parts.channels)
    repeats = before["RepeatChanneld"].repeater.repeats if "RepeatChanneld" in before else 1
    normaliser = getattr(before.get("NormalizeIntensityd"), "normalizer", None)
    _require("inferer", type(parts.inferer) in _INFERERS and parts.inferer.precision in FLOAT32)
    _require("RepeatChanneld", 1 in (repeats, planes))
    _require("NormalizeIntensityd", normaliser is None or _is_plain(normaliser))
    _require("Activationsd", all(activation.sigmoid) and not any([*activation.softmax, *activation.other]))
    _require("Invertd", not any([*inverse.nearest_interp, *inverse.post_func]))
    _require("AsDiscreted", not any([*threshold.argmax, *threshold.to_onehot, *threshold.rounding]))
    size, sizing, stride = _sized(before, parts.inferer)
    polarity = before.get("FixPolarityd")
    optional = (polarity is not None, normaliser is not None)
    return Steps(size, repeats * planes, *optional, sizing, stride), PipelineSettings(
        channels=parts.channels,
        image_size=size,
        threshold=float(threshold.threshold[0]),
        clean="CleanLungsd" in after,
        fix_polarity=polarity is not None and polarity.active,
        normalises=normaliser is not None,
    )


def _sized(before: Mapping[str, Any], inferer: Any) -> tuple[tuple[int, int], str, int]:
    """Return input size, sizing and stride, of which preprocessing and inferer must be of one mind."""
    resizer = (before.get("FittedResized") or before["AntialiasedResized"]).resizer
    (sizing, stride), other = (
        (getattr(part, "sizing", SQUARE), getattr(part, "stride", None) or 1) for part in (resizer, inferer)
    )
    pads = sizing in UNEQUAL or other[0] in UNEQUAL
    _require("inferer", not pads or (sizing, stride) == other)
    height, width = resizer.spatial_size
    return (height, width), sizing, stride


def _by_name(steps: Compose) -> dict[str, Any]:
    return {_name(step): step for step in steps.transforms}


def _name(step: Any) -> str:
    kind = type(step)
    return kind.__name__ if kind.__module__.split(".")[0] in _LIBRARIES else f"{kind.__module__}.{kind.__name__}"


def _check_order(part: str, steps: Compose, pattern: str) -> None:
    names = "".join(f"{_name(step)} " for step in steps.transforms)
    if not re.fullmatch(pattern, names):
        raise NotCompiled(f"no pipeline can do the {part} of its inference.yaml ({names.strip()})")


def _require(name: str, is_met: bool) -> None:
    if not is_met:
        raise NotCompiled(f"no pipeline can do {name} as its inference.yaml has it")


def _is_plain(normaliser: Any) -> bool:
    has_numbers = normaliser.subtrahend is not None or normaliser.divisor is not None
    return bool(normaliser.channel_wise and not normaliser.nonzero and not has_numbers)

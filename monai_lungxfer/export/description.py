"""What a program must do before and after a bundle's network, as JSON inside the exported file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from monai.bundle import ConfigParser
from monai.transforms import Compose

from monai_lungxfer.bundle.files import WEIGHTS, bundle_metadata
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.networks.sizing import MAX_ASPECT, SQUARE, UNEQUAL
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.sidecar import input_size

PIPELINE = "pipeline"
"""The key of an ONNX model's metadata that holds the description, JSON; `notice` is the other key."""


def _other(transform: Any) -> dict[str, Any]:
    kind = type(transform)
    text = "Not described here: see the bundle's configs/inference.yaml."
    return {"step": "other", "class": f"{kind.__module__}.{kind.__qualname__}", "text": text}


def _describe_reading(transform: Any) -> dict[str, Any]:
    reader = transform._loader.readers[-1]  # noqa: SLF001 - MONAI shows it nowhere else
    channels = getattr(reader, "channels", None)
    text = "Read the picture as float32, air dark, channel first."
    return {"step": "read", "text": text} | ({} if channels is None else {"channels": channels})


def _describe_resizing(transform: Any) -> dict[str, Any]:
    resizer = transform.resizer
    rows, columns = (int(side) for side in resizer.spatial_size)
    sizing, how = getattr(resizer, "sizing", SQUARE), "bilinear, with anti-aliasing, as Pillow does."
    told: dict[str, Any] = {"size": [rows, columns]}
    text = f"Resize to {rows} rows and {columns} columns, {how}"
    aspect = f"With a = height / width, but not above {MAX_ASPECT:g} or below {1 / MAX_ASPECT:g}: resize"
    if sizing == "pad":
        longest = max(rows, columns)
        told = {"sizing": sizing, "longest_side": longest, "max_aspect": MAX_ASPECT}
        text = f"{aspect} to {longest} min(a, 1) rows and {longest} min(1 / a, 1) columns, rounded half up, {how}"
    elif sizing == "aspect":
        pixels, step = rows * columns, resizer.stride
        told = {"sizing": sizing, "pixels": pixels, "multiple": step, "max_aspect": MAX_ASPECT}
        sides = f"sqrt({pixels} a) rows and sqrt({pixels} / a) columns"
        text = f"{aspect} to {sides}, each rounded half up to a multiple of {step}, and {step} at least, {how}"
    return {"step": "resize", **told, "mode": "bilinear", "antialias": True, "text": text}


def _describe_padding(inferer: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the steps that an inferer takes before and after the network."""
    if getattr(inferer, "sizing", SQUARE) != "pad":
        return [], []
    multiple = inferer.stride
    text = f"Pad with 0 on the right and below, to sides that are the next multiples of {multiple}."
    before = {"step": "pad", "multiple": multiple, "value": 0, "text": text}
    return [before], [{"step": "crop", "text": "Cut off what was padded."}]


def _describe_polarity(transform: Any) -> dict[str, Any]:
    text = "A look whether air is certainly bright turns the grey scale around. It is not in this file: give air dark."
    return {"step": "fix_polarity", "active": bool(transform.active), "text": text}


def _describe_normalisation(transform: Any) -> dict[str, Any]:
    norm = transform.normalizer
    subtract, divide = (
        name if value is None else [float(part) for part in value] if norm.channel_wise else float(value)
        for name, value in (("mean", norm.subtrahend), ("standard deviation", norm.divisor))
    )
    where = "each channel of each picture" if norm.channel_wise else "each picture"
    text = f"Subtract {subtract} and divide by {divide}, of {where}; divide by 1 where that is 0."
    told = {"per_channel": norm.channel_wise, "subtract": subtract, "divide": divide, "nonzero": norm.nonzero}
    return {"step": "normalise", **told, "text": text}


def _describe_repetition(transform: Any) -> dict[str, Any] | None:
    times = transform.repeater.repeats
    text = f"Give the same picture as {times} channels."
    return None if times == 1 else {"step": "repeat_channel", "times": times, "text": text}


def _describe_activation(transform: Any) -> dict[str, Any]:
    return {"step": "sigmoid", "text": "1 / (1 + exp(-x))"} if transform.sigmoid[0] else _other(transform)


def _describe_return(transform: Any) -> dict[str, Any]:
    mode = "nearest" if transform.nearest_interp[0] else "bilinear"
    text = f"Resize to the size of the picture as it was read, {mode}, without anti-aliasing."
    return {"step": "resize", "size": "input", "mode": mode, "antialias": False, "text": text}


def _describe_threshold(transform: Any) -> dict[str, Any]:
    value = transform.threshold[0]
    return {"step": "threshold", "value": value, "text": f"1 where the probability is {value} or more, else 0."}


def _with_text(step: str, text: str) -> Callable[[Any], dict[str, Any]]:
    return lambda _: {"step": step, "text": text}


_STEPS: Mapping[str, Callable[[Any], dict[str, Any] | None]] = MappingProxyType(
    {
        "LoadImaged": _describe_reading,
        "Uprightd": _with_text("upright", "Turn a picture upright whose header says that it is not. Not in this file."),
        "AntialiasedResized": _describe_resizing,
        "FittedResized": _describe_resizing,
        "FixPolarityd": _describe_polarity,
        "NormalizeIntensityd": _describe_normalisation,
        "RepeatChanneld": _describe_repetition,
        "Activationsd": lambda step: (
            _with_text("sigmoid", "1 / (1 + exp(-x))")(step) if step.sigmoid[0] else _other(step)
        ),
        "Invertd": _describe_return,
        "AsDiscreted": _describe_threshold,
        "CleanLungsd": _with_text(
            "clean", "Cut bridges, drop islands, fill holes: see monai_lungxfer. Not in this file."
        ),
        "CastToTyped": lambda _: None,
        "SaveImaged": lambda _: None,
    }
)


def describe_pipeline(parser: ConfigParser) -> dict[str, list[dict[str, Any]]]:
    """Describe the steps of a bundle's ``inference.yaml`` as they are built, with overrides, in their order.

    Parameters
    ----------
    parser : monai.bundle.ConfigParser
        Of that file.

    Returns
    -------
    dict
        `preprocessing` and `postprocessing`: a list of steps, each with `step`, its parameters, and `text` for
        people. What has no description here is a step ``other`` with its `class`.
    """
    before, after = (_described(parser.get_parsed_content(part)) for part in ("preprocessing", "postprocessing"))
    padding, cropping = _describe_padding(parser.get_parsed_content("inferer"))
    return {"preprocessing": before + padding, "postprocessing": cropping + after}


def _described(transforms: Compose) -> list[dict[str, Any]]:
    steps = (_STEPS.get(type(one).__name__, _other)(one) for one in transforms.transforms)
    return [step for step in steps if step is not None]


def explain_onnx(file: Path, bundle: Path, parser: ConfigParser) -> None:
    """Write into an ONNX model of a bundle's network what to do before and after it, and what it is.

    Parameters
    ----------
    file : pathlib.Path
        The model, which is written anew.
    bundle : pathlib.Path
        The bundle's folder.
    parser : monai.bundle.ConfigParser
        See `describe_pipeline`.
    """
    import onnx

    model = onnx.load(file)
    metadata, steps = bundle_metadata(bundle), describe_pipeline(parser)
    given, made = model.graph.input[0], model.graph.output[0]
    channels = given.type.tensor_type.shape.dim[1].dim_value
    sizing, stride = (parser.get_parsed_content(name) for name in ("sizing", "stride"))
    size = ["height", "width"] if sizing in UNEQUAL else list(input_size(bundle / WEIGHTS))
    sides = {} if sizing == SQUARE else {"sides_are_multiples_of": stride}
    description = {
        "name": metadata.get("name", bundle.name),
        "version": str(metadata.get("version", "unknown")),
        "weights_sha256": hash_file(bundle / WEIGHTS),
        "notice": NOTICE,
        "sizing": sizing,
        "preprocessing": steps["preprocessing"],
        "input": {"name": given.name, "shape": ["batch", channels, *size], "type": "float32", **sides},
        "output": {"name": made.name, "shape": ["batch", 1, *size], "type": "float32", "values": "logits"},
        "postprocessing": steps["postprocessing"],
    }
    text = json.dumps(description, indent=1, ensure_ascii=False)
    onnx.helper.set_model_props(model, {"notice": NOTICE, PIPELINE: text})
    onnx.save(model, file)

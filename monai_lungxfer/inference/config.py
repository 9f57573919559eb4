"""The parts of a bundle's inference.yaml, built and checked, as the inference core needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from monai.bundle import ConfigParser
from monai.transforms import AsDiscreted, Compose, LoadImaged, SaveImaged

from monai_lungxfer.bundle.settings import SettingsParser, for_parser
from monai_lungxfer.inference.open_settings import OPEN_SETTINGS
from monai_lungxfer.io.channels import Channels
from monai_lungxfer.networks.sizing import SIZINGS
from monai_lungxfer.utils.errors import BundleError, LungXferError, root_cause
from monai_lungxfer.utils.memory import is_out_of_memory
from monai_lungxfer.utils.precision import usable_device
from monai_lungxfer.weights.architecture import follow_network

# Settings of inference.yaml that only `monai.bundle run` reads: here, images, weights and results are the caller's.
_OF_THE_CALLER = {
    *("bundle_root", "ckpt_dir", "weights", "adapter", "dataset_dir", "image_pattern", "any_view", "images"),
    *("output_dir", "evaluator", "handlers", "imports", "initialize", "run"),
    *("dataset", "dataloader", "batch_size", "num_workers"),
}


@dataclass(frozen=True)
class InferenceParts:
    """What inference consists of.

    Only the two ends of the YAML's transforms are left out, ``LoadImaged`` and ``SaveImaged``: images come from
    memory and go back there. `preprocessing` makes the network's input of an image in memory, key `image`. The
    postprocessing, key `pred`, is in three parts: `to_probability` brings logits to probabilities of native size,
    `threshold` alone makes of them the mask as the network drew it, and `to_mask` is what follows, such as cleaning.
    """

    device: torch.device
    network: torch.nn.Module  # without trained weights yet
    inferer: Any  # called as inferer(inputs=batch, network=network)
    preprocessing: Compose
    to_probability: Compose
    threshold: Compose
    to_mask: Compose
    channels: Channels  # that images must be read with
    refiner_sha256: str | None = None  # of the border refiner, which is in `to_probability`


def load_parts(
    folder: Path, weights: Path, device: str = "auto", overrides: Mapping[str, Any] | None = None
) -> InferenceParts:
    """Build the parts; the arguments are those of `monai_lungxfer.inference.segmenter.Segmenter.from_bundle`.

    The weights file decides on the network and the input size, and is not loaded here. BundleError is raised when a
    part is missing or cannot be built, or when an override names nothing that has an effect here, or is no value that
    its setting can have.
    """
    overrides = overrides or {}
    parser = read_settings(folder)
    parser["weights"] = for_parser(weights)
    if isinstance(named := parser.get("network_def"), Mapping) and "network_def" not in overrides:
        parser["network_def"] = follow_network(named, weights)
    if device != "auto":
        _override(parser, {"device": usable_device(device)}, folder)
    _check_effect(overrides, folder)
    _override(parser, overrides, folder)
    _check_values(parser, overrides, folder)
    where = usable_device(_part(parser, "device", folder))  # before the network, which is moved there
    to_probability, threshold, to_mask = _parted(_part(parser, "postprocessing", folder), folder)
    return InferenceParts(
        device=where,
        network=_part(parser, "network", folder),
        inferer=_part(parser, "inferer", folder),
        preprocessing=Compose(_without(_part(parser, "preprocessing", folder), LoadImaged)),
        to_probability=to_probability,
        threshold=threshold,
        to_mask=to_mask,
        channels=_channels(parser, folder),
        refiner_sha256=next(_refiners(to_probability), None),
    )


@contextmanager
def explained_part(name: str) -> Iterator[None]:
    """Turn what a part of inference.yaml stumbles over when it is run, other than memory, into a BundleError."""
    try:
        yield
    except Exception as error:
        cause = root_cause(error)  # MONAI wraps it
        kinds = (LookupError, TypeError, AttributeError, ValueError, RuntimeError)  # RuntimeError: PyTorch, of shapes
        if is_out_of_memory(error) or not isinstance(cause, kinds):
            raise
        raise BundleError(
            f"{name} of its inference.yaml cannot be run ({type(cause).__name__}: {cause})",
            remedy="Check the overrides, or restore the bundle's own file",
        ) from error


def read_settings(folder: Path) -> ConfigParser:
    """Read a bundle's inference.yaml, without building anything; BundleError is raised when it cannot be read."""
    file = folder / "configs" / "inference.yaml"
    parser = SettingsParser()
    try:
        parser.read_config(str(file))
    except (OSError, ValueError, AttributeError, TypeError, yaml.YAMLError) as error:  # MONAI takes it for a mapping
        raise BundleError(
            f"it cannot be read ({error})", source=file, remedy="Restore the bundle's own file"
        ) from error
    parser["bundle_root"] = for_parser(folder)
    return parser


def _part(parser: ConfigParser, name: str, folder: Path) -> Any:
    if name not in parser:
        raise BundleError(f"its inference.yaml has no {name!r}", source=folder, remedy="Restore the bundle's own file")
    try:
        return parser.get_parsed_content(name)
    # Whatever class or expression the YAML names may raise whatever it likes.
    except Exception as error:
        cause = root_cause(error)
        if isinstance(cause, LungXferError):
            raise cause from None  # says itself what to do
        raise BundleError(
            f"{name!r} of its inference.yaml cannot be built ({type(cause).__name__}: {cause})",
            source=folder,
            remedy="Check the overrides, or restore the bundle's own file",
        ) from error


def _refiners(steps: Compose) -> Iterator[str]:
    return (step.sha256 for step in steps.transforms if type(step).__name__ == "RefineBorderd")  # from a floor above


def _channels(parser: ConfigParser, folder: Path) -> Channels:
    """Return what the YAML tells the reader, which is left out with ``LoadImaged``."""
    for number, step in enumerate(parser["preprocessing#transforms"]):
        if step.get("_target_") == LoadImaged.__name__ and "channels" in step:
            channels: Channels = _part(parser, f"preprocessing#transforms#{number}#channels", folder)
            return channels
    return "grey"


def _override(parser: ConfigParser, overrides: Mapping[str, Any], folder: Path) -> None:
    for name, value in overrides.items():
        holder = name.rpartition("#")[0]
        if name not in parser and (not holder or holder not in parser):
            raise BundleError(
                f"its inference.yaml has no {name!r} to override",
                source=folder,
                remedy="Use an id of that file, with # between levels, as in preprocessing#transforms#0#keys",
            )
        parser[name] = for_parser(value)


def _check_effect(overrides: Mapping[str, Any], folder: Path) -> None:
    """Refuse what nothing would follow, but every result would have as its setting."""
    for name in overrides:
        if name.partition("#")[0] in _OF_THE_CALLER:
            raise BundleError(
                f"to override {name!r} has no effect here",
                source=folder,
                remedy="Leave it out; weights, images and results have options of their own (--weights, --out)",
            )


def _check_values(parser: ConfigParser, overrides: Mapping[str, Any], folder: Path) -> None:
    wanted = {
        "image_size": ("two numbers of pixels, as in [256, 256]", _is_size),
        "sizing": (f"one of {', '.join(SIZINGS)}", lambda value: value in SIZINGS),
        **OPEN_SETTINGS,
    }
    for name in overrides.keys() & wanted.keys():
        value, (description, fits) = _part(parser, name, folder), wanted[name]
        if not fits(value):
            raise BundleError(f"{name} would be {value!r}, not {description}", source=folder, remedy="Correct it")


def _is_size(value: Any) -> bool:
    return isinstance(value, Sequence) and len(value) == 2 and all(isinstance(side, int) and side > 0 for side in value)


def _without(transforms: Compose, kind: type) -> list[Any]:
    return [transform for transform in transforms.transforms if not isinstance(transform, kind)]


def _parted(postprocessing: Compose, folder: Path) -> tuple[Compose, Compose, Compose]:
    """Part the postprocessing before and after its threshold, where the probability and the raw mask can be had."""
    transforms = _without(postprocessing, SaveImaged)
    found = [index for index, transform in enumerate(transforms) if isinstance(transform, AsDiscreted)]
    if len(found) != 1:
        raise BundleError(
            f"its postprocessing has {len(found)} AsDiscreted, not one",
            source=folder,
            remedy="Bring logits to probabilities of native size (Activationsd, Invertd) and threshold those once",
        )
    at = found[0]
    return Compose(transforms[:at]), Compose(transforms[at : at + 1]), Compose(transforms[at + 1 :])

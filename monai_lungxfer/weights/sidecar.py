"""What is known of weights: their network, input size and images, in a JSON file beside the weights file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.networks.sizing import SQUARE, check_sizing
from monai_lungxfer.utils.errors import LungXferError, TransferError
from monai_lungxfer.utils.files import unwritable, write_text
from monai_lungxfer.utils.json_files import load_json

_CLASS = re.compile(r"[\w.<>]+")  # "f.<locals>.Net" is what Python calls a class inside a function
_DIGITS = re.compile(r"[0-9a-f]{12}")
_SEQUENCES = ("pre", "flair", "post")
_HASH = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[a-z][a-z-]*")
_PARAMETER = re.compile(r"[^\W_]\w*")
_ADAPTER = "monai_lungxfer.networks.translator_unet.TranslatorUNet"  # whose import would need PyTorch

PAPER_SIZE = [256, 256]
"""(H, W) in pixels of the paper, and of weights that say nothing, such as the hub's."""

IMAGE_DIGITS = 12
"""Digits of the SHA-256 of an image's file by which it is known."""


class LearntImages(NamedTuple):
    """The images that a training learnt from or chose its epoch by, as digits of their SHA-256; no names or paths.

    `by` is what the weights of that training are called: a bundle's or a registered name, or digits of their SHA-256.
    """

    by: str
    images: frozenset[str]


@dataclass(frozen=True)
class BaseWeights:
    """The weights that an adapter, the layers of a `TranslatorUNet`, was trained on and needs.

    Attributes
    ----------
    sha256 : str
        Of their file.
    network : dict
        Class and parameters of their network.
    name : str or None
        What they were called, where that is a bundle's or a registered name.
    base : BaseWeights or None
        What they need themselves, where they are an adapter.
    """

    sha256: str
    network: dict[str, Any]
    name: str | None = None
    base: BaseWeights | None = None

    def __str__(self) -> str:
        """Return what a person needs to find them."""
        return f"sha256 {self.sha256[:12]}" + (f", {self.name}" if self.name else "")


@dataclass(frozen=True)
class Sidecar:
    """What `model.json` says of `model.pt`.

    Attributes
    ----------
    image_size : list of int or None
        (H, W) in pixels that the weights were trained for.
    network : dict or None
        Class (``_target_``) and parameters of their network, as ``network_def`` has them.
    learnt : tuple of LearntImages
        One for each training, from the oldest ancestor that is known to the weights' own.
    sizing : str
        How images are brought to that size, one of `monai_lungxfer.networks.sizing.SIZINGS`.
    channels : str or None
        Which sequence of an MRI slice they, or the donor that they stem from, learnt from; ``None`` for all three.
    base : BaseWeights or None
        What they need, where they are an adapter.
    """

    image_size: list[int] | None = None
    network: dict[str, Any] | None = None
    learnt: tuple[LearntImages, ...] = ()
    sizing: str = SQUARE
    channels: str | None = None
    base: BaseWeights | None = None


def sidecar_file(weights: Path) -> Path:
    """Return where the sidecar of a weights file is kept, `model.json` beside `model.pt`."""
    return weights.with_suffix(".json")


def save_sidecar(weights: str | Path, known: Sidecar) -> None:
    """Write the sidecar of a weights file; one that would say nothing is removed.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    file = sidecar_file(Path(weights))
    content: dict[str, Any] = {"network": dict(known.network)} if known.network else {}
    content |= {"image_size": list(known.image_size)} if known.image_size is not None else {}
    if content:
        content |= {"sizing": known.sizing} if known.sizing != SQUARE else {}
        content |= {"channels": known.channels} if known.channels else {}
        content |= {"base": _told_base(known.base)} if known.base else {}
        learnt = [{"by": one.by, "images": sorted(one.images)} for one in known.learnt]
        content |= {"learnt": learnt} if learnt else {}
    if not content:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(file, error) from error
        return
    write_text(file, json.dumps(content) + "\n")


def read_sidecar(weights: Path) -> Sidecar:
    """Read what is known of a weights file: nothing, where there is no sidecar.

    Raises
    ------
    TransferError
        When the sidecar is damaged.
    """
    file = sidecar_file(weights)
    if not file.is_file():
        return Sidecar()
    try:
        content = load_json(file)
        network = _checked_network(content["network"]) if "network" in content else None
        learnt = tuple(map(_checked_learnt, content.get("learnt", ())))
        sizing = check_sizing(content.get("sizing", SQUARE))
        channels = _checked_sequence(content.get("channels"))
        base = _checked_base(content["base"]) if "base" in content else None
        _check_adapter(network, base)
        if network is not None and "image_size" not in content:
            return Sidecar(None, network, learnt, sizing, channels, base)
        height, width = content["image_size"]
        if not (type(height) is type(width) is int and min(height, width) > 0):
            raise ValueError(f"image_size is {[height, width]}")
        return Sidecar([height, width], network, learnt, sizing, channels, base)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, LungXferError) as error:
        raise TransferError(
            f"does not contain the network and input size of weights ({error})",
            source=file,
            remedy="Copy it again from where the weights come from, or remove it and give the size (image_size)",
        ) from error


def _checked_network(network: Any) -> dict[str, Any]:
    """Let a dotted name, whole numbers and a kind through, since messages suggest to type them into a configuration.

    A configuration would run a text that begins with ``$``, and give a meaning of its own to names that begin with
    ``_``; a shell would run what stands in other characters.
    """
    parameters = {name: value for name, value in network.items() if name != "_target_"}
    named = _CLASS.fullmatch(network["_target_"]) and all(map(_PARAMETER.fullmatch, parameters))
    if not named or not all(_is_plain(name, value) for name, value in parameters.items()):
        raise ValueError("network is not a class with whole numbers as its parameters")
    return {"_target_": network["_target_"], **parameters}


def _is_plain(name: str, value: Any) -> bool:
    is_kind = name == "kind" and isinstance(value, str) and _WORD.fullmatch(value) is not None
    return type(value) is int or is_kind


def _checked_base(told: Any) -> BaseWeights:
    name = told.get("name")
    if not _HASH.fullmatch(told["sha256"]) or not (name is None or (isinstance(name, str) and name.isprintable())):
        raise ValueError("base names no weights by their hash")
    below = _checked_base(told["base"]) if "base" in told else None
    network = _checked_network(told["network"])
    _check_adapter(network, below)
    return BaseWeights(told["sha256"], network, name, below)


def _check_adapter(network: Mapping[str, Any] | None, base: BaseWeights | None) -> None:
    """Let only new layers have a base: their weights fit several kinds of them, so they must be described, too."""
    is_adapter = network is not None and network["_target_"] == _ADAPTER
    if is_adapter != (base is not None):
        raise ValueError("new layers and their base are not described together")


def _told_base(base: BaseWeights) -> dict[str, Any]:
    told: dict[str, Any] = {"sha256": base.sha256, "network": base.network}
    told |= {"name": base.name} if base.name else {}
    return told | ({"base": _told_base(base.base)} if base.base else {})


def _checked_learnt(entry: Any) -> LearntImages:
    images = frozenset(entry["images"])
    if not (isinstance(entry["by"], str) and entry["by"].isprintable()) or not all(map(_DIGITS.fullmatch, images)):
        raise ValueError("learnt is not a list of image hashes")
    return LearntImages(entry["by"], images)


def _checked_sequence(channels: Any) -> str | None:
    if channels is not None and channels not in _SEQUENCES:
        raise ValueError("channels is not a sequence of an MRI slice")
    return None if channels is None else str(channels)


def copy_sidecar(source: Path, target: Path) -> None:
    """Give one weights file the sidecar of another whose weights it holds."""
    save_sidecar(target, read_sidecar(source))


def mri_channel(weights: str | Path) -> str | None:
    """Return which sequence of an MRI slice weights learnt from, ``None`` for all three; see `input_size`."""
    return read_sidecar(resolve_weights(weights)).channels


def input_size(weights: str | Path) -> list[int]:
    """Return the input size (H, W) in pixels that weights want.

    Parameters
    ----------
    weights : str or pathlib.Path
        As for `monai_lungxfer.bundle.references.resolve_weights`.

    Raises
    ------
    TransferError
        When there are no such weights, or the file beside them is damaged.
    """
    return read_sidecar(resolve_weights(weights)).image_size or list(PAPER_SIZE)


def input_sizing(weights: str | Path) -> str:
    """Return the sizing that weights want; the argument and errors are those of `input_size`."""
    return read_sidecar(resolve_weights(weights)).sizing

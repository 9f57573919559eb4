"""What is known of weights: their network, input size and images, in a JSON file beside the weights file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
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
_PARAMETER = re.compile(r"[^\W_]\w*")

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
    """

    image_size: list[int] | None = None
    network: dict[str, Any] | None = None
    learnt: tuple[LearntImages, ...] = ()
    sizing: str = SQUARE
    channels: str | None = None


def sidecar_file(weights: Path) -> Path:
    """Return where the sidecar of a weights file is kept, `model.json` beside `model.pt`."""
    return weights.with_suffix(".json")


def save_sidecar(
    weights: str | Path,
    image_size: Sequence[int] | None,
    network: Mapping[str, Any] | None = None,
    learnt: Sequence[LearntImages] = (),
    *,
    sizing: str = SQUARE,
    channels: str | None = None,
) -> None:
    """Write the sidecar of a weights file; one that would say nothing is removed.

    Parameters
    ----------
    weights : str or pathlib.Path
        The weights file.
    image_size, network, learnt, sizing, channels
        See `Sidecar`.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    file = sidecar_file(Path(weights))
    content: dict[str, Any] = {"network": dict(network)} if network else {}
    content |= {"image_size": list(image_size)} if image_size is not None else {}
    content |= {"sizing": sizing} if content and sizing != SQUARE else {}
    content |= {"channels": channels} if content and channels else {}
    if content and learnt:
        content["learnt"] = [{"by": one.by, "images": sorted(one.images)} for one in learnt]
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
        if network is not None and "image_size" not in content:
            return Sidecar(network=network, learnt=learnt, sizing=sizing, channels=channels)
        height, width = content["image_size"]
        if not (type(height) is type(width) is int and min(height, width) > 0):
            raise ValueError(f"image_size is {[height, width]}")
        return Sidecar([height, width], network, learnt, sizing, channels)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, LungXferError) as error:
        raise TransferError(
            f"does not contain the network and input size of weights ({error})",
            source=file,
            remedy="Copy it again from where the weights come from, or remove it and give the size (image_size)",
        ) from error


def _checked_network(network: Any) -> dict[str, Any]:
    """Let a dotted name and whole numbers through, since messages suggest to type them into a configuration.

    A configuration would run a text that begins with ``$``, and give a meaning of its own to names that begin with
    ``_``; a shell would run what stands in other characters.
    """
    numbers = {name: value for name, value in network.items() if name != "_target_"}
    named = _CLASS.fullmatch(network["_target_"]) and all(map(_PARAMETER.fullmatch, numbers))
    if not named or any(type(value) is not int for value in numbers.values()):
        raise ValueError("network is no class with whole numbers as its parameters")
    return {"_target_": network["_target_"], **numbers}


def _checked_learnt(entry: Any) -> LearntImages:
    images = frozenset(entry["images"])
    if not (isinstance(entry["by"], str) and entry["by"].isprintable()) or not all(map(_DIGITS.fullmatch, images)):
        raise ValueError("learnt is no list of image hashes")
    return LearntImages(entry["by"], images)


def _checked_sequence(channels: Any) -> str | None:
    if channels is not None and channels not in _SEQUENCES:
        raise ValueError("channels is no sequence of an MRI slice")
    return None if channels is None else str(channels)


def copy_sidecar(source: Path, target: Path) -> None:
    """Give one weights file the sidecar of another whose weights it holds."""
    sidecar = read_sidecar(source)
    told = (sidecar.image_size, sidecar.network, sidecar.learnt)
    save_sidecar(target, *told, sizing=sidecar.sizing, channels=sidecar.channels)


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

"""What weights need to be used: their network and input size, in a JSON file beside the weights file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.files import unwritable, write_text

PAPER_SIZE = [256, 256]
"""(H, W) in pixels of the paper, and of weights that say nothing, such as the hub's."""


@dataclass(frozen=True)
class Sidecar:
    """What `model.json` says of `model.pt`.

    Attributes
    ----------
    image_size : list of int or None
        (H, W) in pixels that the weights were trained for.
    network : dict or None
        Class (``_target_``) and parameters of their network, as ``network_def`` has them.
    """

    image_size: list[int] | None = None
    network: dict[str, Any] | None = None


def sidecar_file(weights: Path) -> Path:
    """Return where the sidecar of a weights file is kept, `model.json` beside `model.pt`."""
    return weights.with_suffix(".json")


def save_sidecar(
    weights: str | Path, image_size: Sequence[int] | None, network: Mapping[str, Any] | None = None
) -> None:
    """Write the sidecar of a weights file; one that would say nothing is removed.

    Parameters
    ----------
    weights : str or pathlib.Path
        The weights file.
    image_size, network
        See `Sidecar`.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    file = sidecar_file(Path(weights))
    content: dict[str, Any] = {"network": dict(network)} if network else {}
    content |= {"image_size": list(image_size)} if image_size is not None else {}
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
        content = json.loads(file.read_text(encoding="utf-8"))
        network = _checked_network(content["network"]) if "network" in content else None
        if network is not None and "image_size" not in content:
            return Sidecar(network=network)
        height, width = content["image_size"]
        return Sidecar([int(height), int(width)], network)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TransferError(
            f"does not contain the network and input size of weights ({error})",
            source=file,
            remedy="Copy it again from where the weights come from, or remove it and give the size (image_size)",
        ) from error


def _checked_network(network: Any) -> dict[str, Any]:
    """Let a class and whole numbers through: a configuration would run a text that begins with ``$``."""
    numbers = {name: value for name, value in network.items() if name != "_target_"}
    if not isinstance(network["_target_"], str) or any(type(value) is not int for value in numbers.values()):
        raise ValueError(f"network is {network!r}")
    return {"_target_": network["_target_"], **numbers}


def copy_sidecar(source: Path, target: Path) -> None:
    """Give one weights file the sidecar of another whose weights it holds."""
    sidecar = read_sidecar(source)
    save_sidecar(target, sidecar.image_size, sidecar.network)


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

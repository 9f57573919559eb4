"""Weights of border refiners, and the JSON file beside them that names the weights whose masks they refine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from monai_lungxfer.networks.border_refiner import BorderRefiner
from monai_lungxfer.utils.errors import OutputError, TransferError
from monai_lungxfer.utils.files import write_text
from monai_lungxfer.utils.json_files import load_json
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.loading import load_weights_file
from monai_lungxfer.weights.saving import checked_name
from monai_lungxfer.weights.sidecar import LearntImages, sidecar_file

_REFINES = "refines"
_LARGEST = 1 << 14  # pixels; a larger side, or width, is a damaged file


@dataclass(frozen=True)
class RefinerDescription:
    """What is known of a border refiner.

    Attributes
    ----------
    weights_sha256 : str
        Of the weights whose masks it has learnt to refine.
    side : int
        Longest side in pixels at which it looks at a radiograph; larger ones are brought down to it.
    width : int
        See `monai_lungxfer.networks.border_refiner.BorderRefiner`.
    learnt : tuple of LearntImages
        The images that it learnt from or was chosen on.
    training : mapping
        Facts of its training: split, seed, steps, and the border on the validation images before and after.
    """

    weights_sha256: str
    side: int
    width: int
    learnt: tuple[LearntImages, ...] = ()
    training: Mapping[str, Any] = field(default_factory=dict)


def save_refiner(
    network: BorderRefiner, target: str | Path, description: RefinerDescription, *, overwrite: bool = False
) -> Path:
    """Write a refiner's weights, and the JSON file beside them; OutputError is raised where one is there already."""
    path = check_refiner_target(target, overwrite=overwrite)
    name = f"{BorderRefiner.__module__}.{BorderRefiner.__qualname__}"
    content: dict[str, Any] = {"network": {"_target_": name, "width": description.width}}
    content[_REFINES] = {
        "weights_sha256": description.weights_sha256,
        "side": description.side,
        "training": dict(description.training),
    }
    content["learnt"] = [{"by": one.by, "images": sorted(one.images)} for one in description.learnt]
    sidecar_file(path).unlink(missing_ok=True)  # so that no other refiner's stays beside it, whenever this ends
    save_checkpoint(network.state_dict(), path)
    write_text(sidecar_file(path), json.dumps(content) + "\n")
    return path


def check_refiner_target(target: str | Path, *, overwrite: bool = False) -> Path:
    """Return the path for a refiner's weights; OutputError is raised where it cannot be written."""
    path = checked_name(target)
    if path.exists() and not overwrite:
        raise OutputError("is there already", source=path, remedy="Choose another file (--file), or add --overwrite")
    if path.exists() and not _is_refiner(path):
        raise OutputError("holds something else than a border refiner", source=path, remedy="Choose another file")
    return path


def _is_refiner(path: Path) -> bool:
    try:
        read_refiner(path)
    except TransferError:
        return False
    return True


def read_refiner(path: str | Path) -> RefinerDescription:
    """Read what the file beside a refiner's weights says; TransferError is raised when it says nothing of a refiner."""
    file = sidecar_file(Path(path))
    remedy = "Give a file that lungxfer refine wrote, with the .json next to it"
    if not Path(path).is_file():
        raise TransferError("there is no such file of a border refiner", source=path, remedy=remedy)
    try:
        content = load_json(file)
        facts, width = content[_REFINES], content["network"]["width"]
        learnt = tuple(LearntImages(str(one["by"]), frozenset(one["images"])) for one in content.get("learnt", ()))
        sha256, side = facts["weights_sha256"], facts["side"]
        numbers = all(type(number) is int and 0 < number < _LARGEST for number in (side, width))
        if not (numbers and isinstance(sha256, str) and len(sha256) == 64):
            raise ValueError("side, width or weights_sha256 is none")
        return RefinerDescription(sha256, side, width, learnt, dict(facts.get("training", {})))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TransferError(f"does not describe a border refiner ({error})", source=file, remedy=remedy) from error


def load_refiner(path: str | Path, weights_sha256: str | None = None) -> tuple[BorderRefiner, RefinerDescription, str]:
    """Load a refiner in evaluation mode, with what is known of it and the SHA-256 of its file.

    Parameters
    ----------
    path : str or pathlib.Path
        Its weights.
    weights_sha256 : str, optional
        Of the weights in use, which must be those that it refines.

    Raises
    ------
    TransferError
        When there is no such refiner, the files are damaged, or it is one of other weights.
    """
    description = read_refiner(path)
    if weights_sha256 not in (None, description.weights_sha256):
        raise TransferError(
            f"refines masks of the weights {description.weights_sha256[:12]}, and those in use are "
            f"{str(weights_sha256)[:12]} (SHA-256)",
            source=path,
            remedy="Use it with its own weights (--weights), or train one for these (lungxfer refine)",
        )
    network = BorderRefiner(description.width)
    sha256 = load_weights_file(network, Path(path))
    return network.eval(), description, sha256


def refined_by(digests: Sequence[str]) -> tuple[LearntImages, ...]:
    """Return what a refiner has learnt from, by the digits of `monai_lungxfer.weights.learnt.digest_images`."""
    return (LearntImages("border refiner", frozenset(digests)),)

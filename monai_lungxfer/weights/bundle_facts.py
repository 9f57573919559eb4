"""What a bundle says of its weights, in its metadata and on its card: kept true when it gets others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.files import METADATA, WEIGHTS, bundle_metadata
from monai_lungxfer.bundle.stages import stage_for_bundle
from monai_lungxfer.networks.description import describe_weights
from monai_lungxfer.utils.files import hash_file, write_text
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.sidecar import IMAGE_DIGITS, Sidecar, input_size, read_sidecar

WEIGHTS_HASH = "weights_sha256"
"""The key of a bundle's metadata that holds the SHA-256 of its `models/model.pt`."""

CARD = Path("docs") / "README.md"
"""The model card. Its figures are of the weights whose first 12 digits of the SHA-256 it names."""

_HEADING = re.compile(r"^# .*\n\n", re.MULTILINE)  # below the head that Hugging Face reads, if there is one
_NOTE = re.compile(r"> \*\*The weights in this folder.*\n\n")
_SEQUENCES = {"pre": "pre-contrast T1", "flair": "FLAIR", "post": "post-contrast T1"}


def update_bundle(folder: Path) -> None:
    """Make a bundle's metadata and card agree with the weights that are in it now.

    The hash, the size and the channels are corrected. Where the weights are others than before, the data that they
    learnt from are no longer claimed, and a note on the card says that its figures are of other weights.

    Raises
    ------
    BundleError
        When its metadata cannot be read.
    OutputError
        When a file cannot be written.
    """
    metadata, weights = bundle_metadata(folder), folder / WEIGHTS
    digest, size, sidecar = hash_file(weights), input_size(weights), read_sidecar(weights)
    if sidecar.network is None:
        sidecar = replace(sidecar, network=describe_weights(read_state_dict(weights)))
    if metadata.get(WEIGHTS_HASH) != digest:
        metadata["data_source"] = "not told: the weights are not those that shipped with this bundle"
    metadata[WEIGHTS_HASH] = digest
    described = metadata.get("network_data_format", {})
    for part in (described.get("inputs", {}).get("image"), described.get("outputs", {}).get("pred")):
        if part is not None and part.get("spatial_shape") != size:
            part["spatial_shape"] = size
            metadata["image_classes"] = _image_classes(folder, sidecar, size)
    if _count_channels(described.get("inputs", {}).get("image"), sidecar):
        metadata["image_classes"] = _image_classes(folder, sidecar, size)
    write_text(folder / METADATA, json.dumps(metadata, indent=4, ensure_ascii=False) + "\n")
    _note_on_card(folder / CARD, digest, sidecar, size)


def find_bundle(weights: Path) -> Path | None:
    """Return the folder of the bundle whose own weights a file is, ``None`` for any other file."""
    folder = weights.parent.parent
    return folder if weights == folder / WEIGHTS and (folder / METADATA).is_file() else None


def _count_channels(image: dict[str, Any] | None, sidecar: Sidecar) -> bool:
    """Correct the channels that the metadata tell of the image; return whether they were others."""
    channels = (sidecar.network or {}).get("in_channels")
    if image is None or channels is None or image.get("num_channels") == channels:
        return False
    name = _SEQUENCES.get(sidecar.channels or "", image.get("channel_def", {}).get("0", "image"))
    image["num_channels"], image["channel_def"] = channels, {str(number): name for number in range(channels)}
    return True


def _image_classes(folder: Path, sidecar: Sidecar, size: list[int]) -> str:
    channels = (sidecar.network or {}).get("in_channels", 3)
    copies = "" if channels == 1 else f" replicated on {channels} channels"
    what = f"grey radiograph{copies}"
    if stage_for_bundle(folder).parent is None:
        what = f"{_SEQUENCES[sidecar.channels]}{copies}" if sidecar.channels else ", ".join(_SEQUENCES.values())
    return f"{what}, resized to {size[0]}x{size[1]}"


def _note_on_card(card: Path, digest: str, sidecar: Sidecar, size: list[int]) -> None:
    """Say on the card that its figures are of other weights, unless it names these."""
    if not card.is_file():
        return
    text = _NOTE.sub("", card.read_text(encoding="utf-8"))
    heading = _HEADING.search(text)
    title, rest = (text[: heading.end()], text[heading.end() :]) if heading else ("", text)
    if digest[:IMAGE_DIGITS] in text:
        note = ""
    else:
        note = (
            f"> **The weights in this folder are not those that shipped.** SHA-256 `{digest[:IMAGE_DIGITS]}`, images "
            f"of {size[0]}×{size[1]}, {_describe(sidecar.network or {})}. The figures below are of other weights: "
            "measure these (`lungxfer evaluate`), and write what you find here.\n\n"
        )
    write_text(card, f"{title}{note}{rest}")


def _describe(network: Mapping[str, Any]) -> str:
    name = str(network.get("_target_", "a network that is not told")).rpartition(".")[2]
    numbers = ", ".join(f"{key} {value}" for key, value in network.items() if key != "_target_")
    return f"`{name}`" + (f" ({numbers})" if numbers else "")

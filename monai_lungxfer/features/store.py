"""What a network's pass has kept, in a file: a later run with the same weights and images takes it from there."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.features.collect import CollectedFeatures
from monai_lungxfer.features.images import ImageSet
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.units import UnitEffects
from monai_lungxfer.utils.files import atomic_path

FOLDER = "features"
"""Where the files are, below the output folder."""

_VERSION = 3  # of what is collected, and how
_BY_LAYER = ("pooled", "pixels", "overlap", "responses")
_WHOLE = ("places", "labels", "traits", "shares")
_DIGITS = 16


def name_collection(network: ComparedNetwork, images: ImageSet, seed: int, precision: str) -> str:
    """Return the name of the file: the hash of the weights, the images, and whatever else the numbers depend on."""
    told = [_VERSION, network.sha256, network.image_size, network.sizing, network.channels, images.sha256, seed]
    digest = hashlib.sha256(json.dumps([*told, precision]).encode()).hexdigest()
    return f"{digest[:_DIGITS]}.npz"


def save_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write arrays by their names, all or nothing."""
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def load_arrays(path: Path) -> dict[str, NDArray[Any]] | None:
    """Return the arrays of a file by their names; None where there is no such file, or a damaged one."""
    try:
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return None


def save_collection(path: Path, kept: CollectedFeatures) -> None:
    """Write what a pass has kept, all or nothing."""
    arrays = {name: getattr(kept, name) for name in _WHOLE}
    for part in _BY_LAYER:
        arrays |= {f"{part}/{layer}": array for layer, array in getattr(kept, part).items()}
    save_arrays(path, arrays)


def load_collection(path: Path) -> CollectedFeatures | None:
    """Return what an earlier run has kept; None where it is not there, or damaged."""
    arrays = load_arrays(path)
    if arrays is None or not set(_WHOLE) <= arrays.keys():
        return None
    parts = {
        part: {name.removeprefix(f"{part}/"): array for name, array in arrays.items() if name.startswith(f"{part}/")}
        for part in _BY_LAYER
    }
    return CollectedFeatures(**parts, **{name: arrays[name] for name in _WHOLE})  # type: ignore[arg-type]


def name_effects(network: ComparedNetwork, domains: Sequence[ImageSet], precision: str, seed: int = 0) -> str:
    """Return the name of the file with what a network's units do in domains, as `name_collection` does."""
    told = [_VERSION, network.sha256, network.image_size, network.sizing, network.channels, precision, seed]
    digest = hashlib.sha256(json.dumps([*told, [domain.sha256 for domain in domains]]).encode()).hexdigest()
    return f"units-{digest[:_DIGITS]}.npz"


def save_effects(path: Path, effects: Mapping[str, UnitEffects]) -> None:
    """Write what units do, all or nothing."""
    arrays: dict[str, NDArray[Any]] = {}
    for domain, one in effects.items():
        arrays |= {f"{domain}/importance/{layer}": values for layer, values in one.importance.items()}
        arrays[f"{domain}/dice"] = np.array(one.dice)
        arrays |= {f"{domain}/drop/{layer}/{unit}": np.array(drop) for (layer, unit), drop in one.drops.items()}
    save_arrays(path, arrays)


def load_effects(path: Path) -> dict[str, UnitEffects] | None:
    """Return what an earlier run has found out about units; None where it is not there, or damaged."""
    arrays = load_arrays(path)
    if arrays is None:
        return None
    effects: dict[str, UnitEffects] = {}
    for name, array in arrays.items():
        domain, what, *rest = name.split("/")
        one = effects.setdefault(domain, UnitEffects({}, float(arrays[f"{domain}/dice"]), {}))
        if what == "importance":
            one.importance[rest[0]] = array
        elif what == "drop":
            one.drops[rest[0], int(rest[1])] = float(array)
    return effects


def load_layers(path: Path, part: str) -> dict[str, NDArray[Any]]:
    """Return one part of what was kept, by layer, without reading the others."""
    with np.load(path, allow_pickle=False) as content:
        wanted = [name for name in content.files if name.startswith(f"{part}/")]
        return {name.removeprefix(f"{part}/"): content[name] for name in wanted}

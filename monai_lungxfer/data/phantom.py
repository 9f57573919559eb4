"""Data sets of phantoms, in the layout of real ones, so that everything can be tried without any data."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_lungxfer.data.phantom_brain import brain_slice
from monai_lungxfer.data.phantom_chest import FINDINGS, chest_radiograph, portable_radiograph
from monai_lungxfer.errors import OutputError
from monai_lungxfer.files import atomic_path

__all__ = ["write_phantoms"]

SLICES_A_PATIENT = 4
FINDING_TEXTS = {"normal": "no finding", "pathological": "focal opacity", "covid19": "bilateral peripheral opacities"}
OWN_NAMES = ("TCGA_PH_", "phantom-", "datalist.json")
SETS = ("donor", "general", "portable")


def write_phantoms(
    folder: str | Path,
    *,
    seed: int = 0,
    donor: int = 96,
    general: int = 120,
    portable: int = 80,
    size: int = 256,
    overwrite: bool = False,
) -> Path:
    """Write `lgg/kaggle_3m/`, `general/` and `portable/`, as `load_datalist` reads them.

    An image depends on the seed, its set and its number alone, not on how many there are.

    Parameters
    ----------
    folder : str or pathlib.Path
        Made if it is missing.
    seed : int
        Of everything.
    donor, general, portable : int
        Brain slices (four a patient), chest radiographs, and degraded ones (one or two a patient).
    size : int
        Longest side in pixels; radiographs are not square.
    overwrite : bool
        Whether phantoms that are there may be replaced.

    Returns
    -------
    pathlib.Path
        `folder`.

    Raises
    ------
    OutputError
        When one of the three folders is there and `overwrite` is false or it holds other files, or the disk is full.
    """
    folder = Path(folder)
    parts = [folder / name for name in ("lgg", "general", "portable")]
    for part in parts:
        _check_replaceable(part, overwrite)
    for part in parts:
        shutil.rmtree(part, ignore_errors=True)
    _write_brains(parts[0] / "kaggle_3m", seed, donor, size)
    _write_chests(parts[1], seed, general, size, chest_radiograph, "PA")
    _write_chests(parts[2], seed, portable, size, portable_radiograph, "AP")
    return folder


def _check_replaceable(part: Path, overwrite: bool) -> None:
    """Refuse to replace what is there, unless it is allowed and is nothing but phantoms."""
    if not part.exists():
        return
    if not overwrite:
        raise OutputError("is there already", source=part, remedy="Choose another folder, or allow overwriting")
    strangers = [path for path in part.rglob("*") if path.is_file() and not path.name.startswith(OWN_NAMES)]
    if strangers:
        raise OutputError(
            f"holds {len(strangers)} files that are no phantoms, such as {strangers[0].name}",
            source=part,
            remedy="Choose another folder; data that are not phantoms are never replaced",
        )


def _rng(seed: int, name: str, number: int) -> np.random.Generator:
    return np.random.default_rng((seed, SETS.index(name), number))


def _save(path: Path, array: NDArray[Any]) -> None:
    with atomic_path(path) as temporary:
        Image.fromarray(array).save(temporary)


def _write_brains(folder: Path, seed: int, count: int, size: int) -> None:
    for number in range(count):
        patient, position = divmod(number, SLICES_A_PATIENT)
        name = f"TCGA_PH_{patient:04d}_20000101"
        image, mask = brain_slice(_rng(seed, "donor", number), size, lesion=number % 2 == 0)
        _save(folder / name / f"{name}_{position + 1}.tif", image)
        _save(folder / name / f"{name}_{position + 1}_mask.tif", mask.astype(np.uint8) * 255)


def _write_chests(
    folder: Path, seed: int, count: int, size: int, draw: Callable[..., tuple[NDArray, NDArray]], view: str
) -> None:
    name = folder.name
    records = []
    for number in range(count):
        rng = _rng(seed, name, number)
        ratio = rng.uniform(0.82, 1.2)
        height, width = (size, round(size * ratio)) if ratio < 1 else (round(size / ratio), size)
        finding = FINDINGS[number % len(FINDINGS)]
        image, mask = draw(rng, height, width, finding)
        _save(folder / "images" / f"phantom-{number:05d}.png", image)
        _save(folder / "masks" / f"phantom-{number:05d}.png", mask)
        # Six images are four patients: every finding has patients of one image and of two.
        patient = (number // 6) * 6 + (number % 6 if number % 6 < 4 else number % 6 - 3)
        records.append(
            {
                "image": f"images/phantom-{number:05d}.png",
                "label": f"masks/phantom-{number:05d}.png",
                "patient": f"{name}-{patient:05d}",
                "finding": finding,
                "finding_text": FINDING_TEXTS[finding],
                "view": view,
                "source": "phantom",
                "license": "CC0-1.0",
                "ignore_fraction": 0.0,
                "original_width": width,
                "original_height": height,
            }
        )
    with atomic_path(folder / "datalist.json") as temporary:
        temporary.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")

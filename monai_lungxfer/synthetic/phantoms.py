"""Data sets of phantoms in the layout of real ones, to try everything without data."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from monai_lungxfer.data.datalist import DATALIST_NAME, save_datalist
from monai_lungxfer.data.records import Record, read_json
from monai_lungxfer.synthetic.brain import brain_slice
from monai_lungxfer.synthetic.chest import FINDINGS, MIN_SIDE, chest_radiograph, portable_radiograph
from monai_lungxfer.utils.errors import DatalistError, LungXferError, OutputError
from monai_lungxfer.utils.files import atomic_path
from monai_lungxfer.utils.temporary import TEMPORARY

SOURCE = "phantom"
LICENSE = "CC0-1.0"
_FINDING_TEXTS = {
    "normal": "no finding",
    "pathological": "focal opacity",
    "covid19": "bilateral peripheral hazy opacities",
}
_VIEWS = {"general": ("PA",), "portable": ("AP", "AP Supine")}
_SETS = ("donor", "general", "portable")
_SCAN = "TCGA_PH_{patient:04d}_20000101"
_SLICES = (3, 5)
_IMAGES = (1, 3)
_ASPECTS = (0.85, 1.2)

Draw = Callable[[np.random.Generator, int, int, str], tuple[np.ndarray, np.ndarray]]


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

    An image depends on the seed, its set, its number and the size alone: not on how many there are.

    Parameters
    ----------
    folder : str or pathlib.Path
        Made if it is missing.
    seed : int
        Another seed gives other phantoms; 0 or above.
    donor, general, portable : int
        Brain slices (3 to 5 a patient), chest radiographs and portable ones (1 to 3 a patient). Findings are
        balanced, and each patient has one. A set of none is left out.
    size : int
        Longest side in pixels. Radiographs have a width of 0.85 to 1.2 of their height.
    overwrite : bool
        Whether phantoms that are there are replaced. Anything else never is.

    Returns
    -------
    pathlib.Path
        `folder`.

    Raises
    ------
    LungXferError
        When the seed or a number is negative, or the size too small.
    OutputError
        When there are data already, or the disk is full.
    """
    folder = Path(folder)
    _check_numbers(size, {"seed": seed, "donor": donor, "general": general, "portable": portable})
    _make_room([folder / name for name in ("lgg", "general", "portable")], overwrite)
    _write_slices(folder / "lgg" / "kaggle_3m", seed, donor, size)
    _write_radiographs(folder / "general", seed, general, size, chest_radiograph)
    _write_radiographs(folder / "portable", seed, portable, size, portable_radiograph)
    return folder


def _check_numbers(size: int, numbers: dict[str, int]) -> None:
    for name, number in numbers.items():
        if number < 0:
            raise LungXferError(f"{name} is {number}, but must not be negative", remedy="Give 0 or more")
    smallest = int(np.ceil(MIN_SIDE * max(_ASPECTS)))
    if size < smallest:
        raise LungXferError(f"size is {size} pixels, too small for anatomy", remedy=f"Give at least {smallest}")


def _make_room(parts: list[Path], overwrite: bool) -> None:
    """Remove older phantoms if allowed; refuse before anything is touched if other data would go with them."""
    found = [part for part in parts if part.exists()]
    for part in found:
        foreign = next((file for file in part.rglob("*") if file.is_file() and not _is_phantom(file)), None)
        if foreign is not None:
            raise OutputError("is not a phantom and is not replaced", source=foreign, remedy="Choose another folder")
        if not overwrite and any(part.iterdir()):
            raise OutputError("holds phantoms already", source=part, remedy="Choose another folder, or add --overwrite")
    for part in found:
        try:
            shutil.rmtree(part)
        except OSError as error:
            remedy = "Check the folder's permissions, or choose another one"
            raise OutputError(f"cannot be removed ({error.strerror or error})", source=part, remedy=remedy) from error


def _is_phantom(file: Path) -> bool:
    if file.name != DATALIST_NAME:
        # A leading point: a temporary file of a run that was killed.
        return file.name.startswith(("phantom-", "TCGA_PH_", TEMPORARY))
    try:
        content = read_json(file)
    except DatalistError:
        return False
    return isinstance(content, list) and all(isinstance(e, dict) and e.get("source") == SOURCE for e in content)


def _rng(seed: int, name: str, number: int) -> np.random.Generator:
    """Return the generator of image `number`, or of the patients when it is -1."""
    # Counted from 1: numpy takes (seed, set) and (seed, set, 0) for the same.
    return np.random.default_rng((seed, 1 + _SETS.index(name), 2 + number))


def _patients(seed: int, name: str, count: int, images: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the patient of each image and the image's number among the patient's, both from 1."""
    rng = _rng(seed, name, -1)
    patient = position = wanted = 0
    for _ in range(count):
        if position == wanted:
            patient, position, wanted = patient + 1, 0, int(rng.integers(*images, endpoint=True))
        position += 1
        yield patient, position


def _save(path: Path, array: np.ndarray, **options: Any) -> None:
    with atomic_path(path) as temporary:
        Image.fromarray(array).save(temporary, **options)


def _write_slices(folder: Path, seed: int, count: int, size: int) -> None:
    for number, (patient, position) in enumerate(_patients(seed, "donor", count, _SLICES)):
        scan = _SCAN.format(patient=patient)
        image, mask = brain_slice(_rng(seed, "donor", number), size)
        _save(folder / scan / f"{scan}_{position}.tif", image, compression="tiff_adobe_deflate")
        _save(
            folder / scan / f"{scan}_{position}_mask.tif", 255 * mask.astype(np.uint8), compression="tiff_adobe_deflate"
        )


def _write_radiographs(folder: Path, seed: int, count: int, size: int, draw: Draw) -> None:
    name = folder.name
    records: list[Record] = []
    findings: dict[int, str] = {}
    drawn = Counter(dict.fromkeys(FINDINGS, 0))
    for number, (patient, _) in enumerate(_patients(seed, name, count, _IMAGES)):
        # A new patient gets the finding that is rarest so far, which balances images and not merely patients.
        finding = findings.setdefault(patient, min(FINDINGS, key=drawn.__getitem__))
        drawn[finding] += 1
        records.append(_radiograph(folder, seed, number, size, draw, finding) | {"patient": f"{name}-{patient:04d}"})
    if records:
        save_datalist(records, folder / DATALIST_NAME)


def _radiograph(folder: Path, seed: int, number: int, size: int, draw: Draw, finding: str) -> Record:
    """Write one radiograph with its mask, and return its record."""
    rng = _rng(seed, folder.name, number)
    aspect = rng.uniform(*_ASPECTS)
    height, width = round(size / max(aspect, 1)), round(size * min(aspect, 1))
    image, mask = draw(rng, height, width, finding)
    folder = folder.absolute()
    stem = f"phantom-{folder.name}-{number + 1:04d}"
    # Both formats, since real data sets have both.
    files = folder / "images" / (stem + (".jpg" if number % 2 else ".png")), folder / "masks" / f"{stem}.png"
    _save(files[0], image, **({"quality": 95} if number % 2 else {}))
    _save(files[1], mask)
    views = _VIEWS[folder.name]
    record = {
        "image": str(files[0]),
        "label": str(files[1]),
        "patient": "",
        "finding": finding,
        "finding_text": _FINDING_TEXTS[finding],
        "view": views[number % len(views)],
        "source": SOURCE,
        "license": LICENSE,
        "ignore_fraction": 0.0,
        "original_width": width,
        "original_height": height,
    }
    return cast("Record", record)

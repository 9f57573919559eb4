"""The LGG segmentation data of Buda et al. (2019) in the layout of its Kaggle archive."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from monai_lungxfer.data.records import Record
from monai_lungxfer.utils.error_redaction import without_quotes
from monai_lungxfer.utils.errors import DatalistError

_ARCHIVE_FOLDER = "kaggle_3m"
# TCGA's barcode: project, tissue source site, participant. What follows in a folder's name is the scan's date.
_FOLDER = re.compile(r"TCGA_[A-Z0-9]{2}_[A-Z0-9]{4}(_\d+)?")
_SLICE = re.compile(r".+_(?P<number>\d+)\.tif")
_MASK_SUFFIX = "_mask.tif"

FINDINGS = ("no lesion", "lesion")
"""By whether the mask has a foreground; no other data set has these findings."""


def find_lgg_folder(path: str | Path) -> Path | None:
    """Return the folder that holds the patients' folders `TCGA_*`: `path`, its `kaggle_3m`, or None of them."""
    for folder in (Path(path), Path(path) / _ARCHIVE_FOLDER):
        if folder.is_dir() and any(_FOLDER.fullmatch(child.name) for child in folder.iterdir() if child.is_dir()):
            return folder
    return None


def load_lgg(folder: str | Path) -> list[Record]:
    """List the slices `TCGA_XX_YYYY_DATE/TCGA_XX_YYYY_DATE_N.tif` with their masks `…_N_mask.tif`.

    The folder is the one that holds the patients' folders (`kaggle_3m`). Records are in the order of patient, scan and
    slice number. `finding` is `lesion` where the mask has a foreground and `no lesion` elsewhere. Only the masks are
    read.

    Raises
    ------
    DatalistError
        When a slice has no mask, a mask has no slice, a file's name has no slice number, or a mask is unreadable.
    """
    folder = Path(folder).absolute()
    scans = sorted(child for child in folder.iterdir() if child.is_dir() and _FOLDER.fullmatch(child.name))
    records = [_record(image) for scan in scans for image in _slices(scan)]
    if not records:
        raise DatalistError(
            "holds no slices TCGA_*/TCGA_*_N.tif", source=folder, remedy="Unpack the Kaggle archive's folder kaggle_3m"
        )
    return records


def _slices(scan: Path) -> list[Path]:
    files = set(scan.glob("TCGA_*.tif"))
    masks = {file for file in files if file.name.endswith(_MASK_SUFFIX)}
    images = files - masks
    partners = {_mask_for(image): image for image in images}
    for lone in sorted((masks - partners.keys()) | {partners[mask] for mask in partners.keys() - masks}):
        what = "slice" if lone in masks else "mask"
        raise DatalistError(f"has no {what} next to it", source=lone, remedy="Restore it or remove this file")
    return sorted(images, key=_number)


def _mask_for(image: Path) -> Path:
    return image.with_name(image.stem + _MASK_SUFFIX)


def _number(image: Path) -> int:
    match = _SLICE.fullmatch(image.name)
    if match is None:
        raise DatalistError("has no slice number", source=image, remedy="Name it TCGA_XX_YYYY_DATE_N.tif")
    return int(match["number"])


def _record(image: Path) -> Record:
    mask = _mask_for(image)
    try:
        with Image.open(mask) as opened:
            has_lesion = opened.getbbox() is not None
    except (OSError, SyntaxError) as error:  # PIL raises SyntaxError for some broken TIFF files
        reason = without_quotes(str(error))
        raise DatalistError(
            f"cannot be read ({reason})", source=mask, remedy="Unpack it from the archive again"
        ) from error
    return {
        "image": str(image),
        "label": str(mask),
        "patient": "_".join(image.parent.name.split("_")[:3]),
        "finding": FINDINGS[has_lesion],
    }

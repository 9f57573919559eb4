"""The Shenzhen set, with the masks that were published for 566 of its 662 radiographs."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.data.public.item import Collection, Item
from monai_lungxfer.data.public.masks import unite_masks
from monai_lungxfer.data.public.raw import files_below, find_below, wrong_layout
from monai_lungxfer.data.public.tuberculosis import finding_in_name, read_reading

__all__ = ["collect"]

DEVICE = "Philips DR Digital Diagnost"  # Jaeger et al. 2014, doi 10.3978/j.issn.2223-4292.2014.11.20
_MASK_SUFFIX = "_mask"


def collect(raw: Path) -> Collection:
    """List the radiographs, with or without a mask.

    Raises
    ------
    DatalistError
        When there are none.
    """
    files = [file for file in files_below(raw, {".png"}) if file.stem.startswith("CHNCXR_")]
    masks = {file.stem.removesuffix(_MASK_SUFFIX): file for file in files if file.stem.endswith(_MASK_SUFFIX)}
    images = [file for file in files if not file.stem.endswith(_MASK_SUFFIX)]
    if not images:
        raise wrong_layout(raw, "shenzhen", "CHNCXR_*.png")
    readings = find_below(raw, "ClinicalReadings")
    return Collection([_item(image, masks.get(image.stem), readings) for image in images])


def _item(image: Path, mask: Path | None, readings: Path | None) -> Item:
    facts = ADAPTERS["shenzhen"]
    return Item(
        image,
        name=image.stem,
        patient=image.stem.rpartition("_")[0],
        source="shenzhen",
        license=facts.license,
        finding=finding_in_name(image.stem),
        finding_text=read_reading(readings, image.stem),
        view="PA",
        device=DEVICE,
        mask=None if mask is None else unite_masks([mask]),
        mask_convention=facts.mask_convention,
    )

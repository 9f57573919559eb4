"""The Montgomery County set: one mask for each lung, heart left out."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.data.public.item import Collection, Item
from monai_lungxfer.data.public.masks import unite_masks
from monai_lungxfer.data.public.raw import files_below, find_below, wrong_layout
from monai_lungxfer.data.public.tuberculosis import finding_in_name, read_reading

__all__ = ["collect"]

DEVICE = "Eureka stationary X-ray machine (CR)"  # Jaeger et al. 2014, doi 10.3978/j.issn.2223-4292.2014.11.20


def collect(raw: Path) -> Collection:
    """List the radiographs. One without both masks is listed without a mask.

    Raises
    ------
    DatalistError
        When there are none.
    """
    folder, masks = find_below(raw, "CXR_png"), find_below(raw, "ManualMask")
    images = (
        [] if folder is None else [file for file in files_below(folder, {".png"}) if file.stem.startswith("MCUCXR")]
    )
    if not images:
        raise wrong_layout(raw, "montgomery", "CXR_png/MCUCXR_*.png")
    readings = find_below(raw, "ClinicalReadings")
    return Collection([_item(image, masks, readings) for image in images])


def _item(image: Path, masks: Path | None, readings: Path | None) -> Item:
    facts = ADAPTERS["montgomery"]
    sides = [masks / side / image.name for side in ("leftMask", "rightMask")] if masks else []
    complete = bool(sides) and all(side.is_file() for side in sides)
    return Item(
        image,
        name=image.stem,
        patient=image.stem.rpartition("_")[0],
        source="montgomery",
        license=facts.license,
        finding=finding_in_name(image.stem),
        finding_text=read_reading(readings, image.stem),
        view="PA",
        device=DEVICE,
        mask=unite_masks(sides) if complete else None,
        mask_convention=facts.mask_convention,
    )

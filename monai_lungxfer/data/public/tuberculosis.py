"""The tuberculosis sets of the US National Library of Medicine: Montgomery County and Shenzhen (Jaeger et al. 2014)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.data.public.findings import NORMAL, PATHOLOGICAL
from monai_lungxfer.data.public.item import Collection, Item
from monai_lungxfer.data.public.raw import find_below, list_files, unite_masks, wrong_layout

# doi 10.3978/j.issn.2223-4292.2014.11.20
_DEVICES = {"montgomery": "Eureka stationary X-ray machine (CR)", "shenzhen": "Philips DR Digital Diagnost"}
_FINDINGS = {"0": NORMAL, "1": PATHOLOGICAL}  # by the last digit of a name
_MASK_SUFFIX = "_mask"
_LONGEST_READING = 300


def collect_montgomery(raw: Path) -> Collection:
    """List the radiographs with one mask for each lung, heart left out. One without both has no mask."""
    folder, masks = find_below(raw, "CXR_png"), find_below(raw, "ManualMask")
    files = [] if folder is None else list_files(folder, {".png"})
    images = [file for file in files if file.stem.startswith("MCUCXR")]
    sides = [] if masks is None else [masks / "leftMask", masks / "rightMask"]
    masks_of_images = {image: [side / image.name for side in sides] for image in images}
    return _collection(raw, "montgomery", "CXR_png/MCUCXR_*.png", masks_of_images)


def collect_shenzhen(raw: Path) -> Collection:
    """List the radiographs with the masks that were published for 566 of the 662."""
    files = [file for file in list_files(raw, {".png"}) if file.stem.startswith("CHNCXR_")]
    masks = {file.stem.removesuffix(_MASK_SUFFIX): file for file in files if file.stem.endswith(_MASK_SUFFIX)}
    images = [file for file in files if not file.stem.endswith(_MASK_SUFFIX)]
    masks_of_images = {image: [masks[image.stem]] if image.stem in masks else [] for image in images}
    return _collection(raw, "shenzhen", "CHNCXR_*.png", masks_of_images)


def _collection(raw: Path, adapter: str, names: str, images: Mapping[Path, list[Path]]) -> Collection:
    """List images with the files of their masks."""
    if not images:
        raise wrong_layout(raw, adapter, names)
    readings = find_below(raw, "ClinicalReadings")
    facts = ADAPTERS[adapter]
    return Collection(
        [
            Item(
                image,
                name=image.stem,
                patient=image.stem.rpartition("_")[0],
                source=adapter,
                license=facts.license,
                finding=_FINDINGS.get(image.stem.rpartition("_")[2]),
                finding_text=_read_reading(readings, image.stem),
                view="PA",
                device=_DEVICES[adapter],
                mask=unite_masks(masks) if masks and all(mask.is_file() for mask in masks) else None,
                mask_convention=facts.mask_convention,
            )
            for image, masks in images.items()
        ]
    )


def _read_reading(folder: Path | None, stem: str) -> str | None:
    """Return on one line what the clinical reading says of the lungs, without the lines on sex and age."""
    file = folder / f"{stem}.txt" if folder else None
    if file is None or not file.is_file():
        return None
    lines = [line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    return " ".join(line for line in lines if line and not _is_personal(line))[:_LONGEST_READING] or None


def _is_personal(line: str) -> bool:
    lower = line.lower()
    return "sex" in lower or "age:" in lower or lower.startswith(("male", "female"))

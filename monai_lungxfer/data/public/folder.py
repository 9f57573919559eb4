"""Any folder of images with masks of the same names, and one sub-folder for each finding."""

from __future__ import annotations

import re
from pathlib import Path

from monai_lungxfer.data.public.cohen import UNKNOWN_LICENSE
from monai_lungxfer.data.public.findings import COVID19, parse_finding
from monai_lungxfer.data.public.item import Collection, Draw, Facts, Item, Skipped
from monai_lungxfer.data.public.raw import PICTURES, list_files, unite_masks, wrong_layout
from monai_lungxfer.utils.errors import LungXferError

SUFFIXES = PICTURES | {
    *(".bmp", ".dcm", ".dicom", ".gif", ".gz", ".j2k", ".jp2", ".mha", ".mhd", ".nii", ".nrrd", ".webp")
}
"""Suffixes of all formats that images and masks may have."""

_IMAGE_FOLDERS = frozenset({"image", "images"})
_MASK_FOLDERS = frozenset({"mask", "masks", "label", "labels", "segmentation", "segmentations"})
_MASK_ENDING = re.compile(r"[-_](mask|msk|label|seg)$", re.IGNORECASE)
_FINDINGS = frozenset({"normal", "healthy", "control", "controls", "pathological", "abnormal", "pneumonia", COVID19})

Key = tuple[str, ...]
"""Folders, without those for images and masks, and stem."""


def collect(raw: Path, facts: Facts | None = None, apart: Path | None = None) -> Collection:
    """Match images and masks by their names.

    A mask is in a folder called `masks` (or `labels`, …), or has a name that ends in ``_mask``. The folder that
    is left when `images` and `masks` are taken out of the path is the finding: `images/covid19/1.png`,
    `covid19/images/1.png` and `covid19/1.png` are the same. `facts` say what is known of all images.
    Masks may lie in a folder `apart`, which has the sub-folders of the images', such as that of corrected masks.
    """
    facts = facts or Facts()
    pattern = compile_pattern(facts.patient_pattern)
    images: dict[Key, Path] = {}
    masks: dict[Key, Path] = {}
    found = Collection()
    for folder in (raw,) if apart is None else (apart, raw):  # of two masks, the one that lies apart counts
        for file in list_files(folder, SUFFIXES):
            key, is_mask = split_name(file.relative_to(folder))
            first = (masks if is_mask or folder == apart else images).setdefault(key, file)
            if first != file:
                above = raw if apart is None or not first.is_relative_to(apart) else apart
                found.skipped.append(Skipped(file, f"has the same name as {first.relative_to(above)}"))
    if not images:
        raise wrong_layout(raw, "folder", "images")
    for key, image in images.items():
        mask = masks.pop(key, None)
        add_item(found, image, key, None if mask is None else unite_masks([mask]), facts, pattern)
    found.skipped += [Skipped(mask, "is a mask without an image") for mask in masks.values()]
    note_patients(found, pattern)
    return found


def note_patients(found: Collection, pattern: re.Pattern[str] | None) -> None:
    """Note that nobody said who the images are of, where that is so."""
    if pattern is None:
        found.notes.append("every image counts as a patient of its own, since no pattern for patients was given")


def compile_pattern(pattern: str | None) -> re.Pattern[str] | None:
    """Compile a pattern for patients, see `Facts`; LungXferError is raised when it is none, or has no group."""
    if pattern is None:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise LungXferError(f"{pattern!r} is not a regular expression ({error})", remedy="Correct it") from error
    if not compiled.groups:
        raise LungXferError(
            f"{pattern!r} has no group that would be the patient", remedy=r"Put it into brackets, as in '^(p\d+)_'"
        )
    return compiled


def split_name(path: Path) -> tuple[Key, bool]:
    """Return what a relative path calls an image, and whether it is one of a mask."""
    folders = [part for part in path.parts[:-1] if part.lower() not in _IMAGE_FOLDERS | _MASK_FOLDERS]
    is_mask = any(part.lower() in _MASK_FOLDERS for part in path.parts[:-1])
    stem = path.name.removesuffix(path.suffix)
    if path.suffix.lower() == ".gz":
        stem = Path(stem).stem
    plain = _MASK_ENDING.sub("", stem)
    return (*folders, plain), is_mask or plain != stem


def add_item(
    found: Collection, image: Path, key: Key, mask: Draw | None, facts: Facts, pattern: re.Pattern[str] | None
) -> None:
    """Add an image with what its name and `facts` say; it is skipped when no patient is found in its name."""
    name = "-".join(key)
    match = pattern.search(key[-1]) if pattern else None
    patient = match[1] if match else None
    if pattern is not None and not patient:
        found.skipped.append(Skipped(image, "has a name in which the pattern finds no patient"))
        return
    label = key[0] if len(key) > 1 else None
    found.items.append(
        Item(
            image,
            name=name,
            patient=patient or name,
            source="folder",
            license=facts.license or UNKNOWN_LICENSE,
            finding=None if label is None else _finding(label),
            finding_text=label,
            view=facts.view,
            device=facts.device,
            mask=mask,
            mask_convention=facts.mask_convention,
        )
    )


def _finding(label: str) -> str | None:
    plain = label.strip().lower()
    # A folder may be named after anything; what is not known as a finding stays as it is called.
    finding = parse_finding(plain)
    return finding if plain in _FINDINGS or finding == COVID19 else plain

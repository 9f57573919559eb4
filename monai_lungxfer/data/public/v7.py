"""Lung annotations of the V7 COVID-19 X-ray dataset, as Darwin files or as semantic masks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.data.public.cohen import UNKNOWN_LICENSE
from monai_lungxfer.data.public.darwin import LUNGS, Annotation, draw_annotation, read_annotation
from monai_lungxfer.data.public.findings import parse_finding
from monai_lungxfer.data.public.item import Collection, DrawnMask, Item, Skipped
from monai_lungxfer.data.public.kermany import VIEW, parse_name
from monai_lungxfer.data.public.raw import PICTURES, check_shape, list_files, wrong_layout
from monai_lungxfer.utils.errors import DatalistError, InputFileError, LungXferError

CONVENTION = ADAPTERS["v7"].mask_convention
_LUNG, _IGNORE = 255, 127  # class_mapping.csv next to the semantic masks
_MASK_FOLDERS = frozenset({"masks", "all-images-semantic-masks", "all-images-semantic-png"})
# Tags that name a disease without the word pneumonia. Others name age, sex or outcome.
_DISEASES = frozenset(
    {"ards", "sars", "covid-19", "chlamydophila", "e.coli", "influenza", "klebsiella", "legionella", "mycoplasma"}
) | {"pneumocystis", "streptococcus", "varicella", "no finding"}


def load_annotations(raw: Path) -> tuple[list[Annotation], list[Skipped]]:
    """Read all Darwin files below a folder, each image once, and list those that cannot be read.

    JSON of other kinds is passed over.
    """
    annotations: dict[tuple[str, tuple[str, ...]], Annotation] = {}
    skipped = []
    for file in list_files(raw, {".json"}):
        try:
            annotation = read_annotation(file)
        except LungXferError as error:
            skipped.append(Skipped(file, error.problem))
            continue
        if annotation is not None:
            # The published archives overlap, and name the file of an image alike.
            annotations.setdefault((file.stem, annotation.names), annotation)
    return list(annotations.values()), skipped


def collect(raw: Path) -> Collection:
    """List the images that are below the folder, by their annotations or else by their semantic masks."""
    annotations, skipped = load_annotations(raw)
    pictures = list_files(raw, PICTURES)
    masks = {file.stem: file for file in pictures if file.parent.name in _MASK_FOLDERS}
    images = {file.name: file for file in pictures if file.parent.name not in _MASK_FOLDERS}
    if not annotations and not masks:
        raise wrong_layout(raw, "v7", "Darwin files *.json, and no semantic masks")
    found = Collection(skipped=skipped)
    absent = []
    for annotation in annotations:
        name = next((name for name in annotation.names if name in images), None)
        if name is None:
            absent.append(annotation.names[0])
        else:
            found.items.append(_annotated(images.pop(name), annotation))
    found.items += [
        replace(_item(image, image.name, image.stem), mask=partial(read_semantic_mask, masks[image.stem]))
        for image in images.values()
        if image.stem in masks
    ]
    _check_masks(found, annotations)
    if absent:
        found.notes.append(f"{len(absent)} annotated images are not there (first: {absent[0]})")
    unknown = sum(item.patient.startswith("v7-") for item in found.items)
    if unknown:
        found.notes.append(
            f"{unknown} images do not say who they are of, and each counts as a patient of its own; "
            "the data set 'general' knows the patients"
        )
    return found


def _check_masks(found: Collection, annotations: list[Annotation]) -> None:
    """Refuse images of which not one has a mask, and name the classes that were found instead of lungs."""
    if found.items and all(item.mask is None for item in found.items):
        classes = sorted({name for annotation in annotations for name in annotation.classes})
        raise DatalistError(
            f"no annotation marks a lung; there are {', '.join(classes) or 'tags alone'}",
            source=annotations[0].file.parent,
            remedy=f"Name the class of the lungs {', '.join(sorted(LUNGS))}, in any case",
        )


def _annotated(image: Path, annotation: Annotation) -> Item:
    tags = [tag for tag in annotation.tags if "pneumonia" in tag.lower() or tag.lower() in _DISEASES]
    item = _item(image, annotation.names[0], annotation.file.stem)
    mask = partial(draw_annotation, annotation) if annotation.lungs else None
    return replace(item, finding=parse_finding(*tags), finding_text=", ".join(tags) or None, mask=mask)


def _item(image: Path, original_name: str, identifier: str) -> Item:
    """Return what the original name of an image says: images of Kermany et al. are known by it."""
    parsed = parse_name(Path(original_name).stem)
    patient, source, terms, view = (
        (parsed[0], "kermany-v7", ADAPTERS["kermany"].license, VIEW)
        if parsed
        else (f"v7-{identifier}", "v7", UNKNOWN_LICENSE, None)
    )
    name = f"v7-{identifier}"
    return Item(image, name, patient, source, terms, view=view, mask_convention=CONVENTION)


def read_semantic_mask(file: Path, height: int, width: int) -> DrawnMask:
    """Read a mask of 0 (background), 127 (ignored) and 255 (lung); what lies under a foreign object is not lung."""
    from monai_lungxfer.io.radiograph import read_radiograph  # imports MONAI, which listing a folder does without

    levels = read_radiograph(file).pixels
    check_shape(levels, height, width, file)
    others = np.setdiff1d(levels, (0, _IGNORE, _LUNG))
    if others.size:
        raise InputFileError(f"has the level {others[0]:g}", source=file, remedy="Give masks of 0, 127 and 255")
    return DrawnMask(levels == _LUNG, levels == _IGNORE)

"""The general set of the method's paper: images of Cohen and of Kermany et al. with the masks of V7."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial
from pathlib import Path

from PIL import Image

from monai_lungxfer.data.public import cohen, kermany
from monai_lungxfer.data.public.darwin import Annotation, draw_annotation
from monai_lungxfer.data.public.findings import COVID19, NORMAL, PATHOLOGICAL
from monai_lungxfer.data.public.item import Collection, Item, Skipped
from monai_lungxfer.data.public.raw import wrong_layout
from monai_lungxfer.data.public.v7 import CONVENTION, load_annotations

EXPECTED = {COVID19: 438, PATHOLOGICAL: 4262, NORMAL: 1602}
"""Images of each finding in Vidal et al. 2021, Expert Systems with Applications 173, 114677."""


def collect(raw: Path) -> Collection:
    """Join images in `cohen/` and `kermany/`, of which one may be absent, with annotations in `v7/` by their names."""
    annotations, skipped = load_annotations(raw / "v7") if (raw / "v7").is_dir() else ([], [])
    if not annotations:
        raise wrong_layout(raw, "general", "Darwin files in v7/")
    images = _images(raw)
    images.skipped += skipped
    by_name: dict[str, list[Item]] = defaultdict(list)
    for item in images.items:
        by_name[item.image.name].append(item)
    found = Collection(skipped=images.skipped, notes=images.notes)
    absent: list[str] = []
    for annotation in annotations:
        _join(found, annotation, by_name, absent)
    if absent:
        found.notes.append(f"{len(absent)} annotated radiographs are not among the images (first: {absent[0]})")
    without = len(images.items) - len({item.image for item in found.items})
    if without:
        found.notes.append(f"{without} images have no lung annotation and were left out")
    found.notes += _missing(found.items)
    return found


def _images(raw: Path) -> Collection:
    both = Collection()
    parts = {"cohen": cohen.collect, "kermany": kermany.collect}
    present = [name for name in parts if (raw / name).is_dir()]
    if not present:
        raise wrong_layout(raw, "general", "cohen/ or kermany/")
    both.notes += [f"the folder {name}/ is not there" for name in parts if name not in present]
    for name in present:
        part = parts[name](raw / name)
        both.items += part.items
        both.skipped += part.skipped
        both.notes += [f"{name}: {note}" for note in part.notes]
    return both


def _join(found: Collection, annotation: Annotation, by_name: dict[str, list[Item]], absent: list[str]) -> None:
    if not annotation.lungs:
        return  # lateral radiographs and CT, which have tags only
    candidates = next((by_name[name] for name in annotation.names if by_name.get(name)), [])
    if not candidates:
        absent.append(annotation.names[0])
        return
    if len(candidates) > 1:  # the same name in two folders
        candidates = [item for item in candidates if _size(item.image) == (annotation.width, annotation.height)]
    if len(candidates) != 1:
        found.skipped.append(Skipped(annotation.file, f"fits {len(candidates)} images of the same name by their size"))
        return
    (item,) = candidates
    mask = partial(draw_annotation, annotation)
    found.items.append(replace(item, source=f"{item.source}-v7", mask=mask, mask_convention=CONVENTION))


def _size(image: Path) -> tuple[int, int] | None:
    try:
        with Image.open(image) as opened:
            return opened.size
    except (OSError, SyntaxError, Image.DecompressionBombError):
        return None


def _missing(items: list[Item]) -> list[str]:
    counts = Counter(item.finding for item in items)
    notes = [
        f"{finding}: {counts[finding]} of the {expected} images in the paper"
        for finding, expected in EXPECTED.items()
        if counts[finding] != expected
    ]
    if counts[None]:
        notes.append(f"{counts[None]} images have no known finding")
    return notes

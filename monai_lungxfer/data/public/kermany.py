"""Paediatric chest radiographs of Kermany et al.: findings and patients are in the file names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.data.public.findings import NORMAL, PATHOLOGICAL
from monai_lungxfer.data.public.item import Collection, Item, Skipped
from monai_lungxfer.data.public.raw import PICTURES, list_files, wrong_layout

VIEW = "AP (pediatric)"

_FOLDERS = frozenset({"train", "test", "val"})
_CLASSES = frozenset({"NORMAL", "PNEUMONIA"})
_SICK = re.compile(r"person(?P<patient>\d+)_(?P<finding>bacteria|virus)_\d+", re.IGNORECASE)
_HEALTHY = re.compile(r"(?:NORMAL\d*-)?IM-(?P<patient>\d+)-\d+(?:-\d+)?", re.IGNORECASE)
# The names of the data set's third version.
_THIRD = re.compile(r"(?P<finding>NORMAL|BACTERIA|VIRUS)-(?P<patient>\d+)-\d+", re.IGNORECASE)


def parse_name(stem: str) -> tuple[str, str] | None:
    """Read patient and finding from the name of a file.

    The same number is taken for the same patient, whether the name says bacteria or virus, and whatever comes
    before ``IM``. This cannot be ruled out, and images of one patient must not get on both sides of a split.

    Names without suffix are ``person123_bacteria_456``, ``IM-0115-0001``, ``NORMAL2-IM-0588-0001``, ``VIRUS-12-0001``.
    The first gives ``kermany-person123`` and ``bacteria``. None is returned for any other name.
    """
    if match := _SICK.fullmatch(stem):
        return f"kermany-person{int(match['patient'])}", match["finding"].lower()
    if match := _HEALTHY.fullmatch(stem):
        return f"kermany-IM-{int(match['patient']):04d}", NORMAL
    if match := _THIRD.fullmatch(stem):
        return f"kermany-{int(match['patient'])}", match["finding"].lower()
    return None


def collect(raw: Path) -> Collection:
    """List the images of the three folders."""
    images = _in_place(list_files(raw, PICTURES))
    if not images:
        raise wrong_layout(raw, "kermany", "images in train/, test/ and val/ with NORMAL/ and PNEUMONIA/")
    found = Collection()
    for image in images:
        parsed = parse_name(image.stem)
        if parsed is None:
            found.skipped.append(Skipped(image, "has a name that says neither patient nor finding"))
        else:
            found.items.append(_item(image, *parsed))
    return found


def _in_place(files: Iterable[Path]) -> list[Path]:
    """Keep what lies in the three folders, and each file once: Kaggle's archive has the whole set twice."""
    once: dict[tuple[str, ...], Path] = {}
    for file in files:
        place = file.parts[-3:]
        if len(place) == 3 and place[0] in _FOLDERS and place[1] in _CLASSES:
            once[place] = min(once.get(place, file), file, key=lambda path: len(path.parts))
    return [once[place] for place in sorted(once)]


def _item(image: Path, patient: str, finding_text: str) -> Item:
    return Item(
        image,
        name=f"kermany-{image.stem}",
        patient=patient,
        source="kermany",
        license=ADAPTERS["kermany"].license,
        finding=NORMAL if finding_text == NORMAL else PATHOLOGICAL,
        finding_text=finding_text,
        view=VIEW,
    )

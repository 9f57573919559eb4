"""The form of one record of a datalist, in memory (absolute paths) and in a JSON file (relative paths).

A record may state by which rules its mask was drawn: lungs with or without the heart are not the same lungs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

from monai_lungxfer.utils.errors import DatalistError
from monai_lungxfer.utils.json_files import load_json

MIXED_REMEDY = "Train on masks of one convention; or allow the mixture with --allow-mixed-masks if it is what you want"

_PATH_KEYS = ("image", "label", "ignore")
_TEXT_KEYS = (*_PATH_KEYS, "patient", "finding")
_REMEDIES = {
    "image": "Name the image file, relative to the datalist's folder",
    "label": "Name its mask file, relative to the datalist's folder",
    "ignore": "Name the file of the pixels marked as foreign objects, or leave it out",
    "patient": "Add who the image is of, by any pseudonym; without it a patient could get on both sides of a split",
    "finding": "Name the finding, as in normal, pathological or covid19, or leave it out",
}


class Record(TypedDict):
    """One image of a data set; a plain dict, so that MONAI's datasets take it as it is.

    The common fields are named here. A datalist may have any others, and they are kept.
    """

    image: str
    patient: str
    label: NotRequired[str]
    finding: NotRequired[str]
    view: NotRequired[str]
    source: NotRequired[str]
    license: NotRequired[str]
    mask_convention: NotRequired[str]
    ignore: NotRequired[str]
    ignore_fraction: NotRequired[float]


def read_json(file: Path) -> Any:
    """Return the content of a JSON file; a byte-order mark, as Windows editors write it, is accepted.

    Raises
    ------
    DatalistError
        When it cannot be read or is not JSON.
    """
    try:
        return load_json(file, encoding="utf-8-sig")
    except OSError as error:
        raise DatalistError(
            f"cannot be read ({error.strerror or error})", source=file, remedy="Check the path and its permissions"
        ) from error
    except ValueError as error:  # malformed JSON, or bytes that are not UTF-8
        raise DatalistError(
            f"is not a JSON file ({error})", source=file, remedy="Correct or re-create it; it may have been cut short"
        ) from error


def read_object(file: Path, **kinds: type | tuple[type, ...]) -> dict[str, Any]:
    """Return the JSON object in a file that the package wrote itself.

    Raises
    ------
    DatalistError
        When it cannot be read, is not an object, or what `kinds` name is not of these types, or missing.
    """
    content = read_json(file)
    if isinstance(content, dict) and all(isinstance(content.get(name), kinds[name]) for name in kinds):
        return content
    raise DatalistError("was changed, or is damaged", source=file, remedy="Restore it, or begin in another folder")


def resolve_records(
    entries: Any, folder: Path, *, source: Path, name: str = "record", labels_required: bool = True
) -> list[Record]:
    """Check the form of what JSON gave, and make paths that are relative to `folder` absolute.

    Raises
    ------
    DatalistError
        When it is not a list of objects, a record is malformed, or lacks a `label` that is required. The message names
        the file (`source`) and the record by `name` and place, as in `record[3]`, counted from 0.
    """
    if not isinstance(entries, list):
        raise DatalistError(
            f"holds {_kind(entries)} where the list of records should be",
            source=source,
            remedy='Write [{"image": "…", "label": "…", "patient": "…"}, …]',
        )
    required = ("image", "patient", "label") if labels_required else ("image", "patient")
    return [_resolved(entry, f"{name}[{index}]", folder, source, required) for index, entry in enumerate(entries)]


def path_below(path: str, root: Path) -> str:
    """Return `path` relative to `root` with forward slashes, or unchanged when it is not below `root`.

    The comparison is by name, so `/data/lists/../images/1.png` below `/data/lists` gives `../images/1.png`,
    just what the datalist said.
    """
    return Path(path).relative_to(root).as_posix() if Path(path).is_relative_to(root) else path


def image_name(image: str, root: Path) -> str:
    """Return what an image, given by the path in its record, is called in reports.

    This is its path below `root`, the data set's folder, with forward slashes. An image elsewhere gets the name of its
    file alone, since a folder may be named after somebody. Eight digits of the SHA-256 of its path come first, since
    other folders may hold files of the same name.
    """
    path = Path(path_below(str(Path(image).absolute()), root))
    if not path.is_absolute() and ".." not in path.parts:
        return path.as_posix()
    return f"{hashlib.sha256(os.fsencode(path.as_posix())).hexdigest()[:8]}-{path.name}"


def relative_records(records: Iterable[Record], root: Path) -> list[dict[str, Any]]:
    """Return copies of the records, with paths relative to `root` where they are below it."""
    copies = [cast("dict[str, Any]", dict(record)) for record in records]
    for copy in copies:
        copy.update({key: path_below(copy[key], root) for key in _PATH_KEYS if key in copy})
    return copies


def mask_convention(record: Record) -> str | None:
    """Return the convention that a record states for its mask, None without a mask or a statement."""
    stated = record.get("mask_convention") if "label" in record else None
    return str(stated) if stated else None


def check_mask_conventions(records: Iterable[Record], *, allow_mixed: bool = False, source: str | Path) -> None:
    """Refuse a data set whose masks were drawn by different conventions.

    A network that learns from both lungs with the heart behind them (``v7``) and lungs without (``scr``,
    ``montgomery``) learns neither. Records that state no convention are not judged.

    Raises
    ------
    DatalistError
        When there are two conventions or more, unless `allow_mixed`. The message names `source`, the data set.
    """
    stated = sorted({convention for record in records if (convention := mask_convention(record))})
    if len(stated) > 1 and not allow_mixed:
        raise DatalistError(f"mixes masks of the conventions {', '.join(stated)}", source=source, remedy=MIXED_REMEDY)


def _resolved(entry: Any, name: str, folder: Path, source: Path, required: tuple[str, ...]) -> Record:
    if not isinstance(entry, dict):
        raise DatalistError(
            f"{name} is {_kind(entry)} instead of an object",
            source=source,
            remedy='Write it as {"image": "…", "label": "…", "patient": "…"}',
        )
    record = dict(entry)
    # Numbers are common as patient identifiers; everything that follows compares them as text.
    if type(record.get("patient")) is int:
        record["patient"] = str(record["patient"])
    for key in _TEXT_KEYS:
        if key in record or key in required:
            _check_text(record, key, name, source)
    for key in _PATH_KEYS:
        if key in record:
            record[key] = str(folder / record[key])
    return cast("Record", record)


def _check_text(record: dict[str, Any], key: str, name: str, source: Path) -> None:
    value = record.get(key)
    if isinstance(value, str) and value.strip():
        return
    if key not in record:
        problem = f'has no "{key}"'
    elif isinstance(value, str):
        problem = f'has an empty "{key}"'
    else:
        problem = f'has {_kind(value)} as "{key}" instead of text'
    image = record.get("image")
    named = f"{name} ({image})" if isinstance(image, str) and image else name
    raise DatalistError(f"{named} {problem}", source=source, remedy=_REMEDIES[key])


def _kind(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")

"""Datalists: which images belong to a data set, with their masks, patients and findings."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from monai_lungxfer.data.lgg import find_lgg_folder, load_lgg
from monai_lungxfer.data.records import Record, path_below, read_json, relative_records, resolve_records
from monai_lungxfer.utils.errors import DatalistError
from monai_lungxfer.utils.files import find_folder, hash_file, write_text

logger = logging.getLogger(__name__)

DATALIST_NAME = "datalist.json"
_DECATHLON_SECTIONS = ("training", "validation", "test")


def load_datalist(path: str | Path, *, labels_required: bool = True) -> list[Record]:
    """Read the records of a data set. The images themselves are not touched.

    Parameters
    ----------
    path : str or pathlib.Path
        A datalist file, a folder that holds `datalist.json`, or the Kaggle folder of the LGG segmentation data
        (`kaggle_3m` or the folder above it). A file is a JSON list of records, or a dict with one or more of the
        sections `training`, `validation` and `test`, as in the Medical Segmentation Decathlon; they are joined. In
        `test`, an image without a mask may be its path alone.
    labels_required : bool
        Whether a record without a mask (`label`) is an error. If so, images of `test` that are paths alone are left
        out, else each counts as a patient of its own.

    Returns
    -------
    list of Record
        In the file's order. `image` and `label` are absolute; relative ones start at the datalist's folder.

    Raises
    ------
    DatalistError
        When there is no datalist, when it is not JSON, empty or of another form, or when a record has no `image`,
        `patient` or (if required) `label`. The message names the file and the record, counted from 0.
    """
    path = Path(path).absolute()
    file = path / DATALIST_NAME if find_folder(path) else path
    if file.is_file():
        return _load_file(file, labels_required)
    lgg = find_lgg_folder(path)
    if lgg is not None:
        return load_lgg(lgg)
    raise DatalistError(
        f"holds neither {DATALIST_NAME} nor the LGG data's folders TCGA_*" if path.is_dir() else "does not exist",
        source=path,
        remedy=f"Give a datalist file, a folder that holds {DATALIST_NAME}, or the folder kaggle_3m of the LGG data",
    )


def data_root(path: str | Path) -> Path:
    """Return the absolute folder that the relative paths of a data set, named as for `load_datalist`, start from."""
    path = Path(path).absolute()
    if path.is_file():
        return path.parent
    if (path / DATALIST_NAME).is_file():
        return path
    return find_lgg_folder(path) or path


def save_datalist(records: Sequence[Record], path: str | Path) -> None:
    """Write records as a JSON list, all or nothing.

    Parameters
    ----------
    records : sequence of Record
        With absolute paths. Those below the folder of `path` are written relative to it, so that it can be moved.
    path : str or pathlib.Path
        The file to write; an older one is replaced.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    path = Path(path).absolute()
    text = json.dumps(relative_records(records, path.parent), indent=1, ensure_ascii=False)
    write_text(path, text + "\n")


def hash_dataset(records: Iterable[Record], root: str | Path) -> str:
    """Return a SHA-256 (64 hexadecimal digits) of a data set: images, masks, patients, findings, content of files.

    The same data give the same hash, in any order of the records and wherever `root` (see `data_root`) lies.

    Raises
    ------
    DatalistError
        When a file cannot be read.
    """
    folder = Path(root)
    content = sorted(
        [path_below(record["image"], folder), record["patient"], record.get("finding", "")]
        + [_hash(record[key]) for key in ("image", "label") if key in record]  # type: ignore[literal-required]
        for record in records
    )
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _load_file(file: Path, labels_required: bool) -> list[Record]:
    content = read_json(file)
    if isinstance(content, dict):
        sections = {name: content[name] for name in _DECATHLON_SECTIONS if name in content}
        if isinstance(test := sections.get("test"), list):
            sections["test"] = _described(test, file, keep=not labels_required)
        if not sections or "format" in content:
            raise DatalistError(
                "is not a datalist",
                source=file,
                remedy="Write a JSON list of records, or a dict with the sections " + ", ".join(_DECATHLON_SECTIONS),
            )
    else:
        sections = {"record": content}
    records = [
        record
        for name, entries in sections.items()
        for record in resolve_records(entries, file.parent, source=file, name=name, labels_required=labels_required)
    ]
    if not records:
        raise DatalistError("has no records", source=file, remedy="List at least one image")
    return records


def _described(entries: list[Any], file: Path, *, keep: bool) -> list[Any]:
    """Make records of images that are named by their paths alone, or leave them out."""
    plain = sum(isinstance(entry, str) for entry in entries)
    if plain and not keep:
        logger.info("%s: %d images of the section test have no masks and are left out", file, plain)
        return [entry for entry in entries if not isinstance(entry, str)]
    return [{"image": entry, "patient": entry} if isinstance(entry, str) else entry for entry in entries]


def _hash(path: str) -> str:
    try:
        return hash_file(path)
    except OSError as error:
        raise DatalistError(
            f"cannot be read ({error.strerror or error})", source=path, remedy="Restore it, or remove its record"
        ) from error

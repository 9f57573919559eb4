"""What a command has left in a folder, without what depends on the clock or the place, and how two such differ."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sqlite3
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pydicom
from PIL import Image

Record = tuple[str, str, str]
"""Name of a file, key of a row in it (empty for the file as a whole), and the content."""

_IDENTITY = re.compile(r"[0-9a-f]{32}|(?<=study-)[0-9a-f]{8}")
_VOLATILE = re.compile(r"seconds|_ms$|^(id|at|run|environment|mlflow_run|parent_run|threads|version)$")
_PRESENT_ALONE = (".jsonl", ".lock", ".html", ".svg")
"""Files that are checked to be there: journals, whose order is free, and pages that tell times."""
_PRESENT_NAMES = ("mlflow_run", "resume.pt", "MLmodel", "failed.json")
_INPUTS = "in"
_LOCKS = "tmp/monai_lungxfer-*.lock"
"""Empty files that stay, one a database: whoever deletes such a file may let two processes in."""


@dataclass
class Difference:
    """How many records are lost, doubled or wrong, how many files are left over, and all of them in words."""

    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    leftovers: int = 0
    notes: list[str] = field(default_factory=list)


def read_outcome(place: Path, *, tracked: bool = True) -> list[Record]:
    """Return the records of all files in a folder but its inputs.

    Parameters
    ----------
    place : pathlib.Path
        Where the command has run.
    tracked : bool
        Whether what MLflow's databases hold counts.
    """
    records = []
    for path in sorted(place.rglob("*")):
        inside = path.relative_to(place)
        name = _IDENTITY.sub("ID", inside.as_posix())
        if inside.parts[0] == _INPUTS or inside.match(_LOCKS) or (path.is_dir() and any(path.iterdir())):
            continue
        if path.is_dir():
            records.append((f"{name}/", "", ""))
        elif path.suffix == ".db":
            records.append((name, "", ""))
            records += [(name, *map(_without_identity, row)) for row in _database(path)] if tracked else []
        elif path.name.startswith("."):
            records.append((name, "", ""))
        else:
            records += [(name, *row) for row in _rows(path, str(place))]
    return records


def _without_identity(text: str) -> str:
    return _IDENTITY.sub("ID", text)


def compare_outcomes(wanted: list[Record], found: list[Record], *, repeatable: bool = False) -> Difference:
    """Compare what should be there with what is there; what a command makes anew at each start may be there twice."""
    difference = Difference()
    names = {name for name, _, _ in wanted}
    folders = {parent for name in names for parent in PurePosixPath(name).parents}
    strange = {
        _top_of(name, folders) for name, _, _ in found if name not in names and PurePosixPath(name) not in folders
    }
    difference.leftovers = len(strange)
    difference.notes += [f"left over: {name}" for name in sorted(strange)]
    before, now = _by_key(wanted), _by_key([record for record in found if record[0] in names])
    for name, key in sorted(before.keys() | now.keys()):
        old, new = before.get((name, key), Counter()), now.get((name, key), Counter())
        more = new.total() - old.total()
        what = f"{name} {key}".strip()
        if more < 0:
            difference.lost -= more
            difference.notes.append(f"lost: {what}")
        elif more > 0 and not (repeatable and old):
            difference.doubled += more
            difference.notes.append(f"{'doubled' if old else 'not asked for'}: {what}")
        elif not old <= new:
            difference.wrong += 1
            difference.notes.append(f"wrong: {what}")
    return difference


def broken_files(place: Path) -> Iterator[str]:
    """Yield the files that have their final names and cannot be read."""
    for path in sorted(place.rglob("*")):
        inside = path.relative_to(place)
        hidden = any(part.startswith(".") for part in inside.parts)
        if inside.parts[0] in (_INPUTS, "tmp") or hidden or not path.is_file():
            continue
        try:
            _check_whole(path)
        except Exception as error:  # noqa: BLE001 - whatever a reader says of it
            yield f"half-written: {inside.as_posix()} ({type(error).__name__})"


def _check_whole(path: Path) -> None:
    if path.suffix in (".png", ".jpg"):
        with Image.open(path) as image:
            image.load()
    elif path.suffix == ".json":
        json.loads(path.read_text(encoding="utf-8"))
    elif path.suffix in (".pt", ".zip"):
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise ValueError("a checksum is wrong")
    elif path.suffix == ".dcm":
        len(pydicom.dcmread(path).PixelData)
    elif path.suffix in (".csv", ".html", ".yaml", ".svg") and path.stat().st_size == 0:
        raise ValueError("empty")


def _top_of(name: str, folders: set[PurePosixPath]) -> str:
    """Return the outermost part of a path that is not among the folders that should be there."""
    path = PurePosixPath(name)
    return str(next((parent for parent in [*path.parents][::-1] if parent not in folders), path))


def _by_key(records: list[Record]) -> Mapping[tuple[str, str], Counter[str]]:
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for name, key, value in records:
        found[name, key][value] += 1
    return found


def _rows(path: Path, place: str) -> list[tuple[str, str]]:
    if path.suffix in _PRESENT_ALONE or path.name in _PRESENT_NAMES:
        return [("", "")]
    if path.suffix == ".dcm":
        return [("", _segmentation(path))]
    content = path.read_bytes()
    if path.suffix in (".pt", ".png", ".jpg"):
        return [("", hashlib.sha256(content).hexdigest())]
    text = _IDENTITY.sub("ID", content.decode("utf-8", errors="replace").replace(place, "PLACE"))
    if path.suffix == ".csv":
        return [("", ""), *_table(text)]
    if path.suffix == ".json":
        return _document(text)
    return [("", hashlib.sha256(text.encode()).hexdigest())]


def _table(text: str) -> Iterator[tuple[str, str]]:
    for row in csv.DictReader(io.StringIO(text)):
        kept = {name: value for name, value in row.items() if not _VOLATILE.search(str(name))}
        yield next(iter(row.values())), json.dumps(kept)


def _document(text: str) -> list[tuple[str, str]]:
    try:
        value = _lasting(json.loads(text))
    except ValueError:
        return [("", "not JSON")]
    rows = value if isinstance(value, list) else value.pop("predictions", [])
    named = [(str(row.get("file", row.get("image"))), json.dumps(row)) for row in rows if isinstance(row, dict)]
    return [("", "" if isinstance(value, list) else json.dumps(value)), *named]


def _lasting(value: Any) -> Any:
    """Leave out what is another at every time."""
    if isinstance(value, dict):
        return {name: _lasting(item) for name, item in value.items() if not _VOLATILE.search(name)}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


def _segmentation(path: Path) -> str:
    """Return whose lungs a DICOM segmentation shows, and its pixels."""
    file = pydicom.dcmread(path)
    source = file.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0].ReferencedSOPInstanceUID
    pixels = hashlib.sha256(file.PixelData).hexdigest()
    return f"{file.PatientID} {file.StudyInstanceUID} {source} {pixels}"


def _database(path: Path) -> Iterator[tuple[str, str]]:
    """Yield runs that ended well, each value that they were told, runs that still run, and names of models."""
    with closing(sqlite3.connect(path)) as database:
        runs = database.execute("SELECT run_uuid, name, status FROM runs").fetchall()
        for _, name, status in runs:
            if status in ("FINISHED", "RUNNING"):
                yield f"run {name} {status}", ""
        finished = {run: name for run, name, status in runs if status == "FINISHED"}
        for run, metric, step in database.execute("SELECT run_uuid, key, step FROM metrics"):
            if run in finished and not metric.startswith("system/"):
                yield f"{finished[run]}: {metric} {step}", ""
        yield from _models(database)


def _models(database: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for name, alias, version in database.execute("SELECT name, alias, version FROM registered_model_aliases"):
        tags = database.execute(
            "SELECT key, value FROM model_version_tags WHERE name = ? AND version = ?", (name, version)
        )
        yield f"{name}@{alias}", json.dumps(sorted(tags.fetchall()))

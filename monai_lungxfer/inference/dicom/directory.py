"""What a DICOMDIR lists: the files of a CD that count, and not the viewer's pictures beside them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.attributes import read_items
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.dicom_identity import read_text
from monai_lungxfer.io.formats.quiet import quiet

logger = logging.getLogger(__name__)

_NAME = "DICOMDIR"
_RECORDS = "DirectoryRecordSequence"
_UNUSED = "0"  # Record In-use Flag (0004,1410) of a record that was deleted: PS3.3, F.3.2.1


def find_directory(folder: Path, names: Iterable[str]) -> Path | None:
    """Return the DICOMDIR among the names of a folder's files, whatever its case, or ``None``."""
    return next((folder / name for name in sorted(names) if _plain(name) == _NAME.casefold()), None)


def listed_files(directory: Path) -> list[Path] | None:
    """Return the files that a DICOMDIR refers to, sorted, each once; also those that are missing.

    ``None`` is returned where it cannot be read or is cut short, which the log tells, or where none of its files is
    there: then it is not that of the files beside it. Names are found whatever their case, and with a version number,
    as some drivers show those of a CD (ISO 9660).
    """
    records = _read_records(directory)
    if records is None:
        logger.warning("A DICOMDIR cannot be read or is cut short, so all files that lie with it are looked at")
        return None
    paths = [read_text(record, "ReferencedFileID") for record in records if _is_used(record)]
    known: dict[Path, dict[str, Path]] = {}
    files = {_find(directory.parent, path.replace("/", "\\").split("\\"), known) for path in paths if path}
    return sorted(files) if any(file.is_file() for file in files) else None


def _read_records(directory: Path) -> list[Dataset] | None:
    """Return the records, ``None`` when they are not all there."""
    try:
        with quiet():
            dataset = read_dataset(directory)
            raw = dataset.get_item(_RECORDS)
            is_cut = raw is None or (isinstance(raw, RawDataElement) and len(raw.value or b"") < raw.length)
            return None if is_cut else read_items(dataset, _RECORDS)
    except Exception:  # noqa: BLE001 - pydicom raises anything for malformed files
        return None


def _is_used(record: Dataset) -> bool:
    return read_text(record, "RecordInUseFlag") != _UNUSED


def _find(folder: Path, parts: list[str], known: dict[Path, dict[str, Path]]) -> Path:
    """Return the file below a folder, which it does not lead out of; the names below each folder are kept."""
    path = folder
    for part in parts:
        if part in ("", ".", ".."):
            continue
        if path not in known:
            known[path] = {_plain(child.name): child for child in path.iterdir()} if path.is_dir() else {}
        path = path / part if (path / part).exists() else known[path].get(_plain(part), path / part)
    return path


def _plain(name: str) -> str:
    return name.partition(";")[0].rstrip(".").casefold()

"""A hash of a whole data set, by which results of the same data are told from those of other data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from monai_lungxfer.data.records import Record, path_below
from monai_lungxfer.utils.errors import DatalistError
from monai_lungxfer.utils.files import hash_file

__all__ = ["data_hash"]


def data_hash(records: Iterable[Record], root: str | Path) -> str:
    """Hash which images, masks, patients and findings a data set has, and what is in its files.

    Parameters
    ----------
    records : iterable of Record
        As `monai_lungxfer.data.datalist.load_datalist` gives them; their order has no influence.
    root : str or pathlib.Path
        The data set's folder, see `monai_lungxfer.data.datalist.data_root`; where it lies has no influence.

    Returns
    -------
    str
        SHA-256 as 64 hexadecimal digits.

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


def _hash(path: str) -> str:
    try:
        return hash_file(path)
    except OSError as error:
        raise DatalistError(
            f"cannot be read ({error.strerror or error})", source=path, remedy="Restore it, or remove its record"
        ) from error

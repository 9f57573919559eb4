"""Split files: a patient-wise split of a data set, kept so that it reads the same on every machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_lungxfer.data.datalist import data_root, load_datalist
from monai_lungxfer.data.locked import LOCKED_SHARE
from monai_lungxfer.data.partition import SECTIONS, Split, check_shares, make_split
from monai_lungxfer.data.records import (
    Record,
    check_mask_conventions,
    path_below,
    read_json,
    relative_records,
    resolve_records,
)
from monai_lungxfer.utils.errors import DatalistError
from monai_lungxfer.utils.files import write_text

_FORMAT = "monai_lungxfer split 1"
_ANEW = "Restore it, or choose another output folder or split file (--out)"


def save_split(split: Split, path: str | Path) -> None:
    """Write a split as JSON, all or nothing; paths below `split.root` are relative to it.

    Raises
    ------
    OutputError
        When the file cannot be written.
    """
    optional = {"hold_out_seed": split.hold_out_seed, "locked_share": split.locked_share or None}
    content: dict[str, Any] = {
        "format": _FORMAT,
        "seed": split.seed,
        "fractions": split.fractions,
        "hold_out": split.hold_out,
        **{name: value for name, value in optional.items() if value is not None},
        "hash": split.hash,
    }
    sections = {name: records for name, records in split.sections.items() if records or name != "locked"}
    content |= {name: relative_records(records, split.root) for name, records in sections.items()}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def find_locked_share(path: str | Path, section: str = "") -> float:
    """Return the locked share of a split file, for what measures the section `section` by the same split.

    Without such a file it is `monai_lungxfer.data.locked.LOCKED_SHARE` where the locked section is to be measured,
    else 0.
    """
    if Path(path).exists():
        return float(_read(Path(path)).get("locked_share", 0.0))
    return LOCKED_SHARE if section == "locked" else 0.0


def load_sections(path: str | Path, root: str | Path) -> dict[str, list[Record]]:
    """Read the sections of a split file of the data set `root`, without asking whether they are still as drawn.

    Raises
    ------
    DatalistError
        When the file is not a split, or a record is malformed.
    """
    path = Path(path)
    return _sections(_read(path), path, root)


def load_split(path: str | Path, root: str | Path) -> Split:
    """Read a split file.

    Parameters
    ----------
    path : str or pathlib.Path
        The split file.
    root : str or pathlib.Path
        The data set, as for `load_datalist`; relative paths start there.

    Raises
    ------
    DatalistError
        When the file is not a split, was changed since it was written, or has a patient in two sections.
    """
    path = Path(path)
    content = _read(path)
    sections = _sections(content, path, root)
    try:
        locked_share = float(content.get("locked_share", 0.0))
        shares = check_shares(content["fractions"], content["hold_out"], locked_share)
        seed, expected = int(content["seed"]), content["hash"]
        held_by = None if content.get("hold_out_seed") is None else int(content["hold_out_seed"])
    except (KeyError, TypeError, ValueError, DatalistError) as error:
        raise DatalistError("has no valid seed, fractions, hold_out and hash", source=path, remedy=_ANEW) from error
    split = Split(
        **{name: tuple(records) for name, records in sections.items()},
        seed=seed,
        fractions=shares,
        hold_out=float(content["hold_out"]),
        hold_out_seed=held_by,
        locked_share=locked_share,
        root=data_root(root),
        source=path,
    )
    if split.hash != expected:
        raise DatalistError("was changed since it was written: its hash does not fit", source=path, remedy=_ANEW)
    return split


def ensure_split(
    dataset_dir: str | Path,
    path: str | Path,
    seed: int,
    fractions: Sequence[float] = (0.6, 0.2, 0.2),
    hold_out: float = 0.0,
    *,
    hold_out_seed: int | None = None,
    locked_share: float = 0.0,
    allow_mixed_masks: bool = False,
) -> Split:
    """Load the split from its file, or make it and write the file.

    Several processes may call this at once: each of them draws the same split, the file appears as a whole, and
    what is returned was read from it.

    Parameters
    ----------
    dataset_dir : str or pathlib.Path
        The data set, as for `load_datalist`.
    path : str or pathlib.Path
        The split file.
    seed, fractions, hold_out, hold_out_seed, locked_share
        As for `make_split`.
    allow_mixed_masks : bool
        Whether a split is made of masks of different conventions; one that was made is used in any case.

    Raises
    ------
    DatalistError
        When the file holds a split with other settings or of other data, when a split would mix masks of different
        conventions, or for any reason that `load_datalist`, `make_split` and `load_split` have.
    OutputError
        When the file cannot be written.
    """
    records = load_datalist(dataset_dir)
    others: dict[str, Any] = {"hold_out_seed": hold_out_seed, "locked_share": float(locked_share)}
    if not Path(path).exists():
        check_mask_conventions(records, allow_mixed=allow_mixed_masks, source=dataset_dir)
        root = data_root(dataset_dir)
        save_split(make_split(records, seed, fractions, hold_out, root=root, **others), path)
    split = load_split(path, dataset_dir)
    shares = check_shares(fractions, hold_out, locked_share)
    wanted = {"seed": int(seed), "fractions": shares, "hold_out": float(hold_out), **others}
    for name, value in wanted.items():
        if getattr(split, name) != value:
            raise DatalistError(
                f"was made with {name} {getattr(split, name)}, not {value}",
                source=path,
                remedy="Ask for the same, or choose another output folder or split file (--out)",
            )
    check_same_data(split, records, source=path)
    return split


def check_same_data(split: Split, records: Sequence[Record], *, source: str | Path) -> None:
    """Compare a split, read from `source`, with its data set as it is listed now: images, masks, patients, findings.

    Raises
    ------
    DatalistError
        When they differ.
    """
    kept = {_content(record) for section in split.sections.values() for record in section}
    listed = {_content(record) for record in records}
    if kept == listed:
        return
    first = path_below(min(kept ^ listed)[0], split.root)
    raise DatalistError(
        f"does not fit the data set: {len(kept - listed)} records of the split are missing or changed there, and "
        f"{len(listed - kept)} records there are not in the split (first: {first})",
        source=source,
        remedy="Give the data set that was split, or choose another output folder or split file (--out)",
    )


def _content(record: Record) -> tuple[str, ...]:
    return record["image"], record.get("label", ""), record["patient"], record.get("finding", "")


def _read(path: Path) -> dict[str, Any]:
    content = read_json(path)
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise DatalistError(
            f'is not a split file of the format "{_FORMAT}"', source=path, remedy="Make one with: lungxfer data split"
        )
    return content


def _sections(content: dict[str, Any], path: Path, root: str | Path) -> dict[str, list[Record]]:
    folder = data_root(root)
    return {
        # Split files from before there was a locked section do not name it.
        name: resolve_records(
            content.get(name, [] if name == "locked" else None), folder, source=path, name=name, labels_required=False
        )
        for name in SECTIONS
    }

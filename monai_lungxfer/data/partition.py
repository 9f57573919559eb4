"""Drawing a patient-wise, stratified split of a data set."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from monai_lungxfer.data.locked import part_locked
from monai_lungxfer.data.records import Record, path_below
from monai_lungxfer.data.stratify import assign_patients
from monai_lungxfer.utils.errors import DatalistError

SECTIONS = ("training", "validation", "test", "independent", "locked")


@dataclass(frozen=True)
class Split:
    """A data set divided into sections; no patient is in two.

    Attributes
    ----------
    training, validation, test, independent : tuple of Record
        The sections, with absolute paths. A MONAI dataset takes each of them as its `data`.
    seed : int
        What the draw started from.
    fractions : tuple of float
        Wanted shares of training, validation and test in what is not held out; in sum 1.
    hold_out : float
        Wanted share of the independent section in the whole data set.
    hold_out_seed : int or None
        What the draw of the independent section started from; None: from `seed`.
    locked : tuple of Record
        The section of the patients who are locked away, see `monai_lungxfer.data.locked.is_locked`.
    locked_share : float
        Wanted share of the locked section in all patients.
    root : pathlib.Path
        Absolute folder that the paths in a split file and in `hash` are relative to.
    source : pathlib.Path or None
        The file that it was read from, for messages.

    Raises
    ------
    DatalistError
        When a patient is in two sections.
    """

    training: tuple[Record, ...]
    validation: tuple[Record, ...]
    test: tuple[Record, ...]
    independent: tuple[Record, ...]
    seed: int
    fractions: tuple[float, ...]
    hold_out: float
    root: Path
    source: Path | None = field(default=None, compare=False)
    hold_out_seed: int | None = None
    locked: tuple[Record, ...] = ()
    locked_share: float = 0.0

    def __post_init__(self) -> None:
        """Look for a patient in two sections."""
        section_of: dict[str, str] = {}
        for name, records in self.sections.items():
            for record in records:
                first = section_of.setdefault(record["patient"], name)
                if first != name:
                    raise DatalistError(
                        f"the patient of this image in {name} is in {first}, too",
                        source=record["image"],
                        remedy="Split anew, to another file, with: lungxfer data split",
                    )

    @property
    def sections(self) -> dict[str, tuple[Record, ...]]:
        """The sections by name, in the order of `SECTIONS`."""
        return {name: getattr(self, name) for name in SECTIONS}

    def section(self, name: str) -> tuple[Record, ...]:
        """Return a section that is to be trained or measured on, and so must have images."""
        filled = {name: records for name, records in self.sections.items() if records}
        if name not in filled:
            others = ", ".join(f"{len(records)} in {other}" for other, records in filled.items())
            raise DatalistError(
                f"the split has no images in the section {name!r} (but {others})",
                source=self.source,
                remedy="Choose another section, or make another split file, with a share for it "
                "(fractions, hold_out, locked_share)",
            )
        return filled[name]

    @cached_property
    def hash(self) -> str:
        """SHA-256 (64 hexadecimal digits) of which image of which patient is in which section.

        It depends neither on the seed, nor on the order of records, nor on where the data set lies.
        """
        content = sorted(
            [name, path_below(record["image"], self.root), record["patient"]]
            for name, records in self.sections.items()
            for record in records
        )
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def make_split(
    records: Sequence[Record],
    seed: int,
    fractions: Sequence[float] = (0.6, 0.2, 0.2),
    hold_out: float = 0.0,
    *,
    root: str | Path | None = None,
    hold_out_seed: int | None = None,
    locked_share: float = 0.0,
) -> Split:
    """Split by patient, stratified by finding (see `monai_lungxfer.data.stratify.assign_patients`).

    Vidal et al. (2021), section 3.4, split 60/20/20 by image; in the last stage half of the data set is first held
    out as an independent test. Here, both steps are by patient.

    Parameters
    ----------
    records : sequence of Record
        As `load_datalist` gives them; their order has no influence.
    seed : int
        The same seed gives the same split on every machine.
    fractions : sequence of 3 floats
        Shares of images for training, validation and test in what is not held out; in sum 1.
    hold_out : float
        Share of images that are first set aside as the independent section, 0 ≤ share < 1.
    root : str or pathlib.Path, optional
        The data set's folder; by default the deepest folder that holds all its images and masks.
    hold_out_seed : int, optional
        Draws the independent section alone, so that it is the same for several seeds; by default `seed` does.
    locked_share : float
        Share of patients that are locked away before all else by a rule without a seed, 0 ≤ share < 1. The other shares
        are of what is left.

    Returns
    -------
    Split
        Each section is sorted by patient and image.

    Raises
    ------
    DatalistError
        When the shares make no sense, or there are fewer patients than sections.
    """
    shares = check_shares(fractions, hold_out, locked_share)
    folder = _common_folder(records) if root is None else Path(root).absolute()
    held_by = seed if hold_out_seed is None else hold_out_seed
    locked, free = part_locked(records, locked_share)
    held = assign_patients(free, {"independent": hold_out, "rest": 1 - hold_out}, f"{held_by} hold-out")
    rest = [record for record in free if held[record["patient"]] == "rest"]
    section_of = dict.fromkeys((record["patient"] for record in locked), "locked")
    section_of |= held | assign_patients(rest, dict(zip(SECTIONS, shares, strict=False)), f"{seed} sections")
    ordered = sorted(records, key=lambda record: (record["patient"], path_below(record["image"], folder)))
    drawn: dict[str, Any] = {name: tuple(r for r in ordered if section_of[r["patient"]] == name) for name in SECTIONS}
    drawn |= {"seed": int(seed), "fractions": shares, "hold_out": float(hold_out), "hold_out_seed": hold_out_seed}
    drawn["locked_share"] = float(locked_share)
    return Split(**drawn, root=folder, source=None)


def check_shares(fractions: Sequence[float], hold_out: float, locked_share: float = 0.0) -> tuple[float, ...]:
    """Return the fractions as a tuple of floats if they and the other shares are as `make_split` wants them.

    Raises
    ------
    DatalistError
        When they are not.
    """
    shares = tuple(float(share) for share in fractions)
    if len(shares) != 3 or min(shares) < 0 or not math.isclose(sum(shares), 1, abs_tol=1e-6) or shares[0] == 0:
        raise DatalistError(
            f"fractions {shares} are not shares of training, validation and test",
            remedy="Give three numbers from 0 to 1 with the sum 1, the first above 0, such as 0.6 0.2 0.2",
        )
    for name, share in {"hold_out": hold_out, "locked_share": locked_share}.items():
        if not 0 <= share < 1:
            raise DatalistError(f"{name} {share} is not a share", remedy="Give a number from 0 to below 1, as in 0.5")
    return shares


def shared_patients(*parts: Iterable[Record]) -> set[str]:
    """Return the patients who are in each of some lists of records."""
    return set.intersection(*({record["patient"] for record in part} for part in parts))


def check_apart(*data_sets: Iterable[Record], source: str | Path, remedy: str) -> None:
    """Refuse the data sets of several stages when they share patients.

    The message names `source`, where they lie, and `remedy`, how equal names of different patients are let through.

    Raises
    ------
    DatalistError
        When a patient is in all of them.
    """
    shared = shared_patients(*data_sets)
    if shared:
        raise DatalistError(
            f"{len(shared)} patients are among both general and portable images. The weights would be measured on "
            "patients that they learnt from",
            source=source,
            remedy=f"Keep each patient in one of the two. If equal names are not equal patients, {remedy}",
        )


def _common_folder(records: Sequence[Record]) -> Path:
    folders = {Path(path).absolute().parent for r in records for path in (r["image"], r.get("label", r["image"]))}
    return Path(os.path.commonpath(folders)) if folders else Path.cwd()

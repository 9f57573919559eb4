"""Own images become a data set that is checked, and split by patient with a part that no training sees."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from monai_lungxfer.adaptation.sources import SourceRules, collect_images
from monai_lungxfer.bundle.settings import PlainText
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.checks.suspicious_labels import suspicious_labels
from monai_lungxfer.data.checks import COPIES, Problem, check_datalist
from monai_lungxfer.data.datalist import DATALIST_NAME, load_datalist, save_datalist
from monai_lungxfer.data.near_duplicates import DuplicateSearch
from monai_lungxfer.data.partition import Split, make_split
from monai_lungxfer.data.public.item import Item
from monai_lungxfer.data.public.prepare import check_places, write_dataset
from monai_lungxfer.data.records import Record
from monai_lungxfer.data.splits import ensure_split
from monai_lungxfer.utils.csv_tables import write_rows
from monai_lungxfer.utils.errors import DatalistError

logger = logging.getLogger(__name__)

LEAST_PATIENTS = 10
"""With fewer, the locked part would be too small for the gate, or nothing would be left to learn from."""

LEAST_LOCKED = 5
"""Patients in the locked part at least: the signed-rank test of the gate cannot pass with fewer pairs."""

FRACTIONS = (0.8, 0.2, 0.0)
"""Shares of training, validation and test in what is not locked."""

_LOCKED_SHARES = (0.3, 0.4, 0.5)
CASES = "cases.csv"

Watch = Callable[[Sequence[Item]], Iterable[Item]]


def prepare_images(data: Path, out: Path, rules: SourceRules, watch: Watch = iter) -> dict[str, Any]:
    """Copy own images and masks into a data set, without names, and leave out what cannot be used.

    `out`/data is the data set, and `out`/cases.csv says which file each case was. A copy of an image counts once, since
    it could stand on both sides of the split. All else that is doubtful is kept and told.

    Returns
    -------
    dict
        For the state's file: `form`, `images`, `patients`, `skipped` (``[file, reason]``), `notes` (sentences that may
        name files) and `doubts` (how often each problem was found).

    Raises
    ------
    DatalistError
        When there are fewer than `LEAST_PATIENTS` patients; see also `collect_images`.
    OutputError
        When `out` lies in the folder of the images, or contains it.
    """
    if data.is_dir():
        check_places(data, out)
    form, found = collect_images(data.absolute(), rules)
    files = {item.name: item.image for item in found.items}
    with_mask = [item for item in found.items if item.mask is not None]
    _check_patients({item.patient for item in with_mask}, data)
    prepared = write_dataset(found, out / "data", source=data, overwrite=True, watch=watch)
    skipped = [(str(one.file), one.reason) for one in prepared.skipped]
    records = load_datalist(out / "data")
    problems, near = _check(records)
    copies = {problem.record: problem.message for problem in problems if problem.kind in COPIES}
    skipped += [(str(files[Path(records[number]["image"]).stem]), message) for number, message in copies.items()]
    kept = [record for number, record in enumerate(records) if number not in copies]
    _check_patients({record["patient"] for record in kept}, data)
    save_datalist(kept, out / "data" / DATALIST_NAME)
    _write_cases(out, kept, files)
    doubts = [problem for problem in (*problems, *near) if problem.kind not in COPIES]
    return {
        "form": form,
        "images": len(kept),
        "patients": len({record["patient"] for record in kept}),
        "skipped": skipped,
        "notes": [*prepared.notes, *(_describe(problem, records) for problem in doubts)],
        "doubts": dict(Counter(str(problem.kind) for problem in doubts)),
    }


def _check(records: list[Record]) -> tuple[list[Problem], list[Problem]]:
    search = DuplicateSearch()
    # Mixed conventions stop the split, which says so itself.
    problems = check_datalist(records, allow_mixed_masks=True, look=search.add)
    copies = {problem.record for problem in problems if problem.kind in COPIES}
    return problems, search.find(leave_out=copies)


def _describe(problem: Problem, records: list[Record]) -> str:
    return f"{Path(records[problem.record]['image']).stem}: {problem.kind}: {problem.message}"


def _check_patients(patients: set[str], source: Path) -> None:
    if len(patients) < LEAST_PATIENTS:
        raise DatalistError(
            f"has usable images of {len(patients)} patients, and {LEAST_PATIENTS} are the least",
            source=source,
            remedy=f"Draw masks for images of {LEAST_PATIENTS - len(patients)} more patients. Of so few, nothing could "
            "be learnt and measured apart",
        )


def _write_cases(out: Path, kept: list[Record], files: dict[str, Path]) -> None:
    used = {Path(record["image"]).stem for record in kept}
    rows = ({"case": name, "file": str(file), "used": "yes" if name in used else "no"} for name, file in files.items())
    write_rows(out / CASES, ("case", "file", "used"), rows)


def find_suspicions(out: Path, weights: str | Path, device: str) -> list[str]:
    """Name the labels of `out`/data that are probably faulty, a sentence each that begins with the case.

    Where most labels differ from the masks of the weights, it is the images or the convention that the weights do not
    know, and one sentence says so.
    """
    records = load_datalist(out / "data")
    found = suspicious_labels(records, PlainText(weights), bundle=STAGES["portable"].bundle, device=device)
    if 2 * len(found) > len(records):
        counts = f"{len(found)} of {len(records)} labels differ much from the masks of the weights"
        return [f"{counts}: either the device is new to them, or the masks follow another convention"]
    return [f"{Path(one.image).stem}: {one.kind}: {one.message}. {one.remedy}" for one in found]


def lock_split(out: Path, seed: int) -> dict[str, Any]:
    """Draw the split of `out`/data by patient, and write `out`/split.json, which no later run changes.

    About 30 % of the images are locked, more where that would be fewer than `LEAST_LOCKED` patients.

    Returns
    -------
    dict
        The settings of a bundle that name this split: `split_seed`, `fractions`, `hold_out`, `locked_share`.

    Raises
    ------
    DatalistError
        When the masks follow several conventions, or a few patients have nearly all images.
    """
    data, file = out / "data", out / "split.json"
    records = load_datalist(data)
    for share in _LOCKED_SHARES:
        split = make_split(records, seed, FRACTIONS, share, root=data)
        if _count(split.independent) >= LEAST_LOCKED:
            break
    else:
        raise DatalistError(
            f"only {_count(split.independent)} patients would be locked for the measurement, and {LEAST_LOCKED} are "
            "the least",
            source=data,
            remedy="A few patients have nearly all images: add images of others, or give another --seed",
        )
    _log_split(ensure_split(data, file, seed, FRACTIONS, share))
    # What is locked here is the independent part; the recipe would lock patients besides, by their names.
    return {"split_seed": seed, "fractions": list(FRACTIONS), "hold_out": share, "locked_share": 0.0}


def _count(records: Sequence[Record]) -> int:
    return len({record["patient"] for record in records})


def _log_split(split: Split) -> None:
    logger.info(
        "Locked for the measurement: %d images of %d patients. To learn from: %d images, to choose the epoch: %d",
        len(split.independent),
        _count(split.independent),
        len(split.training),
        len(split.validation),
    )

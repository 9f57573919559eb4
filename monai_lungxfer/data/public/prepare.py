"""Preparing a public data set: from the layout it comes in to a folder with images/, masks/ and datalist.json."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_lungxfer.data.datalist import DATALIST_NAME, save_datalist
from monai_lungxfer.data.public.adapters import OWN, find_adapter
from monai_lungxfer.data.public.item import Collection, Facts, Item, Skipped
from monai_lungxfer.data.public.names import check_names
from monai_lungxfer.data.public.write import write_item
from monai_lungxfer.data.records import Record
from monai_lungxfer.utils.errors import DatalistError, LungXferError, OutputError
from monai_lungxfer.utils.files import staged_folder
from monai_lungxfer.utils.locks import lock_replacement

logger = logging.getLogger(__name__)

_UNUSUAL = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class PreparedDataset:
    """What was made of a raw folder: where the data set is, how many images, masks and patients it has, and the rest.

    `findings` count the images of each finding; those without one are ``"unnamed"``. `skipped` and `notes` are as in
    `Collection`.
    """

    folder: Path
    images: int
    masks: int
    patients: int
    findings: dict[str, int]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def prepare(
    name: str,
    raw: str | Path,
    out: str | Path,
    *,
    facts: Facts | None = None,
    masks: str | Path | None = None,
    anonymise: bool = False,
    overwrite: bool = False,
    watch: Callable[[Sequence[Item]], Iterable[Item]] = iter,
) -> PreparedDataset:
    """Bring a public data set into a folder with `images/`, `masks/`, `ignore/` for marks, and `datalist.json`.

    The folder appears as a whole at the end, or not at all. If any image has a mask, those without are left out.

    Parameters
    ----------
    name : str
        A key of `ADAPTERS`.
    raw : str or pathlib.Path
        What was downloaded, unpacked.
    out : str or pathlib.Path
        The folder to write.
    facts : Facts, optional
        Only for the adapters ``folder`` and ``annotations``: what the files do not say.
    masks : str or pathlib.Path, optional
        Only for the same: where the masks or annotations are, if not among the images.
    anonymise : bool
        Refuse names of files, folders and patients that look like names of people.
    overwrite : bool
        Whether a data set that is there already is replaced; anything else never is.
    watch : callable
        Is given the items and yields them one by one, such as a progress bar.
    """
    raw, out = Path(raw).absolute(), Path(out).absolute()
    found = _collect(name, raw, facts, None if masks is None else Path(masks).absolute())
    if anonymise:
        check_names(found.items, raw)
    check_places(raw, out)
    return write_dataset(found, out, source=raw, overwrite=overwrite, watch=watch)


def write_dataset(
    found: Collection,
    out: Path,
    *,
    source: Path,
    overwrite: bool = False,
    watch: Callable[[Sequence[Item]], Iterable[Item]] = iter,
) -> PreparedDataset:
    """Write what was found as a data set, see `prepare`; `source`, where it was found, is for messages."""
    _leave_out_without_mask(found)
    with lock_replacement(out), staged_folder(out, overwrite=overwrite, mark=DATALIST_NAME) as folder:
        records = _write(found, folder, watch)
        if not records:
            first = f", first {found.skipped[0].file}: {found.skipped[0].reason}" if found.skipped else ""
            raise DatalistError(
                f"no image can be used{first}",
                source=source,
                remedy="Correct the files, or an option such as --patient, and prepare them again",
            )
        save_datalist(records, folder / DATALIST_NAME)
    return PreparedDataset(
        folder=out,
        images=len(records),
        masks=sum("label" in record for record in records),
        patients=len({record["patient"] for record in records}),
        findings=dict(Counter(record.get("finding", "unnamed") for record in records)),
        skipped=tuple(found.skipped),
        notes=tuple(found.notes),
    )


def _collect(name: str, raw: Path, facts: Facts | None, masks: Path | None) -> Collection:
    adapter = find_adapter(name)
    if not raw.is_dir():
        raise DatalistError("is not a folder", source=raw, remedy=f"Give the folder that holds {adapter.layout}")
    if name in OWN:
        return adapter.collect(raw, facts, masks)
    if masks is not None or facts not in (None, Facts()):
        raise LungXferError(
            f"the data set {name} says itself what view, licence, device, convention, patient and masks are",
            remedy=f"Leave these options out; they are for {' and '.join(sorted(OWN))}",
        )
    return adapter.collect(raw)


def check_places(raw: Path, out: Path) -> None:
    """Refuse, by an OutputError, an output folder that contains the raw folder or lies in it."""
    one, other = raw.resolve(), out.resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise OutputError("contains the raw folder, or lies in it", source=out, remedy="Choose another folder")


def _leave_out_without_mask(found: Collection) -> None:
    with_mask = [item for item in found.items if item.mask is not None]
    without = len(found.items) - len(with_mask)
    if with_mask and without:
        found.items[:] = with_mask
        found.notes.append(f"{without} images have no mask and were left out")


def _write(found: Collection, folder: Path, watch: Callable[[Sequence[Item]], Iterable[Item]]) -> list[Record]:
    for part in ("images", "masks"):
        (folder / part).mkdir()
    records = []
    used: set[str] = set()
    for item in watch(found.items):
        name = _free_name(item.name, used)
        try:
            records.append(write_item(item, folder, name, found.notes))
        except LungXferError as error:
            where = f"{error.source}: " if error.source not in (None, str(item.image)) else ""
            found.skipped.append(Skipped(item.image, f"{where}{error.problem}"))
            logger.warning("%s: %s%s; skipped", item.image, where, error.problem)
    return records


def _free_name(name: str, used: set[str]) -> str:
    """Return a name for files on any system that none before has, also where upper and lower case are the same."""
    plain = _UNUSUAL.sub("_", name).strip(".") or "image"
    number, free = 1, plain
    while free.lower() in used:
        number += 1
        free = f"{plain}-{number}"
    used.add(free.lower())
    return free

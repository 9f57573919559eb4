"""Images in groups by a field of their records, such as the device, the source or the age, for reports.

Texts are groups as they are. Numbers are put into ranges: ages into those that end at `AGES`, shares of the image that
are marked as foreign objects (``ignore_fraction``) into those that end at `MARKED`, and any others, of which there are
more than `FEW`, into quarters. ``ignore`` stands for whether there are marks of foreign objects in the image at all.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from monai_lungxfer.utils.errors import LungXferError

logger = logging.getLogger(__name__)

KEPT_FIELDS = ("finding", "view", "source")
"""What the rows of a report say of each image in any case."""

AGES = (0, 17, 39, 64, 79)
"""The last full year of each range of age: infants, children, and four ranges of adults, the oldest from 80 on."""

MARKED = (0, 0.01, 0.05)
"""The largest share of each range of what is marked as foreign objects; the first range is of images without any."""

FEW = 5
"""So many different numbers are groups of their own."""

UNKNOWN = "unknown"
"""The group of images whose record does not have the field."""

Groups = dict[str, list[int]]
"""Places of the records of each group."""

_IDENTIFYING = ("patient", "image", "label")
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def group_records(records: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> dict[str, Groups]:
    """Put the records of a datalist into groups by each of some fields.

    Parameters
    ----------
    records : sequence of mappings
        Of any form.
    fields : sequence of str
        Any of their fields, or ``ignore``. An age is a number of years, or a text as DICOM has it (``045Y``).

    Returns
    -------
    dict of str to dict
        Field to groups, each with the places of its records: ranges in their order, texts in that of the alphabet, and
        `UNKNOWN` last.

    Raises
    ------
    LungXferError
        For a field that could tell who an image is of: `patient`, the paths, and texts of which there are more than
        half as many as records. `KEPT_FIELDS` are let through.
    """
    return {field: _group(records, field) for field in fields}


def _group(records: Sequence[Mapping[str, Any]], field: str) -> Groups:
    if field in _IDENTIFYING:
        raise _refused(field, "says who or which image it is")
    if field == "ignore":
        shares = [_number(record.get("ignore_fraction")) for record in records]
        return _collect([None if share is None else ("none", "marked")[share > 0] for share in shares])
    values = [_known(record.get(field)) for record in records]
    if all(value is None for value in values):
        logger.warning("No record has the field %s: all images are in the group %s", field, UNKNOWN)
    numbers = [_years(value) if field == "age" else _number(value) for value in values]
    if sum(number is not None for number in numbers) == sum(value is not None for value in values):
        return _collect_numbers(numbers, field)
    different = len({str(value) for value in values if value is not None})
    if field not in KEPT_FIELDS and different > len(records) / 2:
        raise _refused(field, f"has {different} different values in {len(records)} images, and could tell patients")
    return _collect([None if value is None else str(value) for value in values])


def _refused(field: str, reason: str) -> LungXferError:
    remedy = "Choose a field that many images share, such as source, view or device"
    return LungXferError(f"a report cannot be grouped by {field}, which {reason}", remedy=remedy)


def _collect(labels: Sequence[str | None], order: Sequence[str] | None = None) -> Groups:
    names = sorted({label for label in labels if label not in (None, UNKNOWN)}) if order is None else order
    groups: Groups = {name: [] for name in (*names, UNKNOWN)}
    for place, label in enumerate(labels):
        groups[UNKNOWN if label is None else label].append(place)
    return {name: places for name, places in groups.items() if places}


def _collect_numbers(numbers: Sequence[float | None], field: str) -> Groups:
    known = sorted({number for number in numbers if number is not None})
    ends: Sequence[float] = {"age": AGES, "ignore_fraction": MARKED}.get(field, ())
    if not ends and len(known) <= FEW:
        names = [f"{number:g}" for number in known]
        return _collect([None if number is None else f"{number:g}" for number in numbers], names)
    if not ends:
        ends = sorted({float(end) for end in np.quantile([n for n in numbers if n is not None], (0.25, 0.5, 0.75))})
    names = [_range_name(*pair, whole=field == "age") for pair in pairwise((-math.inf, *ends, math.inf))]
    labels = [None if number is None else names[int(np.searchsorted(ends, number))] for number in numbers]
    return _collect(labels, names)


def _range_name(low: float, high: float, *, whole: bool) -> str:
    """Name the numbers above `low` up to `high`, which are whole or not."""
    if low == -math.inf:
        return "0" if high == 0 else f"up to {high:g}"
    if high == math.inf:
        return f"from {low + 1:g}" if whole else f"over {low:g}"
    return f"{low + 1:g} to {high:g}" if whole else f"over {low:g} to {high:g}"


def _known(value: Any) -> Any:
    is_missing = value is None or (isinstance(value, float) and math.isnan(value)) or not str(value).strip()
    return None if is_missing else value


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
    return float(value) if is_number else None


def _years(value: Any) -> float | None:
    """Return an age in full years, of a number, its text, or DICOM's age string."""
    text = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([YMWD]?)\s*", str(value))
    return None if text is None else math.floor(float(text[1]) * _YEARS[text[2] or "Y"])

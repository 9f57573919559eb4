"""Means over the rows of a report, and of two reports over the images that both have measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Any

import numpy as np
from scipy.stats import binomtest

from monai_lungxfer.metrics.per_image import ALL_METRICS, LENGTHS

Row = Mapping[str, Any]
Summary = dict[str, dict[str, float | int | None]]
Groups = Mapping[str, Sequence[int]]

FAILURE = 0.9
"""A mask fails when its Dice is lower: `DICE_HARD`, since a mask is what a reader gets, not probabilities."""

_TEXTS = ("image", "label", "finding", "distances_in")


def summarise(rows: Sequence[Row], names: Iterable[str]) -> Summary:
    """Return mean, standard deviation (n - 1) and number of images of each metric, undefined values left out."""
    summary: Summary = {}
    for name in names:
        values = np.array([row.get(name) for row in rows], dtype=float)
        values = values[~np.isnan(values)]
        summary[name] = {
            "mean": float(values.mean()) if values.size else None,
            "std": float(values.std(ddof=1)) if values.size > 1 else None,
            "n": int(values.size),
        }
    return summary


def count_failures(rows: Sequence[Row]) -> dict[str, float | int | None]:
    """Return how many masks failed, their share with its 95 % interval (Wilson, *JASA* 1927), and of how many images.

    The keys are `below` (`FAILURE`), `failed`, `n` (images that have a `DICE_HARD`), `share`, `low` and `high`.
    """
    values = [row["DICE_HARD"] for row in rows if not _undefined(row.get("DICE_HARD"))]
    counts = {"below": FAILURE, "failed": sum(value < FAILURE for value in values), "n": len(values)}
    if not values:
        return counts | dict.fromkeys(("share", "low", "high"))
    test = binomtest(counts["failed"], len(values))
    interval = test.proportion_ci(method="wilson")
    return counts | {"share": float(test.statistic), "low": float(interval.low), "high": float(interval.high)}


def summarise_report(
    rows: Sequence[Row], names: Iterable[str], groups: Mapping[str, Groups] | None = None
) -> dict[str, Any]:
    """Return what a report says of its rows: `images`, `distance_unit`, `failures`, `all`, `by_finding` and `by`.

    See `summarise` for `all` and each finding, and `count_failures` for `failures`. Of each group of `groups` (see
    `monai_lungxfer.data.groups.group_records`), ``by`` has `images`, `failures` and `metrics`.

    A mean of millimetres and pixels would mean nothing. Where rows have both, the distances of the rarer unit are left
    out, which `n` shows.
    """
    names = list(names)
    rows, unit = _in_one_unit(rows)
    findings = sorted({row["finding"] for row in rows if "finding" in row})
    return {
        "images": len(rows),
        "distance_unit": unit,
        "failures": count_failures(rows),
        "all": summarise(rows, names),
        "by_finding": {
            finding: summarise([row for row in rows if row.get("finding") == finding], names) for finding in findings
        },
        "by": {
            field: {value: _summarise_group(rows, places, names) for value, places in parts.items()}
            for field, parts in (groups or {}).items()
        },
    }


def _summarise_group(rows: Sequence[Row], places: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
    rows = [rows[place] for place in places]
    return {"images": len(rows), "failures": count_failures(rows), "metrics": summarise(rows, names)}


def _in_one_unit(rows: Sequence[Row]) -> tuple[list[Row], str | None]:
    units = Counter(row["distances_in"] for row in rows if "distances_in" in row)
    if not units:
        return list(rows), None
    unit = units.most_common(1)[0][0]
    blank = dict.fromkeys(LENGTHS)
    return [row if row.get("distances_in", unit) == unit else {**row, **blank} for row in rows], unit


def pair_rows(rows: Sequence[Row], others: Sequence[Row], names: Iterable[str]) -> tuple[list[Row], list[Row]]:
    """Return the rows of the images that both sides have measured against the same mask, in the order of `rows`.

    A metric that is undefined on one side is undefined (None) on both, and so are distances in different units: in
    millimetres and pixels, or in pixels of grids of different sizes.

    Parameters
    ----------
    rows, others : sequence of mappings
        Rows of two reports, see `monai_lungxfer.handlers.image_table.ImageTable`.
    names : iterable of str
        The metrics to be compared.
    """
    names = list(names)
    by_image = {row["image"]: row for row in others}
    pairs = [
        (row, by_image[row["image"]])
        for row in rows
        if row["image"] in by_image and same_reference(row, by_image[row["image"]])
    ]
    blanked = [_without_singles(*pair, names) for pair in pairs]
    return [own for own, _ in blanked], [other for _, other in blanked]


def same_reference(row: Row, other: Row) -> bool:
    """Tell whether two rows were measured against the same mask; reports of older versions do not say."""
    return "label" not in row or "label" not in other or row["label"] == other["label"]


def _without_singles(row: Row, other: Row, names: Sequence[str]) -> tuple[Row, Row]:
    units_differ = _length_unit(row) != _length_unit(other)
    blank = {
        name: None
        for name in names
        if _undefined(row.get(name)) or _undefined(other.get(name)) or (units_differ and name in LENGTHS)
    }
    return {**row, **blank}, {**other, **blank}


def _length_unit(row: Row) -> tuple[Any, ...]:
    """Pixels are as long as the grid is coarse."""
    return (row.get("distances_in"), row.get("grid")) if row.get("distances_in") == "pixels" else ("mm",)


def _undefined(value: Any) -> bool:
    return value is None or bool(np.isnan(value))


def is_report(report: Any) -> bool:
    """Tell whether what JSON gave has the form of a report of `monai_lungxfer.handlers.image_table.ImageTable.write`.

    It may be of an earlier version, which says less. What is there must be of the right kind: texts, and numbers for
    every metric, or ``None`` for what is undefined.
    """
    if not isinstance(report, Mapping) or not isinstance(report.get("rows"), list):
        return False
    rows, parts = report["rows"], [report.get("all", {}), *_values(report.get("by_finding", {}))]
    texts = ("section", "split", "weights_sha256", "distance_unit", "report_file")
    return (
        all(isinstance(row, Mapping) and _is_row(row) for row in rows)
        and len({type(row["patient"]) for row in rows if "patient" in row}) < 2
        and all(isinstance(report.get(name, ""), (str, NoneType)) for name in texts)
        and all(isinstance(report.get(name), str) for name in texts[:3])
        and all(isinstance(part, Mapping) and all(map(_is_of_numbers, part.values())) for part in parts)
        and all(map(_is_of_numbers, _values(report.get("calibration", []))))
        and all(isinstance(one, Mapping) and _is_number(one.get("images")) for one in _values(report.get("learnt", [])))
    )


def _values(items: Any) -> list[Any]:
    """Return the values of a mapping, or of a list; of anything else ``[None]``, which no part of a report is."""
    if isinstance(items, Mapping):
        return list(items.values())
    return items if isinstance(items, list) else [None]


def _is_row(row: Row) -> bool:
    texts = {name: value for name, value in row.items() if name in _TEXTS}
    measured = [value for name, value in row.items() if name in ALL_METRICS]
    return (
        isinstance(row.get("image"), str)
        and all(isinstance(value, str) for value in texts.values())
        and all(value is None or _is_number(value) for value in measured)
        and (type(row["patient"]) in (int, str) if "patient" in row else True)
    )


def _is_of_numbers(values: Any) -> bool:
    return isinstance(values, Mapping) and all(value is None or _is_number(value) for value in values.values())


def _is_number(value: Any) -> bool:
    """Tell whether a value is a number that fits into a float."""
    return type(value) in (int, float) and (type(value) is float or abs(value) < 1 << 53)


def paired_reports(report: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sum two reports up over the images that both have measured, as `summarise_report` does for one."""
    names = [name for name in report["all"] if name in other["all"]]
    one, two = (summarise_report(rows, names) for rows in pair_rows(report["rows"], other["rows"], names))
    return one, two

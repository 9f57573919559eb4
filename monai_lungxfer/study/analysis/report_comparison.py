"""Two reports of evaluations, compared image by image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from monai_lungxfer.data.records import read_json
from monai_lungxfer.metrics.per_image import ALL_METRICS, LENGTHS
from monai_lungxfer.metrics.summary import is_report, pair_rows, same_reference, summarise_report
from monai_lungxfer.study.analysis.comparisons import compare_rows
from monai_lungxfer.utils.errors import DatalistError, LungXferError

_REMEDY = "Give two reports that lungxfer evaluate has written"


@dataclass(frozen=True)
class ReportComparison:
    """What `compare_reports` found; differences are the second report less the first.

    Attributes
    ----------
    section : str
        Of the split, the same for both.
    pairs, patients : int
        Images that both reports have measured against the same mask, and the patients that they are of.
    only_first, only_second : int
        Images that one report alone has.
    other_masks : int
        Images that both have, with different masks.
    metrics : pandas.DataFrame
        One row a metric that both have: metric, unit (of distances), n (pairs with a value on both sides), patients,
        first and second (means over these), difference, low and high (95 % interval, NaN for fewer than two patients).
    notes : tuple of str
        What limits the comparison.
    """

    section: str
    pairs: int
    patients: int
    only_first: int
    only_second: int
    other_masks: int
    metrics: pd.DataFrame
    notes: tuple[str, ...]


def read_evaluation(path: str | Path) -> dict[str, Any]:
    """Read a report of `monai_lungxfer.handlers.image_table.ImageTable.write`.

    Raises
    ------
    LungXferError
        When the file cannot be read, or is no report.
    """
    try:
        report = read_json(Path(path))
    except DatalistError as error:
        raise LungXferError(error.problem, source=path, remedy=_REMEDY) from error
    if not is_report(report) or not report["rows"]:
        raise LungXferError("is not a report of an evaluation", source=path, remedy=_REMEDY)
    names = [row["image"] for row in report["rows"]]
    if len(set(names)) < len(names):
        raise LungXferError("has an image twice", source=path, remedy=_REMEDY)
    return report


def compare_reports(first: Mapping[str, Any], second: Mapping[str, Any]) -> ReportComparison:
    """Compare two reports image by image.

    The mean difference weighs every image alike. Its 95 % interval is Student's over patients, since images of
    one patient are not independent, see `monai_lungxfer.study.analysis.statistics.compare_with_zero`; images without a
    patient count as one patient each. A metric is compared on the pairs that have a value on both sides, distances on
    those with the same unit on both.

    Parameters
    ----------
    first, second : mapping
        As `read_evaluation` returns them.

    Raises
    ------
    LungXferError
        When they are of different sections or sizes, or no image is in both with the same mask.
    """
    if first["section"] != second["section"]:
        raise LungXferError(
            f"one report is of the section {first['section']}, the other of {second['section']}",
            remedy="Measure both weights on the same section: lungxfer evaluate STAGE --section SECTION",
        )
    places = [report.get("at", "grid") for report in (first, second)]
    if places[0] != places[1]:
        raise LungXferError(
            f"one report is measured at size {places[0]}, the other at size {places[1]}",
            remedy="Measure both alike: lungxfer evaluate STAGE --at native, or --at grid",
        )
    names = [name for name in ALL_METRICS if any(name in row for row in first["rows"])]
    names = [name for name in names if any(name in row for row in second["rows"])]
    by_image = [{row["image"]: row for row in report["rows"]} for report in (first, second)]
    shared = by_image[0].keys() & by_image[1].keys()
    others = sum(not same_reference(by_image[0][image], by_image[1][image]) for image in shared)
    own, other = pair_rows(first["rows"], second["rows"], names)
    if not own or not names:
        masks = f"; {others} have different masks" if others else ""
        raise LungXferError(f"no image can be compared: the reports share {len(shared)} images{masks}", remedy=_REMEDY)
    tables = [_table(rows, own, names) for rows in (own, other)]
    return ReportComparison(
        section=first["section"],
        pairs=len(own),
        patients=tables[0].patient.nunique(),
        only_first=len(by_image[0]) - len(shared),
        only_second=len(by_image[1]) - len(shared),
        other_masks=others,
        metrics=_compare(tables, own, other, names),
        notes=tuple(_notes(first, second, own, other)),
    )


def _table(rows: list[Mapping[str, Any]], patients: list[Mapping[str, Any]], names: list[str]) -> pd.DataFrame:
    """Return rows as `compare_rows` takes them; patients are numbered anew in every report, so one side says who."""
    table = pd.DataFrame(rows).astype(dict.fromkeys(names, float))
    patient = [str(row.get("patient", row["image"])) for row in patients]
    return table.assign(repetition=0, patient=patient, finding=table.get("finding", "unknown"))


def _compare(tables: list[pd.DataFrame], own: list[Any], other: list[Any], names: list[str]) -> pd.DataFrame:
    one, two = (summarise_report(rows, names) for rows in (own, other))
    if one["distance_unit"] is not None:  # distances of the rarer unit are out of both
        rare = tables[0].distances_in != one["distance_unit"]
        tables = [table.assign(**{n: table[n].mask(rare) for n in names if n in LENGTHS}) for table in tables]
    found = compare_rows(tables[1], tables[0], names)
    return pd.DataFrame(
        {
            "metric": names,
            "unit": [one["distance_unit"] if name in LENGTHS else None for name in names],
            "n": [one["all"][name]["n"] for name in names],
            "patients": found.patients,
            "first": [one["all"][name]["mean"] for name in names],
            "second": [two["all"][name]["mean"] for name in names],
            "difference": found.difference,
            "low": found.difference_low,
            "high": found.difference_high,
        }
    )


def _notes(first: Mapping[str, Any], second: Mapping[str, Any], own: list[Any], other: list[Any]) -> list[str]:
    notes = []
    if first["weights_sha256"] == second["weights_sha256"]:
        notes.append("Both reports are of the same weights.")
    if first["split"] != second["split"]:
        notes.append("The reports are of different splits: weights of one may have learnt images that the other tests.")
    for name, report in (("first", first), ("second", second)):
        for one in report.get("learnt", ()):
            who = "weights" if one["own"] else f"weights' ancestor {one['by']}"
            notes.append(f"The {name} report's {who} learnt from {one['images']} of its {len(report['rows'])} images.")
    if first.get("clean", False) != second.get("clean", False):
        notes.append("Masks of one report were cleaned before they were measured, those of the other were not.")
    if any("label" not in row for row in (*own, *other)):
        notes.append("A report of an older version does not say which masks it used: images are matched by name alone.")
    if any(one.get("grid") != two.get("grid") for one, two in zip(own, other, strict=True)):
        notes.append("The weights have different input sizes: distances in pixels are not compared.")
    return notes

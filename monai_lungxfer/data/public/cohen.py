"""The COVID-19 image data collection of Cohen et al.: metadata.csv and images/."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from monai_lungxfer.data.public.findings import parse_finding
from monai_lungxfer.data.public.item import Collection, Item, Skipped
from monai_lungxfer.data.public.raw import find_below, read_table, wrong_layout

UNKNOWN_LICENSE = "unknown"

_FRONTAL = ("pa", "ap")  # what the names of frontal views begin with: PA, AP, AP Supine, AP Erect, APS
_COLUMNS = ("patientid", "finding", "view", "filename", "url", "license")


def collect(raw: Path) -> Collection:
    """List the frontal radiographs; lateral ones and CT are left out, as in the method's paper."""
    table = find_below(raw, "metadata.csv")
    if table is None:
        raise wrong_layout(raw, "cohen", "metadata.csv")
    found = Collection()
    left_out: Counter[str] = Counter()
    for row in read_table(table, _COLUMNS):
        reason = _left_out(row)
        if reason:
            left_out[reason] += 1
        else:
            _add(found, row, table.parent / "images")
    found.notes += [f"{count} images left out: {reason}" for reason, count in left_out.items()]
    return found


def _left_out(row: dict[str, str]) -> str | None:
    # Early versions of the table had no modality, and CT among the views.
    if row.get("modality", "X-ray").lower() not in ("x-ray", "") or row["view"].lower() in ("ct", "axial", "coronal"):
        return "CT"
    return None if row["view"].lower().startswith(_FRONTAL) else "lateral, or no frontal view named"


def _add(found: Collection, row: dict[str, str], images: Path) -> None:
    image = images / Path(row["filename"]).name
    if not row["filename"] or not image.is_file():
        found.skipped.append(Skipped(image, "is listed in metadata.csv, but does not exist"))
        return
    if not row["patientid"]:
        found.skipped.append(Skipped(image, "has no patientid in metadata.csv"))
        return
    found.items.append(
        Item(
            image,
            name=f"cohen-{image.stem}",
            patient=f"cohen-{row['patientid']}",
            source="cohen",
            license=row["license"] or UNKNOWN_LICENSE,
            finding=parse_finding(row["finding"]),
            finding_text=row["finding"] or None,
            view=row["view"],
            url=row["url"] or None,
        )
    )

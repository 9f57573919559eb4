"""The COVID-19 image repository of the Hannover Medical School: data.csv and png/."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.data.public.findings import COVID19
from monai_lungxfer.data.public.item import Collection, Item, Skipped
from monai_lungxfer.data.public.raw import find_below, read_table, wrong_layout


def collect(raw: Path) -> Collection:
    """List the radiographs of `data.csv`. All patients had COVID-19; there are no masks."""
    table = find_below(raw, "data.csv")
    if table is None:
        raise wrong_layout(raw, "hannover", "data.csv")
    found = Collection()
    facts = ADAPTERS["hannover"]
    for row in read_table(table, ("patient_id", "image_id", "projection")):
        image = table.parent / "png" / f"{Path(row['image_id']).name}.png"
        if not image.is_file():
            found.skipped.append(Skipped(image, "is listed in data.csv, but does not exist"))
            continue
        found.items.append(
            Item(
                image,
                name=f"hannover-{image.stem}",
                patient=f"hannover-{row['patient_id']}",
                source="hannover",
                license=facts.license,
                finding=COVID19,
                finding_text="COVID-19",
                view=row["projection"].upper() or None,
                url=facts.page,
            )
        )
    return found

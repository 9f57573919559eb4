"""LGG segmentation data in the layout of its Kaggle archive."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.data.lgg import find_lgg_folder, load_lgg
from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.data.public.item import Collection, Item
from monai_lungxfer.data.public.raw import unite_masks, wrong_layout


def collect(raw: Path) -> Collection:
    """List the slices as `load_lgg` does."""
    folder = find_lgg_folder(raw)
    if folder is None:
        raise wrong_layout(raw, "lgg", "folders TCGA_*")
    facts = ADAPTERS["lgg"]
    return Collection(
        [
            Item(
                Path(record["image"]),
                name=Path(record["image"]).stem,
                patient=record["patient"],
                source="lgg",
                license=facts.license,
                finding=record["finding"],
                mask=unite_masks([Path(record["label"])]),
                mask_convention=facts.mask_convention,
                empty_mask_allowed=True,
            )
            for record in load_lgg(folder)
        ]
    )

"""The three stages of the transfer, from brain MRI over general to portable chest radiographs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from monai_lungxfer.utils.errors import BundleError


@dataclass(frozen=True)
class Stage:
    """One stage of the method (Vidal et al. 2021, section 3).

    Attributes
    ----------
    name : str
        What the command line calls it.
    bundle : str
        Folder name of its MONAI bundle.
    parent : str or None
        Name of the stage whose weights it starts from; the donor starts from random weights.
    data : str
        Folder of its images below a data root.
    target : str
        What it segments, in words.
    """

    name: str
    bundle: str
    parent: str | None
    data: str
    target: str


STAGES = MappingProxyType(
    {
        stage.name: stage
        for stage in (
            Stage("donor", "lgg_mri_segmentation", None, "lgg/kaggle_3m", "glioma in brain MRI"),
            Stage("general", "cxr_lung_segmentation", "donor", "general", "lungs in general chest radiographs"),
            Stage("portable", "portable_cxr_lung_segmentation", "general", "portable", "lungs in portable radiographs"),
        )
    }
)

STAGE_NAMES = MappingProxyType(STAGES | {stage.bundle: stage for stage in STAGES.values()})
"""Every stage by its own name and by that of its bundle: all that stands for a bundle of this package."""


def stage_for_bundle(bundle: Path) -> Stage:
    """Return the stage of a bundle's folder; a bundle of another name is taken for one of portable radiographs."""
    return STAGE_NAMES.get(bundle.name, STAGES["portable"])


def stage_named(name: str) -> Stage:
    """Return the stage with this stage name or bundle name.

    Raises
    ------
    BundleError
        When no stage has the name.
    """
    if name not in STAGE_NAMES:
        raise BundleError(f"there is no stage or bundle named {name!r}", remedy=f"Use one of {', '.join(STAGES)}")
    return STAGE_NAMES[name]

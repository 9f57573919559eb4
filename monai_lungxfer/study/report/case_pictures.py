"""Pictures of cases, made through the one inference core from the weights that a study measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from PIL import Image

from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.data.datalist import data_root, load_datalist
from monai_lungxfer.data.records import image_name
from monai_lungxfer.inference.image_traits import measure_traits
from monai_lungxfer.inference.measurements import measure
from monai_lungxfer.inference.overlay import draw_comparison, draw_moments, thumbnail
from monai_lungxfer.inference.quality import find_flags
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.execution.paths import StepPaths, StudyPaths
from monai_lungxfer.study.plan.arms import ARMS, PAPER_ARM
from monai_lungxfer.study.report.cases import MEASURED_FLAGS, Case
from monai_lungxfer.training.stage import stage_data
from monai_lungxfer.training.transfer_report import SHARED
from monai_lungxfer.utils.errors import DatalistError, LungXferError

SIDE = 400


@dataclass(frozen=True)
class CasePictures:
    """What is drawn of one case: the radiograph with the line of the mask `before`, of that `after`, and with `both`.

    The masks are as the network drew them, uncleaned: what was measured. `flags` are those of the mask after that the
    study's reports do not tell.
    """

    before: Image.Image
    after: Image.Image
    both: Image.Image
    flags: tuple[str, ...]


def draw_case_pictures(
    results: StudyResults, cases: Sequence[Case], data: str | Path | None, device: str = "auto"
) -> dict[int, CasePictures]:
    """Draw cases, by their numbers, with the weights in the study's folder.

    `data` is the folder of the study's data; None takes the one that the plan names. The networks run on `device`. A
    `LungXferError` is raised when an image is not where the data should be.
    """
    root = stage_data(data or results.plan.data, STAGES["portable"])
    images = _images(cases, root)
    for case in cases:
        if not images[case.image].is_file():
            raise LungXferError(
                f"the image of case {case.number} is not there",
                source=root,
                remedy="Name the folder of the study's data (--data), or leave out --with-images",
            )
    drawn: dict[int, CasePictures] = {}
    for repetition, of in groupby(sorted(cases, key=lambda case: case.repetition), lambda case: case.repetition):
        segmenters = _segmenters(results, repetition, device)
        drawn |= dict(_pictures(images, segmenters, of))
    return drawn


def _images(cases: Sequence[Case], root: Path) -> dict[str, Path]:
    """Find images by their names: below the folder, or else where its datalist says."""
    images = {case.image: root / case.image for case in cases}
    if not all(path.is_file() for path in images.values()):
        with suppress(DatalistError):  # without a datalist, the caller reports what is missing
            records = load_datalist(root, labels_required=False)
            images |= {image_name(record["image"], data_root(root)): Path(record["image"]) for record in records}
    return images


def _segmenters(results: StudyResults, repetition: int, device: str) -> tuple[Segmenter, Segmenter]:
    """Return the networks before and after the portable stage of one repetition."""
    last = ARMS[PAPER_ARM].last
    steps = results.steps
    parent = steps[(steps.repetition == repetition) & (steps.step == last)].parent.iloc[0]
    paths = StudyPaths(results.plan.out)
    own = paths.step(repetition, last)
    # The best parent may be of another repetition.
    before = StepPaths(paths.path / parent) if "/" in parent else paths.step(repetition, parent)
    settings = results.plan.stages.portable.settings
    shared = {name: value for name, value in settings.items() if name.partition("#")[0] in SHARED}
    overrides: dict[str, Any] = {"precision": results.plan.precision} | shared
    return tuple(
        Segmenter.from_bundle("portable", weights=step.weights, device=device, overrides=overrides, engine="torch")
        for step in (before, own)
    )  # type: ignore[return-value]


def _pictures(
    images: Mapping[str, Path], segmenters: tuple[Segmenter, Segmenter], cases: Iterator[Case]
) -> Iterator[tuple[int, CasePictures]]:
    for case in cases:
        radiograph = read_radiograph(images[case.image])
        before, after = (segmenter.segment(radiograph) for segmenter in segmenters)
        grey = thumbnail(radiograph.pixels, SIDE)
        found = find_flags(measure(after.raw, after.probability, after.spacing), measure_traits(radiograph))
        flags = tuple(name for name in found if name not in MEASURED_FLAGS)
        both = draw_comparison(grey, before.raw, after.raw, small=True)
        yield case.number, CasePictures(*draw_moments(grey, before.raw, after.raw), both, flags)

"""From radiographs to a selection: survey, near-duplicates, choice, and what is written of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.selection.batch import STUDIES, TABLE, check_place, copy_images, draw_page, write_tables
from monai_lungxfer.selection.choice import Choice, ChoiceRules, choose, standardise
from monai_lungxfer.selection.duplicates import NearDuplicates, find_near_duplicates
from monai_lungxfer.selection.origins import Origin, find_origins
from monai_lungxfer.selection.survey import PassedOver, SurveyedImage, survey_images
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.locks import lock_output

Begin = Callable[[str, int], Callable[[], object]]
"""Begins a part of the work, given what it is and of how many steps; what it returns is called after each."""


@dataclass(frozen=True)
class SelectionSettings:
    """How images are selected.

    Attributes
    ----------
    rules : ChoiceRules
        How many, and of whom.
    any_view, strict : bool
        Whether images of other views are taken, and whether those that do not look right are passed over; as in
        ``lungxfer predict``.
    resume, overwrite : bool
        Whether an earlier survey is taken, and whether an earlier selection may be replaced.
    """

    rules: ChoiceRules = field(default_factory=ChoiceRules)
    any_view: bool = False
    strict: bool = False
    resume: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class WrittenSelection:
    """What was written, and how many images each step left.

    `labelled` images have a mask already, `duplicates` are left out as near-duplicates, and `passed` could not be
    read, were refused, or are not frontal chest radiographs by their header.
    """

    table: Path
    studies: Path
    page: Path
    rows: Sequence[Mapping[str, Any]]
    images: int
    labelled: int
    duplicates: int
    passed: Sequence[PassedOver]


def select_images(
    segmenter: Segmenter, inputs: Sequence[str | Path], out: Path, settings: SelectionSettings, begin: Begin
) -> WrittenSelection:
    """Select the radiographs to draw first, and write them into a folder.

    Parameters
    ----------
    segmenter : Segmenter
        With the engine "torch" and a network of this package.
    inputs : sequence of str or pathlib.Path
        Files, folders, patterns and datalists, as for `monai_lungxfer.inference.inputs.find_inputs`.
    out : pathlib.Path
        The folder.

    Raises
    ------
    OutputError
        When there is a selection that must not be replaced, or something cannot be written.
    InputFileError
        When no image without a label is left to choose from.
    """
    with lock_output(out):
        check_place(out, may_replace=settings.resume or settings.overwrite)
        found_files = find_inputs(inputs, any_view=settings.any_view)
        files = [item for item in found_files if not item.path.is_relative_to(out)]  # copies of an earlier selection
        origins = {item.name: origin for item, origin in zip(files, find_origins(inputs, files), strict=True)}
        on_done = begin("Looking at the images", len(files))
        found, passed = survey_images(
            segmenter, files, out, strict=settings.strict, resume=settings.resume, on_done=on_done
        )
        images = list(found.values())
        pairs, choices = _choose(images, [origins[image.file] for image in images], settings.rules)
        if not choices:
            raise InputFileError(
                "no radiograph without a label is left to choose from",
                remedy="Give a folder of radiographs, or a datalist in which some have no label",
            )
        (out / TABLE).unlink(missing_ok=True)  # which what is written now would contradict
        by_name = {item.name: item for item in files}
        copies = copy_images([by_name[images[choice.place].file] for choice in choices], out)
        on_drawn = begin("Drawing the first masks", len(copies))
        page = draw_page(segmenter, out, on_drawn, any_view=settings.any_view)
        rows = _make_rows(images, origins, choices, copies)
        write_tables(out, rows, [_name_pair(images, pair) for pair in pairs])
    labelled = sum(origins[image.file].has_label for image in images)
    return WrittenSelection(out / TABLE, out / STUDIES, page, rows, len(images), labelled, len(pairs), passed)


def _choose(
    images: Sequence[SurveyedImage], origins: Sequence[Origin], rules: ChoiceRules
) -> tuple[list[NearDuplicates], list[Choice]]:
    if not images:
        return [], []
    labelled = [place for place, origin in enumerate(origins) if origin.has_label]
    pairs = find_near_duplicates(np.stack([image.detail for image in images]), first=labelled)
    choices = choose(
        standardise(np.stack([image.features for image in images])),
        np.array([image.uncertainty for image in images]),
        [origin.patient for origin in origins],
        [origin.group for origin in origins],
        rules,
        labelled=labelled,
        barred=[pair.left_out for pair in pairs],
    )
    return pairs, choices


def _make_rows(
    images: Sequence[SurveyedImage], origins: Mapping[str, Origin], choices: Sequence[Choice], copies: Sequence[str]
) -> list[dict[str, Any]]:
    rows = []
    for rank, (choice, copy) in enumerate(zip(choices, copies, strict=True), 1):
        image = images[choice.place]
        origin = origins[image.file]
        facts = {"rank": rank, "image": copy, "file": image.file, "reason": choice.reason, "distance": choice.distance}
        facts |= {"uncertainty": image.uncertainty, "device": origin.device, "view": origin.view}
        rows.append(facts | {"flags": ";".join(image.flags)})
    return rows


def _name_pair(images: Sequence[SurveyedImage], pair: NearDuplicates) -> dict[str, Any]:
    return {
        "kept": images[pair.kept].file,
        "left_out": images[pair.left_out].file,
        "distance": pair.distance,
    }

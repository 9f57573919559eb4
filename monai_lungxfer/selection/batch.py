"""What is written of a selection: the images under new names, tables, first masks, and a page to look at."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_lungxfer.inference.batch import predict_files
from monai_lungxfer.inference.input_search import IMAGE_SUFFIXES, strip_image_suffix
from monai_lungxfer.inference.inputs import InputFile, find_inputs
from monai_lungxfer.inference.review.corrected import CORRECTED
from monai_lungxfer.inference.review.results import read_results
from monai_lungxfer.inference.review.write import write_review
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.io.formats import detect_format
from monai_lungxfer.utils.csv_tables import write_rows
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import atomic_path
from monai_lungxfer.utils.temporary import tidy

STUDIES, PREDICTIONS = "studies", "predictions"
"""Folders in the output folder: images for MONAI Label, and first masks of them."""

TABLE, DUPLICATES, PAGE = "selected.csv", "near_duplicates.csv", "selected.html"
COLUMNS = ("rank", "image", "file", "reason", "distance", "uncertainty", "device", "view", "flags")
DUPLICATE_COLUMNS = ("kept", "left_out", "distance")

_OURS = re.compile(r"case-\d{4,}\.[\w.]+")
_SUFFIXES = {"dicom": ".dcm", "jpeg": ".jpg", "jpeg2000": ".jp2", "nifti": ".nii", "metaimage": ".mha"}


def check_place(out: Path, *, may_replace: bool) -> None:
    """Refuse, by an OutputError, to replace an earlier selection unasked, and what people have drawn in any case."""
    if (out / TABLE).exists() and not may_replace:
        remedy = "Choose another folder, replace it (--overwrite), or continue (--resume)"
        raise OutputError("a selection is there already", source=out, remedy=remedy)
    studies = out / STUDIES
    if studies.is_dir():
        tidy(studies)  # of a run that was killed as it copied
    others = [each for each in studies.iterdir() if not _OURS.fullmatch(each.name)] if studies.is_dir() else []
    if others or (out / PREDICTIONS / CORRECTED).exists():
        raise OutputError(
            "holds more than a selection, maybe masks that people have drawn",
            source=studies if others else out / PREDICTIONS / CORRECTED,
            remedy="Choose another folder (--out)",
        )


def copy_images(files: Sequence[InputFile], out: Path) -> list[str]:
    """Copy images to ``studies/case-0001.png`` and so on, in their order, and return the new names.

    Nothing of the old name is left but the suffix, which a DICOM or other file without one gets. Images of an earlier
    selection are removed. OutputError is raised when one cannot be written.
    """
    folder = out / STUDIES
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    names = [f"case-{rank:04d}{_suffix(item.path)}" for rank, item in enumerate(files, 1)]
    for name, item in zip(names, files, strict=True):
        with atomic_path(folder / name) as temporary:
            shutil.copyfile(item.path, temporary)
    return names


def _suffix(path: Path) -> str:
    own = path.name[len(strip_image_suffix(path.name)) :].lower()
    if own in IMAGE_SUFFIXES:
        return own
    name = str(detect_format(path))
    return _SUFFIXES.get(name, f".{name}")


def draw_page(
    segmenter: Segmenter, out: Path, on_done: Callable[[], object] = lambda: None, *, any_view: bool = False
) -> Path:
    """Write first masks of the copied images, and the review page of ``lungxfer review`` with their pictures."""
    folder = out / PREDICTIONS
    if folder.is_dir():
        shutil.rmtree(folder)  # its masks may be of an earlier selection; `check_place` has looked for people's work
    inputs = find_inputs([out / STUDIES], any_view=any_view)

    def tell(_: Prediction) -> None:
        on_done()

    predict_files(segmenter, inputs, folder, on_done=tell)
    return write_review(read_results(folder), out / PAGE, images=out / STUDIES)


def write_tables(out: Path, rows: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]) -> None:
    """Write `DUPLICATES` and, as the last of all files, `TABLE`; numbers are rounded to 4 decimals."""
    write_rows(out / DUPLICATES, DUPLICATE_COLUMNS, map(_rounded, pairs))
    write_rows(out / TABLE, COLUMNS, map(_rounded, rows))


def _rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()}

"""Reading what a run of `lungxfer predict` has left in its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.inference.journal import JOURNAL_NAME, kept_texts
from monai_lungxfer.inference.segmentation import SEG_SUFFIX, ModelIdentity
from monai_lungxfer.inference.tables import TABLE_NAMES
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.quiet import quiet
from monai_lungxfer.io.radiograph import read_mask
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.json_files import load_json

_DOCUMENT = TABLE_NAMES[1]
_TYPES = {"file": str, "status": str, "mask": str | None, "flags": list, "remarks": list}


@dataclass(frozen=True)
class RunResults:
    """The results of a run.

    Attributes
    ----------
    folder : pathlib.Path
        The output folder.
    model : str
        The model that made them, as `ModelIdentity` names it.
    rows : list of mapping
        As `Prediction.as_row` makes them.
    raw_outlines : mapping
        Outlines of masks before cleaning, by the radiographs' names, where the journal has them.
    samples : mapping
        What `monai_lungxfer.utils.file_stamp.sample_file` returned of the radiographs, likewise.
    """

    folder: Path
    model: str
    rows: list[dict[str, Any]]
    raw_outlines: Mapping[str, str] = field(default_factory=dict)
    samples: Mapping[str, str] = field(default_factory=dict)


def read_results(folder: str | Path) -> RunResults:
    """Read the results of a run from its output folder, or from its predictions.json or .csv.

    Raises
    ------
    InputFileError
        When there are none, the run was interrupted, or its table is damaged or of another version.
    """
    folder = Path(folder).expanduser()
    folder = folder.parent if folder.name in TABLE_NAMES else folder
    table = folder / _DOCUMENT
    if not table.is_file():
        raise _no_results(folder)
    try:
        document = load_json(table)
        rows = [_checked(row) for row in document["predictions"]]
        model = ModelIdentity(**document["model"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputFileError(
            "is not a table of predictions, or is damaged",
            source=table,
            remedy="Run lungxfer predict again with --resume, which writes it anew",
        ) from error
    raw_outlines, samples = (kept_texts(folder / JOURNAL_NAME, key) for key in ("raw_outline", "input_sample"))
    return RunResults(folder, str(model), rows, raw_outlines, samples)


def _no_results(folder: Path) -> InputFileError:
    if (folder / JOURNAL_NAME).is_file():
        return InputFileError(
            "the run was interrupted, so its table is missing",
            source=folder,
            remedy="Run the same lungxfer predict again with --resume",
        )
    return InputFileError(
        f"there is no {_DOCUMENT}", source=folder, remedy="Give the output folder of lungxfer predict"
    )


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose columns have their types; ValueError is raised for another."""
    row = {"remarks": [], **row}  # which earlier versions did not have
    for name, kind in _TYPES.items():
        if not isinstance(row[name], kind):
            raise ValueError(f"{name} is a {type(row[name]).__name__}")
    if row["status"] == "done" and not (row["mask"] and int(row["width"]) > 0 < int(row["height"])):
        raise ValueError("a mask without its name or size")
    if row["mask"] is not None and (Path(row["mask"]).is_absolute() or ".." in Path(row["mask"]).parts):
        raise ValueError("a mask outside the folder")
    return row


def read_result_mask(folder: Path, name: str) -> NDArray[np.uint8]:
    """Read the mask of a row, uint8 (H, W) of {0, 1}; of a DICOM SEG, all segments together.

    InputFileError is raised when there is none, or it cannot be read.
    """
    path = folder / name
    if not path.is_file():
        raise InputFileError("the mask is not there any more", source=path, remedy="Segment the radiograph again")
    if path.suffix.lower() != SEG_SUFFIX:
        return read_mask(path)
    try:
        with quiet():
            frames: NDArray[np.uint8] = read_dataset(path).pixel_array
    except InputFileError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever pydicom makes of a damaged file
        raise InputFileError(
            f"is not a segmentation that can be read ({type(error).__name__})",
            source=path,
            remedy="Segment the radiograph again",
        ) from None
    return np.any(frames.reshape(-1, *frames.shape[-2:]), axis=0).astype(np.uint8)

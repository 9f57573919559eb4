"""The table of predictions: one row a radiograph, as predictions.csv and predictions.json."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from monai_lungxfer import __version__
from monai_lungxfer.inference.measurements import Measurements
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.inference.quality import THRESHOLDS
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.utils.csv_tables import write_rows
from monai_lungxfer.utils.files import atomic_path

TABLE_NAMES = ("predictions.csv", "predictions.json")

_JOINTS = {"flags": ";", "remarks": " | "}
"""Between the values of a column that may have several; a remark may contain commas and semicolons."""


@dataclass(frozen=True)
class Prediction:
    """What became of one radiograph. It holds no attribute of the patient.

    Attributes
    ----------
    file : str
        Name of the radiograph, relative to the folder that all inputs have in common.
    status : {"done", "skipped", "left out"}
        Skipped is what cannot be read or written, left out what is no frontal chest radiograph by its header.
    reason : str or None
        Why it was skipped or left out; ``None`` for a radiograph that was segmented.
    mask, overlay, report, presentation : str or None
        Names of the results, relative to the output folder.
    width, height : int or None
        Native size in pixels.
    spacing : tuple of float or None
        Distance between (rows, columns) in mm.
    spacing_source : str or None
        Where the spacing was read, such as the name of a DICOM attribute.
    measurements : Measurements or None
        Of the mask.
    flags : tuple of str
        What a person should look at, see `monai_lungxfer.inference.quality.FLAGS`.
    remarks : tuple of str
        What a person should know of the reading, see `monai_lungxfer.io.radiograph.Radiograph`.
    raw_outline : str or None
        Outline of the mask before cleaning, by `monai_lungxfer.inference.outlines.draw_outline`; ``None`` where
        cleaning changed nothing. The journal keeps it, the tables do not have it.
    review : str or None
        What a person said of an earlier mask, one of `monai_lungxfer.inference.review.marks.MARKS`.
    """

    file: str
    status: str = "done"
    reason: str | None = None
    mask: str | None = None
    overlay: str | None = None
    width: int | None = None
    height: int | None = None
    spacing: tuple[float, float] | None = None
    spacing_source: str | None = None
    measurements: Measurements | None = None
    flags: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    report: str | None = None
    presentation: str | None = None
    raw_outline: str | None = None
    review: str | None = None

    @property
    def results(self) -> list[str]:
        """The names of its results."""
        return [name for name in (self.mask, self.overlay, self.report, self.presentation) if name is not None]

    def as_row(self) -> dict[str, Any]:
        """Return the columns of the table; numbers are rounded to 6 decimals, what is unknown is ``None``."""
        row, column = self.spacing or (None, None)
        measured = dict.fromkeys(field.name for field in fields(Measurements))
        if self.measurements is not None:
            measured = asdict(self.measurements)
        columns = {
            "file": self.file,
            "status": self.status,
            "mask": self.mask,
            "overlay": self.overlay,
            "report": self.report,
            "presentation": self.presentation,
            "width": self.width,
            "height": self.height,
            "pixel_spacing_row_mm": row,
            "pixel_spacing_column_mm": column,
            "pixel_spacing_source": self.spacing_source,
            **measured,
            "flags": list(self.flags),
            "remarks": list(self.remarks),
            "reason": self.reason,
            "review": self.review,
        }
        return {name: round(value, 6) if isinstance(value, float) else value for name, value in columns.items()}


def restore_prediction(values: Mapping[str, Any]) -> Prediction:
    """Return the prediction that `dataclasses.asdict` made these values of, also after a way through JSON.

    KeyError, TypeError and ValueError are raised where they are something else.
    """
    given = dict(values)
    if given["measurements"] is not None:
        given["measurements"] = Measurements(**given["measurements"])
    given["spacing"] = None if given["spacing"] is None else tuple(given["spacing"])
    given["flags"] = tuple(given["flags"])
    given["remarks"] = tuple(given.get("remarks", ()))  # which earlier versions did not have
    return Prediction(**given)


def predictions_document(predictions: Sequence[Prediction], identity: ModelIdentity) -> dict[str, Any]:
    """Return what predictions.json holds of predictions and the model that made them."""
    return {
        "format": "monai_lungxfer predictions 1",
        "notice": NOTICE,
        "package_version": __version__,
        "model": asdict(identity),
        "flag_thresholds": asdict(THRESHOLDS),
        "predictions": [prediction.as_row() for prediction in predictions],
    }


def save_tables(predictions: Sequence[Prediction], identity: ModelIdentity, folder: str | Path) -> None:
    """Write predictions.csv and predictions.json, each all or nothing.

    In the CSV flags and remarks are joined by what `_JOINTS` says, what is unknown is empty, and the last column names
    the model. Texts are those of `monai_lungxfer.utils.csv_tables.as_text_cell`.
    OutputError is raised when a table cannot be written.
    """
    table, document = (Path(folder) / name for name in TABLE_NAMES)
    with atomic_path(document) as temporary:
        text = json.dumps(predictions_document(predictions, identity), indent=1, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    rows = [prediction.as_row() | {"model": str(identity)} for prediction in predictions]
    header = [*Prediction(file="").as_row(), "model"]
    write_rows(table, header, (row | {name: joint.join(row[name]) for name, joint in _JOINTS.items()} for row in rows))

"""Measuring one set of weights on one section of a split, image by image, and writing the result down."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.engines import Workflow
from monai.utils import ensure_tuple

from monai_lungxfer.data.datalist import data_root
from monai_lungxfer.data.groups import KEPT_FIELDS, group_records
from monai_lungxfer.data.records import image_name
from monai_lungxfer.handlers.report_file import HASH_DIGITS, is_native
from monai_lungxfer.metrics.calibration import Calibration
from monai_lungxfer.metrics.cumulative import image_metrics
from monai_lungxfer.metrics.per_image import METRICS, NATIVE_METRICS, ZONE_METRICS
from monai_lungxfer.metrics.reader_agreement import CEILING_OF, ReaderMasks, describe_agreement
from monai_lungxfer.metrics.summary import summarise_report
from monai_lungxfer.utils.files import atomic_path, hash_file
from monai_lungxfer.weights.learnt import find_learnt

logger = logging.getLogger(__name__)


class ImageTable:
    """Ignite handler that keeps the metrics of every image that an evaluator sees.

    Patients are numbered in the order in which they appear: the report tells which images belong together, and not
    whose they are. A row also has the first digits of the SHA-256 of the mask's file (`label`) and the size at which it
    was measured (`grid`, height x width in pixels), so that two reports can be compared image by image.

    Parameters
    ----------
    records : sequence of mappings
        The section's records, in the order in which the evaluator sees them.
    root : str or pathlib.Path
        The data set, as for `monai_lungxfer.data.datalist.load_datalist`; images are named relative to its folder, see
        `monai_lungxfer.data.records.image_name`.
    names : sequence of str, optional
        Metrics; the default is `monai_lungxfer.metrics.per_image.METRICS`, at native size `NATIVE_METRICS`.
    by : sequence of str, optional
        Fields of the records to group the report by, see `monai_lungxfer.data.groups.group_records`.
    at : {"grid", "native"}
        Whether ``label`` is on the network's grid, or ``truth`` is the mask as it was drawn; ``pred`` is alike.
    clean : bool
        Whether ``mask``, the cleaned one, is measured in place of the thresholded ``pred``.
    zones : bool
        Whether `monai_lungxfer.metrics.per_image.ZONE_METRICS` are measured, too.
    against : sequence of str or pathlib.Path, optional
        Folders of other readers' masks, see `monai_lungxfer.metrics.reader_agreement.ReaderMasks`.

    Raises
    ------
    LungXferError
        When a field of `by` could tell who an image is of, or no mask of a reader is of an image.
    """

    def __init__(
        self,
        records: Sequence[Mapping[str, Any]],
        root: str | Path,
        names: Sequence[str] | None = None,
        by: Sequence[str] = (),
        at: str = "grid",
        clean: bool = False,
        against: Sequence[str | Path] = (),
        zones: bool = False,
    ) -> None:
        self.records = records
        self.root = data_root(root)
        self.at, self.clean = at, clean
        self._truth = "truth" if is_native(at) else "label"
        self.names = tuple(names or (NATIVE_METRICS if is_native(at) else METRICS)) + (ZONE_METRICS if zones else ())
        self.rows: list[dict[str, Any]] = []
        self._readers = ReaderMasks(ensure_tuple(against), records, self.names) if against else None
        self._groups = group_records(records, ensure_tuple(by))
        self._calibration = Calibration()
        self._patients: dict[str, int] = {}
        self.report: dict[str, Any] = {}

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator, after its postprocessing."""
        engine.add_event_handler(Events.STARTED, self._start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def _start(self) -> None:
        self.rows.clear()
        self._calibration = Calibration()
        self._patients.clear()

    def __call__(self, engine: Workflow) -> None:
        """Measure the batch that has just been predicted."""
        for item in engine.state.output:
            record = self.records[len(self.rows)]
            truth = item[self._truth]
            spacing = _spacing(truth)
            mask = item["mask"][None] if self.clean else None
            values = image_metrics(item["pred"][None], truth[None], self.names, spacing, mask)
            self.rows.append(
                {"image": image_name(record["image"], self.root)}
                | ({"patient": self._number(record["patient"])} if "patient" in record else {})
                | {field: record[field] for field in KEPT_FIELDS if field in record}
                | ({"label": hash_file(record["label"])[:HASH_DIGITS]} if "label" in record else {})
                | {"grid": "x".join(map(str, truth.shape[-2:]))}
                | {"distances_in": "pixels" if spacing is None else "mm"}
                | {name: float(value) for name, value in values.items()}
                | ({} if self._readers is None else self._readers.measure(record))
            )
            self._calibration.add(item["pred"], truth)

    @property
    def _summarised(self) -> list[str]:
        """The metrics, each with its ceiling behind it, where that was measured."""
        ceilings = () if self._readers is None else self._readers.names
        beside = {CEILING_OF[name]: name for name in ceilings}
        return [one for name in self.names for one in (name, beside.get(name)) if one is not None]

    def _number(self, patient: str) -> int:
        return self._patients.setdefault(patient, len(self._patients) + 1)

    def _find_learnt(self, weights: str | Path, refiner: str | Path | None) -> list[dict[str, Any]]:
        """Return what both have learnt from; a row of the refiner says so."""
        refined = [] if refiner is None else find_learnt(refiner, self.records)
        return find_learnt(weights, self.records) + [{**one, "own": False, "refiner": True} for one in refined]

    def write(
        self, path: str | Path, *, section: str, split: str, weights: str | Path, refiner: str | Path | None = None
    ) -> dict[str, Any]:
        """Write the report as JSON, all or nothing, and return it.

        It says under "at" at what size was measured, under "clean" whether masks were cleaned before, and under
        "refiner_sha256" which border refiner was used, or None.
        Under "calibration" it tells, for ten ranges of equal width of the predicted probability, how many pixels of
        all images fell into it, their mean probability, and the share of them that is lung; under "calibration_border"
        the same near the border of the lungs, and under "calibration_error" the mean gap of both, see
        `monai_lungxfer.metrics.calibration`; under "against" how far readers agree; for the rest `summarise_report`.
        Under "learnt" it tells how many of
        the images the weights, or weights that they stem from, have learnt from, see
        `monai_lungxfer.weights.learnt.find_learnt`. A warning says so, too.

        Parameters
        ----------
        path : str or pathlib.Path
            The report file.
        section, split : str
            Name of the section and hash of the split, so that results can be compared.
        weights : str or pathlib.Path
            The weights file that was measured; its hash is recorded.
        refiner : str or pathlib.Path, optional
            The refiner's file, whose hash is recorded.

        Raises
        ------
        OutputError
            When it cannot be written.
        """
        self.report = {
            "section": section,
            "split": split,
            "weights_sha256": hash_file(weights),
            "at": self.at,
            "clean": self.clean,
            "refiner_sha256": None if refiner is None else hash_file(refiner),
            "learnt": self._find_learnt(weights, refiner),
            **summarise_report(self.rows, self._summarised, self._groups),
            **({} if self._readers is None else {"against": describe_agreement(self.rows, self._readers.readers)}),
            **self._calibration.describe(),
            "rows": [{key: _json_number(value) for key, value in row.items()} for row in self.rows],
        }
        warn_of_learnt(self.report)
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(self.report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return self.report


def warn_of_learnt(report: Mapping[str, Any]) -> None:
    """Log a warning for each training that learnt from images of a report."""
    for one in report["learnt"]:
        who = "These weights" if one["own"] else f"The weights {one['by']}, which these stem from,"
        who = "The border refiner" if one.get("refiner") else who
        logger.warning(
            "%s learnt from %d of the %d measured images, or were chosen on them: means of new images may be lower",
            *(who, one["images"], report["images"]),
        )


def _spacing(label: torch.Tensor) -> tuple[float, float] | None:
    """Return the (row, column) spacing in mm of a label as it was resized, where its file tells it."""
    meta = getattr(label, "meta", {})
    native = np.asarray(meta.get("pixel_spacing", (math.nan, math.nan)), dtype=float)
    if np.isnan(native).any():
        return None
    height, width = meta["spatial_shape"]
    return float(native[0] * height / label.shape[-2]), float(native[1] * width / label.shape[-1])


def _json_number(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value

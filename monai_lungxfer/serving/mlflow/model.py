"""The model that MLflow loads and serves: a bundle behind one table of radiographs and one of masks."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from monai_lungxfer.bundle.files import bundle_adapters
from monai_lungxfer.inference.segmentation import PreparedRadiograph, Segmentation
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.mask_writer import encode_png
from monai_lungxfer.serving.mlflow.guard import RequestError, guard_server
from monai_lungxfer.serving.mlflow.rows import INPUTS, read_row
from monai_lungxfer.serving.mlflow.settings import Settings
from monai_lungxfer.serving.mlflow.signature import BUNDLE_ARTIFACT, COLUMNS
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.threads import granted_cores

_ON_ERROR = ("raise", "return")
_MOST_REASONS = 5


class LungModel(PythonModel):
    """Masks of radiographs at their native size, equal to those of ``lungxfer predict``.

    Not a medical device: for research and for preparing annotations.
    """

    def load_context(self, context: PythonModelContext) -> None:
        """Load the bundle, by the model's configuration."""
        self._settings = Settings(**(context.model_config or {}))
        bundle = Path(context.artifacts[BUNDLE_ARTIFACT])
        named = {"": None, **bundle_adapters(bundle)}
        self._segmenters = {
            name: Segmenter.from_bundle(bundle, adapter=file, device=self._settings.device)
            for name, file in named.items()
        }
        # So many requests at a time: no more radiographs are in memory, however many clients there are.
        is_alone = any(segmenter.engine.takes_batches for segmenter in self._segmenters.values())
        self._turn = threading.BoundedSemaphore(1 if is_alone else granted_cores())
        guard_server(self._settings.max_rows)

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002 - MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Segment the radiographs of a table.

        Parameters
        ----------
        context : mlflow.pyfunc.PythonModelContext
            As in `load_context`.
        model_input : pandas.DataFrame
            One radiograph a row, see `monai_lungxfer.serving.mlflow.rows.read_row`.
        params : dict, optional
            ``any_view``: also take DICOM files that are no frontal chest radiographs by their header. ``strict``:
            refuse images that do not look like one, see `Segmentation.refuse_flagged`. ``on_error``: ``"raise"``
            (default) an error when no row at all could be segmented, or ``"return"`` the rows even then. ``adapter``:
            the name of an adapter that the model holds; the default is the model without one.

        Returns
        -------
        pandas.DataFrame
            One row for each of the input's, with its index. ``mask`` is the base64 text of a PNG file of native size,
            0 and 255; areas are in pixels and, where the file tells the spacing, cm²; ``flags`` are those of
            `monai_lungxfer.inference.quality.FLAGS`, and ``remarks`` tell of the reading. A row that could not be
            segmented has the reason in ``error``, and costs no other row its result.

        Raises
        ------
        RequestError
            When no row could be segmented, ``on_error`` is something else, or there is no such adapter.
        """
        wanted = {"any_view": False, "strict": False, "on_error": "raise", "adapter": ""} | (params or {})
        if wanted["on_error"] not in _ON_ERROR:
            raise RequestError(f"on_error must be one of {', '.join(_ON_ERROR)}")
        if (segmenter := self._segmenters.get(str(wanted["adapter"]))) is None:
            raise RequestError(f"adapter must be one of {', '.join(filter(None, self._segmenters)) or 'none'}")
        rows = model_input.reindex(columns=list(INPUTS)).to_dict("records")
        size = self._settings.batch_size
        with self._turn:
            results = [
                result
                for start in range(0, len(rows), size)
                for result in self._segment(segmenter, rows[start : start + size], wanted)
            ]
        if wanted["on_error"] == "raise":
            _refuse_if_all_failed(results)
        # As objects, or pandas would make NaN of None, which is no JSON.
        return pd.DataFrame(results, index=model_input.index, columns=list(COLUMNS), dtype=object)

    def _segment(
        self, segmenter: Segmenter, rows: Sequence[dict[str, Any]], wanted: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        loaded = [self._load(segmenter, row, bool(wanted["any_view"])) for row in rows]
        segmentations = segmenter.run([item for item in loaded if isinstance(item, PreparedRadiograph)])
        for item in loaded:
            try:
                if isinstance(item, InputFileError):
                    raise item
                content = _measured(next(segmentations), strict=bool(wanted["strict"]))
            except InputFileError as error:
                content = {"error": error.without_source}  # the source is a temporary file
            yield dict.fromkeys(COLUMNS) | {"model": str(segmenter.identity)} | content

    def _load(self, segmenter: Segmenter, row: dict[str, Any], any_view: bool) -> PreparedRadiograph | InputFileError:
        try:
            return segmenter.prepare(read_row(row, self._settings, segmenter.channels, any_view=any_view))
        except InputFileError as error:
            return error


def _measured(segmentation: Segmentation, *, strict: bool) -> dict[str, Any]:
    if strict:
        segmentation.refuse_flagged()
    height, width = segmentation.mask.shape
    return {
        "mask": base64.b64encode(encode_png(segmentation.mask)).decode(),
        "height": height,
        "width": width,
        **segmentation.areas,
        **segmentation.dice,
        "flags": list(segmentation.flags),
        "remarks": list(segmentation.remarks),
    }


def _refuse_if_all_failed(results: Sequence[dict[str, Any]]) -> None:
    if not results:  # MLflow drops columns that it does not know, and with the last of them all rows
        raise RequestError(f"The request has no row with {', '.join(INPUTS)}. Give one of them for each radiograph.")
    reasons = [f"Row {number}: {row['error']}" for number, row in enumerate(results) if row["error"] is not None]
    if len(reasons) == len(results):
        more = [f"And {len(reasons) - _MOST_REASONS} more."] if len(reasons) > _MOST_REASONS else []
        raise RequestError(" ".join(["No radiograph could be segmented.", *reasons[:_MOST_REASONS], *more]))

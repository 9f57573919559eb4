"""Which DICOM images show the same exposure: the detector's FOR PROCESSING image and the one FOR PRESENTATION."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy.sparse import bmat, csr_matrix
from scipy.sparse.csgraph import connected_components, maximum_bipartite_matching

from monai_lungxfer.inference.dicom.attributes import read_items, read_number
from monai_lungxfer.io.formats.dicom_identity import read_text

_RAW = "FOR PROCESSING"
_RAW_CLASS = "1.2.840.10008.5.1.4.1.1.1.1.1"  # DX
_RADIOGRAPHY = ("1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1")  # CR and DX

_EXPOSURE = (  # what does not change when an image is processed: PS3.3, C.4.16, C.7.10, C.8.7.8
    *("PatientID", "AcquisitionNumber", "ViewPosition", "Laterality", "ImageLaterality", "BodyPartExamined"),
    *("KVP", "ExposureTime", "XRayTubeCurrent", "Exposure", "DetectorID", "PlateID", "CassetteID"),
)
_SAME_MOMENT = timedelta(seconds=1)  # one device writes fractions of a second in one of two images alone
_REFERENCES = ("SourceImageSequence", "ReferencedImageSequence")

EXPOSURE_KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "PresentationIntentType", "IrradiationEventUID"),
    *("AcquisitionDateTime", "AcquisitionDate", "AcquisitionTime", "StudyDate", "Rows", "Columns"),
    *(*_REFERENCES, *_EXPOSURE),
)
"""The attributes that `find_raw_twins` looks at."""

_NONE, _LIKELY, _SURE = range(3)


def find_raw_twins(headers: Mapping[Path, Dataset]) -> list[Path]:
    """Return the FOR PROCESSING images whose exposure is also there FOR PRESENTATION.

    Two images are surely of one exposure when the one FOR PRESENTATION names the other as its source, or both have the
    same Irradiation Event UID, or are of one study, their acquisitions began within a second, and nothing in the
    exposure's attributes differs. Without these, images of one study and size, of whose attributes none differs, are
    paired only where each of the FOR PROCESSING images that compete gets one of its own: no radiograph is to be lost.
    """
    studies: dict[str, dict[Path, _Exposure]] = {}
    for path, header in headers.items():
        exposure = _Exposure.of(header)
        if exposure.is_raw or exposure.is_shown:
            studies.setdefault(exposure.study, {})[path] = exposure
    return [path for study in studies.values() for path in _twins_in_study(study)]


def _twins_in_study(exposures: Mapping[Path, _Exposure]) -> list[Path]:
    raws = [path for path, exposure in exposures.items() if exposure.is_raw]
    shown = [exposure for exposure in exposures.values() if not exposure.is_raw]
    levels = np.array([[exposures[raw].compare(other) for other in shown] for raw in raws])
    if not levels.size:
        return []
    is_sure = levels == _SURE
    is_twin = is_sure.any(axis=1)
    is_twin[~is_twin] = _all_paired((levels == _LIKELY)[~is_twin][:, ~is_sure.any(axis=0)])
    return [path for path, twin in zip(raws, is_twin, strict=True) if twin]


def _all_paired(likely: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell of each row whether it, and all rows that compete with it, can have a column of their own."""
    if not likely.size:
        return np.zeros(len(likely), bool)
    graph = csr_matrix(likely)
    pairs = maximum_bipartite_matching(graph, perm_type="column")
    _, rivals = connected_components(bmat([[None, graph], [graph.T, None]]), directed=False)
    groups = rivals[: len(likely)]
    return ~np.isin(groups, groups[pairs < 0])


@dataclass(frozen=True)
class _Exposure:
    """What a header says of the exposure, read once; `facts` are those of `_EXPOSURE` that it has."""

    uid: str
    study: str
    event: str
    references: frozenset[str]
    began: datetime | None
    size: tuple[int, ...]  # sorted: an image FOR PRESENTATION may be turned
    facts: dict[str, float | str]
    is_raw: bool
    is_shown: bool

    @classmethod
    def of(cls, header: Dataset) -> _Exposure:
        items = [item for keyword in _REFERENCES for item in read_items(header, keyword)]
        facts = {keyword: _number(text) for keyword in _EXPOSURE if (text := read_text(header, keyword).upper())}
        kind, intent = read_text(header, "SOPClassUID"), read_text(header, "PresentationIntentType").upper()
        return cls(
            uid=read_text(header, "SOPInstanceUID"),
            study=read_text(header, "StudyInstanceUID"),
            event=read_text(header, "IrradiationEventUID"),
            references=frozenset(read_text(item, "ReferencedSOPInstanceUID") for item in items) - {""},
            began=_began(header),
            size=tuple(sorted((read_number(header, "Rows"), read_number(header, "Columns")))),
            facts=facts,
            is_raw=intent == _RAW or (not intent and kind == _RAW_CLASS),
            is_shown=kind in _RADIOGRAPHY and "Rows" in header,
        )

    def compare(self, shown: _Exposure) -> int:
        """Return how sure it is that an image FOR PRESENTATION is of the same exposure."""
        if self.uid in shown.references:
            return _SURE
        if self.event and shown.event:
            return _SURE if self.event == shown.event else _NONE
        if not self.study or any(self.facts[key] != shown.facts[key] for key in self.facts.keys() & shown.facts.keys()):
            return _NONE
        if self.began is not None and shown.began is not None:
            return _SURE if abs(self.began - shown.began) <= _SAME_MOMENT else _NONE
        return _LIKELY if self.size == shown.size else _NONE


def _number(text: str) -> float | str:
    """Return what a text says as a number where it is one, so that 85 is 85.0."""
    try:
        return float(text)
    except ValueError:
        return text


def _began(header: Dataset) -> datetime | None:
    """Return when the acquisition began, in the device's own time zone."""
    whole = read_text(header, "AcquisitionDateTime").partition("+")[0].partition("-")[0]
    date = read_text(header, "AcquisitionDate") or read_text(header, "StudyDate")
    whole = whole or date.replace(".", "") + read_text(header, "AcquisitionTime").replace(":", "")
    for form in ("%Y%m%d%H%M%S.%f", "%Y%m%d%H%M%S"):
        try:
            return datetime.strptime(whole, form)
        except ValueError:
            continue
    return None

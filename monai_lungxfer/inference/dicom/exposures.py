"""Which DICOM images show the same exposure: the detector's FOR PROCESSING image and the one FOR PRESENTATION."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

from monai_lungxfer.inference.dicom.attributes import read_items, read_number, read_text

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
    paired only where there is an image FOR PRESENTATION for each of the others: no radiograph is to be lost.
    """
    studies: dict[str, dict[Path, Dataset]] = {}
    for path, header in headers.items():
        studies.setdefault(read_text(header, "StudyInstanceUID"), {})[path] = header
    return [path for study in studies.values() for path in _twins_in_study(study)]


def _twins_in_study(headers: Mapping[Path, Dataset]) -> list[Path]:
    raws = [path for path, header in headers.items() if _is_raw(header)]
    shown = [path for path, header in headers.items() if path not in raws and _is_radiograph(header)]
    levels = np.array([[_compare(headers[raw], headers[other]) for other in shown] for raw in raws])
    if not levels.size:
        return []
    is_sure = levels == _SURE
    is_twin = is_sure.any(axis=1)
    likely = (levels == _LIKELY)[~is_twin][:, ~is_sure.any(axis=0)]
    pairs = maximum_bipartite_matching(csr_matrix(likely), perm_type="column")
    is_twin[~is_twin] = bool(np.all(pairs >= 0)) if likely.size else False
    return [path for path, twin in zip(raws, is_twin, strict=True) if twin]


def _is_raw(header: Dataset) -> bool:
    intent = read_text(header, "PresentationIntentType").upper()
    return intent == _RAW or (not intent and read_text(header, "SOPClassUID") == _RAW_CLASS)


def _is_radiograph(header: Dataset) -> bool:
    return read_text(header, "SOPClassUID") in _RADIOGRAPHY and "Rows" in header


def _compare(raw: Dataset, shown: Dataset) -> int:
    """Return how sure it is that both are of one exposure."""
    if read_text(raw, "SOPInstanceUID") in _references(shown):
        return _SURE
    event, other = (read_text(header, "IrradiationEventUID") for header in (raw, shown))
    if event and other:
        return _SURE if event == other else _NONE
    study = read_text(raw, "StudyInstanceUID")
    if not study or study != read_text(shown, "StudyInstanceUID") or any(_differ(raw, shown, key) for key in _EXPOSURE):
        return _NONE
    times = [_began(header) for header in (raw, shown)]
    if times[0] is not None and times[1] is not None:
        return _SURE if abs(times[0] - times[1]) <= _SAME_MOMENT else _NONE
    return _LIKELY if _size(raw) == _size(shown) else _NONE


def _references(header: Dataset) -> set[str]:
    items = [item for keyword in _REFERENCES for item in read_items(header, keyword)]
    return {uid for item in items if (uid := read_text(item, "ReferencedSOPInstanceUID"))}


def _differ(raw: Dataset, shown: Dataset, keyword: str) -> bool:
    """Tell whether both have the attribute, with different values; numbers are compared as such."""
    one, two = read_text(raw, keyword).upper(), read_text(shown, keyword).upper()
    if not one or not two or one == two:
        return False
    try:
        return float(one) != float(two)
    except ValueError:
        return True


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


def _size(header: Dataset) -> list[int]:
    """Return the sides, sorted: the one FOR PRESENTATION may be turned."""
    return sorted((read_number(header, "Rows"), read_number(header, "Columns")))

"""Values of DICOM attributes as text that is valid, whatever the file holds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime

from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from monai_lungxfer.io.formats.dicom_identity import read_text

_TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?")


def read_number(source: Dataset, keyword: str) -> int:
    """Return an attribute's value as a number, 0 when it is absent, negative, no integer or too large."""
    text = read_text(source, keyword)
    return int(text) if re.fullmatch(r"\d{1,8}", text) else 0


def plain_spacing(source: Dataset) -> tuple[float, float] | None:
    """Return the distance between (rows, columns) in mm as viewers take it: not divided by any magnification."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        try:
            row, column = (float(text) for text in read_text(source, keyword).split("\\"))
        except ValueError:
            continue  # absent, or malformed
        if 0 < row < math.inf and 0 < column < math.inf:
            return row, column
    return None


def read_items(source: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence, none when it is absent or cannot be read."""
    try:
        return [item for item in source.get(keyword) or () if isinstance(item, Dataset)]
    except Exception:  # noqa: BLE001 - conversions of malformed values raise anything
        return []


def valid_text(source: Dataset, keyword: str) -> str:
    """Return `read_text` where it is valid for the attribute or can be mended, else "".

    Names and numbers that are too long stay as they are: the receiver finds the patient by them.
    """
    text = read_text(source, keyword)
    check = _CHECKS.get(keyword) or _CHECKS.get(dictionary_VR(keyword))
    return check(text) if check else text


def _date(text: str) -> str:
    """Return a date as YYYYMMDD; ACR-NEMA files have YYYY.MM.DD."""
    digits = text.replace(".", "")
    try:
        return datetime.strptime(digits, "%Y%m%d").strftime("%Y%m%d") if len(digits) == 8 else ""
    except ValueError:
        return ""


def _time(text: str) -> str:
    digits = text.replace(":", "")
    return digits if _TIME.fullmatch(digits) else ""


_CHECKS: dict[str, Callable[[str], str]] = {
    "DA": _date,
    "TM": _time,
    "AS": lambda text: text if re.fullmatch(r"\d{3}[DWMY]", text) else "",
    "LossyImageCompressionRatio": lambda text: text if re.fullmatch(r"\d+(\.\d+)?(\\\d+(\.\d+)?)*", text) else "",
    "LossyImageCompressionMethod": lambda text: text if re.fullmatch(r"[A-Z0-9_ \\]+", text) else "",
    "PatientSex": lambda text: text if text in ("M", "F", "O") else "",
    "PatientIdentityRemoved": lambda text: text if text in ("YES", "NO") else "",
}
"""By keyword or value representation: returns a valid value, or "" for one that cannot be mended."""

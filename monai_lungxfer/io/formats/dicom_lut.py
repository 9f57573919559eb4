"""The grey-scale steps of DICOM: modality LUT or rescale, then VOI LUT or window (PS3.3, C.7.6.16.2.9, C.11.1, C.11.2).

pydicom has them, too, but its look-up tables wrap around where the entries have fewer bits than their number needs,
refuse 12 bits, and know no negative slope; ITK and GDCM leave the second step out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

Step = Callable[[NDArray[Any]], NDArray[Any]]

MALFORMED = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError)
"""What reading a malformed attribute raises."""

_MOST_BITS = 16
_UNEVEN = 0.05
_NO_RESCALE = {"RescaleSlope": 1, "RescaleIntercept": 0}


def modality_step(
    dataset: Dataset, limits: NDArray[Any], remarks: list[str]
) -> tuple[Step | None, tuple[float, float]]:
    """Return the first step, ``None`` where there is none, and the lowest and highest value that comes out of it.

    It is that of Modality LUT Sequence (0028,3000), or of Rescale Slope (0028,1053) and Intercept (0028,1052). The
    limits, (2,), are the lowest and highest value that can be stored. One of `MALFORMED` is raised for attributes that
    make no sense. The remarks receive what a person should
    know, such as that a table is shorter than it declares.
    """
    if dataset.get("ModalityLUTSequence"):
        item = dataset.ModalityLUTSequence[0]
        return _table_step(dataset, item, limits[0] < 0, remarks), (0.0, 2.0 ** _bits(item) - 1)
    given = {keyword: dataset.get(keyword) for keyword in _NO_RESCALE}
    missing = [keyword for keyword, value in given.items() if value is None or value == ""]
    if len(missing) == len(given):
        return None, (float(limits[0]), float(limits[1]))
    remarks += [
        f"its header gives no usable {key}, and {_NO_RESCALE[key]} was taken: look at the mask" for key in missing
    ]
    slope, intercept = (float(_NO_RESCALE[key] if key in missing else value) for key, value in given.items())
    if slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept):
        raise ValueError("no slope")

    def rescale(values: NDArray[Any]) -> NDArray[Any]:
        return values * np.float64(slope) + intercept

    low, high = sorted(rescale(limits.astype(np.float64)))
    return rescale, (low, high)


def voi_steps(
    dataset: Dataset, limits: tuple[float, float], remarks: list[str]
) -> Iterator[tuple[str, Callable[[], Step]]]:
    """Yield name and maker of each alternative for the second step, the preferred one first: LUTs, then windows.

    Each maker returns the step, or raises one of `MALFORMED`. They are made of VOI LUT Sequence (0028,3010); Window
    Center (0028,1050), Window Width (0028,1051), VOI LUT Function (0028,1056). The limits are what comes out of the
    first step, which is also the range that a window spreads its values over. A name is for a message, such as "window
    40/400" by centre and width.
    """
    for item in dataset.get("VOILUTSequence") or ():
        yield "VOI LUT", partial(_table_step, dataset, item, limits[0] < 0, remarks)
    function = str(dataset.get("VOILUTFunction") or "LINEAR").upper()
    centres, widths = _numbers(dataset, "WindowCenter"), _numbers(dataset, "WindowWidth")
    if len(centres) != len(widths):
        remarks.append("it has not as many values of WindowCenter as of WindowWidth; only pairs count")
    for centre, width in zip(centres, widths, strict=False):
        yield _window_name(centre, width), partial(_window, function, centre, width, limits)


def _window_name(centre: Any, width: Any) -> str:
    try:
        return f"window {float(centre):g}/{float(width):g}"
    except MALFORMED:  # may be any text
        return "window"


def _numbers(dataset: Dataset, keyword: str) -> list[Any]:
    value = dataset.get(keyword)
    if value is None or value == "":
        return []
    return [value] if isinstance(value, (str, int, float)) else list(value)


def _bits(item: Dataset) -> int:
    bits = int(item.LUTDescriptor[2])
    if not 1 <= bits <= _MOST_BITS:
        raise ValueError("bits of a LUT")
    return bits


def _table_step(dataset: Dataset, item: Dataset, is_signed: bool, remarks: list[str]) -> Step:
    """Return the look-up in a LUT: values before its first entry become the first, those after its last the last."""
    _bits(item)
    count, first = (int(value) for value in item.LUTDescriptor[:2])
    count = count & 0xFFFF or 0x10000  # PS3.3, C.11.1.1: 0 stands for 65,536; and some write it with a sign
    if is_signed and first > 0x7FFF:
        first -= 0x10000  # written without the sign that the values have
    table = _entries(dataset, item["LUTData"].value, count)
    if len(table) < count:
        remarks.append(f"its look-up table has {len(table)} of the {count} entries that it declares: look at the mask")
    if _is_uneven(table):
        remarks.append("its look-up table goes up and down: look at the mask")

    def look_up(values: NDArray[Any]) -> NDArray[Any]:
        index = np.clip(np.rint(values.astype(np.float64)) - first, 0, len(table) - 1)
        return table[index.astype(np.intp)]

    return look_up


def _is_uneven(table: NDArray[np.uint16]) -> bool:
    """Tell whether a table rises and falls, each by a twentieth of the other way; a curve of grey values does not."""
    steps = np.diff(table.astype(np.int32))
    up, down = steps[steps > 0].sum(), -steps[steps < 0].sum()
    return bool(min(up, down) > _UNEVEN * max(up, down))


def _entries(dataset: Dataset, data: Any, count: int) -> NDArray[np.uint16]:
    """Return the entries that are there: one a word, or two 8-bit entries a word where there are half as many words."""
    syntax = dataset.file_meta.TransferSyntaxUID
    order = "<" if syntax.is_little_endian else ">"
    if not isinstance(data, bytes):
        numbers = [int(value) & 0xFFFF for value in (data if hasattr(data, "__len__") else [data])]
        data, order = np.array(numbers, "<u2").tobytes(), "<"
    if len(data) == count and count % 2:  # packed, without the byte that fills the last word
        return np.frombuffer(data, np.uint8).astype(np.uint16)
    words = np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2")
    if len(data) == count + count % 2:
        packed = words.astype("<u2").view(np.uint8)[:count].astype(np.uint16)
        # Where the table is cut in half, its bytes make no curve, but its words do.
        return words.astype(np.uint16) if _is_uneven(packed) and not _is_uneven(words.astype(np.uint16)) else packed
    if 2 * len(words) < count:
        raise ValueError("a LUT of which most is missing")
    return words[:count].astype(np.uint16)


def _window(function: str, centre: Any, width: Any, limits: tuple[float, float]) -> Step:
    """Return a window that spreads its values over the limits (PS3.3, C.11.2.1.2 and C.11.2.1.3)."""
    low, high = limits
    centre, width = float(centre), float(width)
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID") or not math.isfinite(centre) or not math.isfinite(width):
        raise ValueError("window")
    if width < (1 if function == "LINEAR" else np.finfo(np.float32).tiny):
        raise ValueError("width of a window")
    if function == "LINEAR":
        centre, width = centre - 0.5, width - 1

    def line(values: NDArray[Any]) -> NDArray[Any]:
        if width == 0:
            return np.where(values > centre, high, low)
        return np.clip((values - np.float64(centre)) / width + 0.5, 0, 1) * (high - low) + low

    def curve(values: NDArray[Any]) -> NDArray[Any]:
        power = np.clip(-4 * (values - np.float64(centre)) / width, -500, 500)  # far from an overflow of exp
        return (high - low) / (1 + np.exp(power)) + low

    return curve if function == "SIGMOID" else line

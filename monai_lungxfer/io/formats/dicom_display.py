"""Which of the grey-scale steps in a DICOM header are applied: those that make sense and leave something to see."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset

from monai_lungxfer.io.formats.dicom_lut import MALFORMED, Step, modality_step, voi_steps

_LINES = 256  # of the picture that are looked at, evenly spaced
_LEAST_SEEN = 0.5  # of the pixels between the darkest and the brightest are told apart by a window that is used
_END = 0.005  # of the displayed range at its ends counts as black or white


def choose_display(
    dataset: FileDataset,
    stored: NDArray[Any],
    limits: NDArray[Any],
    padding: NDArray[np.bool_] | None,
    remarks: list[str],
) -> Step:
    """Return the function from stored to displayed values, without the steps that are malformed or of no use.

    A window or VOI LUT is of no use when it makes black or white of half of the pixels, not counting the
    darkest and the brightest that are stored. The next one is tried then, and after the last the full range is shown.

    Parameters
    ----------
    dataset : pydicom.dataset.FileDataset
        The header.
    stored : numpy.ndarray
        (H, W) The stored values.
    limits : numpy.ndarray
        (2,) The lowest and the highest value that can be stored.
    padding : numpy.ndarray or None
        (H, W) Where the pixels are padding; they are not looked at.
    remarks : list of str
        Receives what was left out, and what was used instead.
    """
    try:
        modality, steps_to = modality_step(dataset, limits, remarks)
    except MALFORMED:
        remarks.append("its modality LUT or rescale slope is malformed and was left out, with any window")
        return lambda values: values
    sample = _sample(stored, padding)
    rejected = []
    for name, make in voi_steps(dataset, steps_to, remarks):
        try:
            step = _compose(modality, make())
            seen = share_seen(step, sample)
        except MALFORMED:
            rejected.append(f"its {name} is malformed")
            continue
        if seen >= _LEAST_SEEN:
            _remark(rejected, f"its {name} is used instead", remarks)
            return step
        rejected.append(f"its {name} shows less than half of the picture")
    _remark(rejected, "the full range of values is shown instead", remarks)
    return modality or (lambda values: values)


def _remark(rejected: list[str], instead: str, remarks: list[str]) -> None:
    if rejected:
        remarks.append(f"{'; '.join(rejected)}; {instead}")


def _sample(stored: NDArray[Any], padding: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Return the values of some lines without the padding, after the lowest and the highest of all."""
    rows = slice(None, None, max(1, len(stored) // _LINES))
    if padding is None:
        return np.concatenate([[stored.min(), stored.max()], stored[rows].ravel()])
    some = stored.flat[np.argmin(padding)]  # one that is not padding
    ends = [np.min(stored, where=~padding, initial=some), np.max(stored, where=~padding, initial=some)]
    return np.concatenate([ends, stored[rows][~padding[rows]]])


def share_seen(step: Step, sample: NDArray[Any]) -> float:
    """Return the share of the values between the lowest and the highest that are neither black nor white then."""
    displayed = np.asarray(step(sample), np.float64)
    low, high = displayed.min(), displayed.max()
    if low == high:
        return 1.0 if sample[0] == sample[1] else 0.0
    between = (sample > sample[0]) & (sample < sample[1])
    if not between.any():  # a picture of two values, which are told apart
        return 1.0
    margin = _END * (high - low)
    is_seen = (displayed > low + margin) & (displayed < high - margin)
    return float(is_seen[between].mean())


def _compose(first: Step | None, second: Step) -> Step:
    return second if first is None else lambda values: second(first(values))

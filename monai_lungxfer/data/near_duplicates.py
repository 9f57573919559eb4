"""Pictures that are nearly the same though they are said to be of different patients: resized, re-encoded, inverted.

Two radiographs of the chest look alike when they are small. What tells them apart is detail: ribs, vessels and text.
Each picture is reduced to 64 x 64 pixels, its coarse shape is taken away, and contrast is made even. Then pictures are
compared by the correlation of what is left. The threshold `ALIKE` was chosen on 1,543 radiographs: two of their pairs
of different patients reach it, and both are one picture under two names; the next has 0.60 and is no copy. See
docs/data.md for what is found, and what is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from monai_lungxfer.data.checks import Problem, ProblemKind
from monai_lungxfer.data.lgg import FINDINGS as LGG_FINDINGS
from monai_lungxfer.data.records import Record

ALIKE = 0.65
"""Correlation from which on two pictures are taken for one."""

_SIDE = 64
_DETAIL, _NEIGHBOURHOOD = 2, 4  # standard deviations in pixels: finer is detail; where its contrast is made even
_BATCH = 1024
_REMEDY = "Look at both; keep one, or give both the same patient, so that a split keeps them together"


class DuplicateSearch:
    """Collects pictures one by one, 16 kB of each, and then compares each with all others, as they are and mirrored."""

    def __init__(self) -> None:
        self._records: list[tuple[int, Record]] = []
        self._details: list[NDArray[np.float32]] = []

    def add(self, index: int, record: Record, pixels: NDArray[np.float32]) -> None:
        """Add the picture (H, W) or (3, H, W) of a record, which is the `index`-th of its datalist.

        Slices of brain MRI are left out: all skulls on black ground look alike.
        """
        if record.get("finding") in LGG_FINDINGS:
            return
        self._records.append((index, record))
        self._details.append(extract_detail(pixels.mean(axis=0) if pixels.ndim == 3 else pixels))

    def find(self, leave_out: Collection[int] = ()) -> list[Problem]:
        """Return a problem for each picture that is nearly that of an earlier record, of another patient.

        Records by the indices to `leave_out`, such as exact copies, are reported already.
        """
        return [
            Problem(index, record["image"], ProblemKind.NEAR_DUPLICATE, message, _REMEDY)
            for index, record, message in self._compare()
            if index not in leave_out
        ]

    def _compare(self) -> Iterator[tuple[int, Record, str]]:
        if not self._details:
            return
        details = np.stack(self._details)
        patients = np.array([record["patient"] for _, record in self._records])
        for start in range(0, len(details), _BATCH):
            own = details[start : start + _BATCH]
            as_is, turned = correlate(own, details)
            score = np.maximum(np.abs(as_is), np.abs(turned))
            score[patients[start : start + _BATCH, None] == patients] = 0
            score[np.arange(start, start + len(own))[:, None] <= np.arange(len(details))] = 0
            for row in np.flatnonzero(score.max(axis=1) >= ALIKE):
                other = int(score[row].argmax())
                index, record = self._records[start + row]
                first, _ = self._records[other]
                how = _describe(float(as_is[row, other]), float(turned[row, other]))
                yield index, record, f"is nearly the picture of record {first}, which is of another patient ({how})"


def _describe(as_is: float, turned: float) -> str:
    mirrored = abs(turned) > abs(as_is)
    correlation = turned if mirrored else as_is
    words = ["mirrored"] * mirrored + ["inverted"] * (correlation < 0)
    return ", ".join([*words, f"correlation of details {abs(correlation):.2f}"])


def correlate(
    own: NDArray[np.float32], details: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the correlations (n, N) of details (n, D) with others (N, D) as they are, and with them mirrored."""
    mirrored = details.reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(details.shape)
    return own @ details.T, own @ mirrored.T


def extract_detail(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the detail of a picture (H, W) as a vector of length 1, or of zeros where there is none."""
    reach = float(pixels.max()) - float(pixels.min())
    scaled = pixels / max(reach, float(np.finfo(np.float32).tiny))
    image = Image.fromarray(np.ascontiguousarray(scaled, np.float32))
    small = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float32)
    detail = small - ndimage.gaussian_filter(small, _DETAIL)
    contrast = np.sqrt(ndimage.gaussian_filter(detail**2, _NEIGHBOURHOOD))
    detail /= contrast + 0.1 * contrast.mean() + np.finfo(np.float32).tiny
    detail -= detail.mean()
    length = float(np.linalg.norm(detail))
    return (detail / length if length > 0 else detail).ravel()

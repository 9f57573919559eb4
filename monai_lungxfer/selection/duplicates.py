"""Near-duplicates among the images to choose from: the same picture resized, saved again, mirrored or inverted."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.near_duplicates import ALIKE, correlate

FARTHEST = 1 - ALIKE
"""Distance up to which two pictures count as one: 1 less the correlation of their details.

Two different radiographs of one patient are farther apart; docs/selecting.md has what was measured.
"""

_BATCH = 1024


class NearDuplicates(NamedTuple):
    """Two pictures that are nearly the same, by their places: the second one is left out; and how far they are."""

    kept: int
    left_out: int
    distance: float


def find_near_duplicates(
    details: NDArray[np.float32], *, first: Collection[int] = (), farthest: float = FARTHEST
) -> list[NearDuplicates]:
    """Return each picture that is nearly the same as one before it, with that one.

    Parameters
    ----------
    details : numpy.ndarray
        (N, D), each by `monai_lungxfer.data.near_duplicates.extract_detail`.
    first : collection of int
        Places that come before all others, such as those that have a label.
    farthest : float
        See `FARTHEST`.

    Returns
    -------
    list of NearDuplicates
        Each left-out picture once, with the nearest one that is kept.
    """
    order = np.array([*sorted(first), *(place for place in range(len(details)) if place not in set(first))], int)
    ordered = details[order]
    out: NDArray[np.bool_] = np.zeros(len(order), bool)
    found = []
    for start in range(0, len(order), _BATCH):
        own = ordered[start : start + _BATCH]
        nearness = np.maximum(*(np.abs(one) for one in correlate(own, ordered)))
        for row, near in enumerate(nearness, start):
            before = np.where(out[:row], 0, near[:row])
            other = int(before.argmax()) if row else 0
            if row and 1 - before[other] <= farthest:
                out[row] = True
                found.append(NearDuplicates(int(order[other]), int(order[row]), max(0.0, 1 - float(before[other]))))
    return found

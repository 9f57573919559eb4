"""Whether objects lie over or near the lungs: pacemakers, electrodes, clips, arrows, boxes, letters.

Such objects have finer and steeper detail than anatomy. At a pixel's scale they are bright or dark spots, bright lines
and edges, and the largest of these stand out from the usual ones of the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

FOREIGN_OBJECT = (
    "an object seems to lie over or near the lungs, such as a pacemaker, electrodes or an arrow: look at the mask there"
)
"""The remark. It is no flag, since masks of such images are hardly worse: see docs/quality.md."""

SIDE = 192
"""Pixels of a side of the picture that is looked at; that of the portable network."""

KINDS = ("bright spot", "dark spot", "bright line", "edge")
"""Kinds of detail, all measured at a pixel's scale."""

QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
"""Which values of each kind count."""

_NEAR = 17  # pixels of a square around each pixel of lung: 7.6 mm to all sides, on a detector of 43 cm
_EDGE = 4  # pixels beyond it that smoothing needs
_LEAST = 1e-4

# A logistic regression on the logarithms, by kinds and quantiles; above 0 is an object. By
# scripts/experiments/fit_foreign_objects.py; docs/quality.md has what it is worth.
_WEIGHTS = np.array(
    [
        [0.0, 1.368, -0.012, 1.562, 1.144],
        [0.0, 1.101, -0.136, 0.502, 1.395],
        [-0.003, -1.678, 0.005, 0.521, 2.416],
        [-1.553, -3.173, -2.55, -1.639, -0.359],
    ]
)
_OFFSET = 4.174

Plane = NDArray[np.float32]


def has_foreign_object(picture: Plane, likelihood: Plane) -> bool:
    """Tell whether an object seems to lie over or near the lungs.

    Parameters
    ----------
    picture, likelihood : numpy.ndarray
        float32 (h, w): a channel of the network's input, and its probability of lung, both upright.
    """
    details = measure_details(picture, likelihood)
    return details is not None and float((_WEIGHTS * details).sum()) + _OFFSET > 0


def measure_details(picture: Plane, likelihood: Plane) -> NDArray[np.float64] | None:
    """Return the logarithm of `QUANTILES` of each of `KINDS` over and near the lungs, (4, 5); None without lungs.

    Values are relative to the range of grey values there, from the 5th to the 95th percentile. Spots are where both
    curvatures of the smoothed picture (standard deviation of a pixel) have one sign, and the smaller one is their
    strength; lines are where the larger one is.
    """
    picture, likelihood = _resized(picture), _resized(likelihood)
    near = ndimage.maximum_filter((likelihood > 0.5).astype(np.uint8), _NEAR) > 0
    if not near.any():
        return None
    rows, columns = (np.flatnonzero(near.any(axis=axis)) for axis in (1, 0))
    frame = tuple(slice(max(0, inside[0] - _EDGE), inside[-1] + 1 + _EDGE) for inside in (rows, columns))
    own = near[frame][1:-1, 1:-1]
    smooth = ndimage.gaussian_filter(picture[frame], 1)
    middle = smooth[1:-1, 1:-1][own]

    def beside(down: int, right: int) -> Plane:
        height, width = smooth.shape
        return smooth[1 + down : height - 1 + down, 1 + right : width - 1 + right][own]

    above, below, left, right = beside(-1, 0), beside(1, 0), beside(0, -1), beside(0, 1)
    down, across = above - 2 * middle + below, left - 2 * middle + right
    turned = (beside(1, 1) - beside(1, -1) - beside(-1, 1) + beside(-1, -1)) / 4
    mean, spread = (down + across) / 2, np.sqrt((down - across) ** 2 / 4 + turned**2)
    kinds = (-mean - spread, mean - spread, spread - mean, np.sqrt((below - above) ** 2 + (right - left) ** 2) / 2)
    low, high = _quantiles(picture[frame].ravel(), (0.05, 0.95))
    found = np.stack([_quantiles(kind, QUANTILES) for kind in kinds])
    return np.log(np.maximum(found / max(float(high - low), _LEAST), _LEAST))


def _quantiles(values: NDArray[np.floating], shares: Sequence[float]) -> NDArray[np.float64]:
    """Return values of these ranks: a sort in place of NumPy's quantiles, which take several times as long."""
    return np.sort(values)[[round(share * (values.size - 1)) for share in shares]].astype(np.float64)


def _resized(plane: Plane) -> Plane:
    if plane.shape == (SIDE, SIDE):
        return plane
    return np.asarray(Image.fromarray(plane.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BILINEAR))

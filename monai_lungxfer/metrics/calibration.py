"""How far probabilities are from the share of pixels that are lung, over all pixels and near the border of the lungs.

Nearly all pixels of a radiograph are far from the border, and the network is sure and right there. Over all pixels, the
error of calibration therefore is small whatever happens at the border, where the mask is decided.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from monai.metrics import calibration_binning
from monai.utils import convert_to_tensor
from numpy.typing import NDArray
from scipy import ndimage

CALIBRATION_BINS = 10

BORDER_SHARE = 0.02
"""Half the width of the band around the drawn border: share of the image's diagonal (7.2 pixels at 256 x 256)."""

Bin = dict[str, float | int | None]


class Calibration:
    """Sums over the pixels of images, in ranges of equal width of the predicted probability.

    Attributes
    ----------
    everywhere, border : numpy.ndarray
        (3, `CALIBRATION_BINS`): pixels, sum of their probabilities, and pixels that are lung; of all pixels, and of
        those that are not farther from the drawn border than `BORDER_SHARE` of the diagonal.
    """

    def __init__(self) -> None:
        self.everywhere, self.border = np.zeros((2, 3, CALIBRATION_BINS))

    def add(self, probability: torch.Tensor, truth: torch.Tensor) -> None:
        """Add an image: probabilities in 0..1 and a mask of {0, 1}, both (1, H, W). A mask may have no border."""
        probability, truth = (convert_to_tensor(one, track_meta=False) for one in (probability, truth))
        self.everywhere += _sum_up(probability[None], truth[None])
        near = torch.from_numpy(find_border_band(truth[0].cpu().numpy() > 0)).to(truth.device)
        if near.any():
            self.border += _sum_up(probability[None, :, near], truth[None, :, near])

    def describe(self) -> dict[str, object]:
        """Return what a report says: `calibration` and `calibration_border`, and `calibration_error` of the two."""
        everywhere, border = _bins(self.everywhere), _bins(self.border)
        errors = {"all": calibration_error(everywhere), "border": calibration_error(border)}
        return {"calibration": everywhere, "calibration_border": border, "calibration_error": errors}


def find_border_band(truth: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which pixels of a mask (H, W) have one of the other class within `BORDER_SHARE` of its diagonal."""
    if truth.all() or not truth.any():
        return np.zeros_like(truth)
    distance = np.where(truth, ndimage.distance_transform_edt(truth), ndimage.distance_transform_edt(~truth))
    return distance <= BORDER_SHARE * math.hypot(*truth.shape)


def calibration_error(bins: Sequence[Mapping[str, float | int | None]]) -> float | None:
    """Return the expected calibration error (Guo et al., ICML 2017): the mean gap over pixels; None without a pixel."""
    filled = [(one["pixels"], abs(one["probability"] - one["lung"])) for one in bins if one["pixels"]]  # type: ignore[operator]
    pixels, gaps = zip(*filled, strict=True) if filled else ((), ())
    return float(np.average(gaps, weights=pixels)) if filled else None


def _sum_up(probability: torch.Tensor, truth: torch.Tensor) -> NDArray[np.float64]:
    """Return pixels, sum of the probabilities, and pixels that are lung, (3, bins), of one image (1, 1, …)."""
    means, shares, pixels = calibration_binning(probability, truth, num_bins=CALIBRATION_BINS)
    return torch.stack([pixels, (means * pixels).nan_to_num(), (shares * pixels).nan_to_num()])[:, 0, 0].cpu().numpy()


def _bins(sums: NDArray[np.float64]) -> list[Bin]:
    return [
        {"pixels": int(n), "probability": probabilities / n if n else None, "lung": lung / n if n else None}
        for n, probabilities, lung in sums.T.tolist()
    ]

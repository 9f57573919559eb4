"""Filter reuse: which filters of one network another one has, too, and how far each layer's weights have gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import nn

_KERNEL_DIMENSIONS = 4


@dataclass(frozen=True)
class Matching:
    """The best one-to-one matching of the units of two layers.

    Attributes
    ----------
    partners : numpy.ndarray
        int64 (C,): the unit of the second layer that each of the first is matched with.
    matched : float
        Mean similarity of matched units.
    own : float
        Mean similarity of units with the same number, NaN where the layers have different widths.
    stayed : float
        The share of units that are matched with the unit of the same number.
    """

    partners: NDArray[np.int64]
    matched: float
    own: float
    stayed: float


def match_units(similarity: NDArray[np.float64]) -> Matching:
    """Match units so that the sum of their similarities, (C, C'), is the largest (Li et al., ICLR 2016).

    Units that the wider layer has more than the other stay without a partner.
    """
    rows, columns = linear_sum_assignment(similarity, maximize=True)
    alike = similarity.shape[0] == similarity.shape[1]
    own = float(np.mean(np.diag(similarity))) if alike else float("nan")
    matched = float(similarity[rows, columns].mean())
    return Matching(columns, matched, own, float(np.mean(rows == columns)) if alike else float("nan"))


def compare_kernels(first: torch.Tensor, second: torch.Tensor) -> NDArray[np.float64]:
    """Return the cosine of each filter of one layer with each of another, (C, C'), by their weights (C, …)."""
    flat = [nn.functional.normalize(one.detach().double().flatten(1), dim=1) for one in (first, second)]
    cosines: NDArray[np.float64] = (flat[0] @ flat[1].T).numpy()
    return cosines


def compare_responses(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Return the correlation of each unit of one layer with each of another, (C, C').

    Parameters
    ----------
    first, second : numpy.ndarray
        (N, C, Q): responses to the same images, in Q parts of each. A unit without variance correlates with none.
    """
    scaled = []
    for responses in (first, second):
        flat = responses.swapaxes(1, 2).reshape(-1, responses.shape[1]).astype(np.float64)
        flat -= flat.mean(0)
        size = np.linalg.norm(flat, axis=0)
        scaled.append(flat / np.where(size > 0, size, 1))
    return scaled[0].T @ scaled[1]


def list_kernels(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the weights of each convolution, (C, …) with a row for each filter, by the layer's name."""
    found = {}
    for name, module in network.named_modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and weight is not None:
            # A transposed convolution has its filters along the second axis.
            found[name] = weight.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else weight
    return {name: kernel for name, kernel in found.items() if kernel.dim() == _KERNEL_DIMENSIONS and len(kernel) > 1}


_DRIFTS = {"weight": "weight_drift", "bias": "bias_drift"}
_NORM_DRIFTS = {
    "weight": "scale_drift",
    "bias": "shift_drift",
    "running_mean": "mean_drift",
    "running_var": "variance_drift",
}
DRIFTS = (*_DRIFTS.values(), *_NORM_DRIFTS.values())
"""Columns of `measure_drift`."""


def measure_drift(before: nn.Module, after: nn.Module) -> list[dict[str, Any]]:
    r"""Return how far each layer has gone between two networks of one class: a row for each that both have.

    A drift is :math:`\lVert w - w_0 \rVert / \lVert w_0 \rVert`; NaN where the layer has no such entry, or it was zero.
    Weights and bias are of convolutions; scale, shift, mean and variance of batch norms.
    """
    others = dict(after.named_modules())
    rows = []
    for name, module in before.named_modules():
        names: Mapping[str, str] = {}
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            names = _DRIFTS
        elif isinstance(module, nn.BatchNorm2d):
            names = _NORM_DRIFTS
        drifts = {column: _drift(module, others.get(name), key) for key, column in names.items()}
        if any(drift == drift for drift in drifts.values()):
            rows.append({"layer": name, **dict.fromkeys(DRIFTS, float("nan")), **drifts})
    return rows


def _drift(before: nn.Module, after: nn.Module | None, key: str) -> float:
    start, end = (getattr(module, key, None) for module in (before, after))
    if start is None or end is None or start.shape != end.shape or not start.detach().norm():
        return float("nan")
    return float((end.detach() - start.detach()).norm() / start.detach().norm())

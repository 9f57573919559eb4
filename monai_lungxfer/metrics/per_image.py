"""The paper's nine metrics of one image (Vidal et al. 2021, Eqs. 2-9), and those that readers expect as well."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from monai.config import NdarrayOrTensor
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance
from torch import Tensor

from monai_lungxfer.metrics.border import BORDER_METRICS
from monai_lungxfer.metrics.pairs import check_pair, spread_spacing
from monai_lungxfer.metrics.ranking import area_under_curve
from monai_lungxfer.metrics.zones import BEYOND_BAND, ZONE_DISTANCES, ZONES, dice_beyond_band, zone_distances
from monai_lungxfer.morphology.fusion import find_fusion
from monai_lungxfer.morphology.lungs import count_bridges, count_islands
from monai_lungxfer.utils.errors import LungXferError

PAPER_METRICS = ("ACC", "AUC", "DICE", "JACC", "PREC", "RECA", "F1", "SENS", "SPEC")
"""The nine metrics of the paper, in the order of its Tables 3 to 6."""

DISTANCES = ("HD95", "ASD")
"""Metrics of the whole contour that have a unit of length."""

METRICS = (*PAPER_METRICS, "DICE_HARD", *DISTANCES, "ISLANDS", "BRIDGES", "FUSED", "AREA", "AREA_TRUTH")
"""Every metric that is measured on the network's grid."""

NATIVE_METRICS = (*METRICS, *BORDER_METRICS)
"""Those, and the metrics of the border, which are measured at the native size."""

ZONE_METRICS = (BEYOND_BAND, *ZONE_DISTANCES)
"""What is measured on request: Dice without the band where readers differ, and distances by zone of the lungs."""

ALL_METRICS = (*NATIVE_METRICS, *ZONE_METRICS)
"""Every metric that this module knows."""

LENGTHS = (*DISTANCES, *ZONE_DISTANCES)
"""Every metric that has a unit of length."""

THRESHOLD = 0.5


def image_metrics(
    probability: NdarrayOrTensor,
    truth: NdarrayOrTensor,
    names: Sequence[str] = PAPER_METRICS,
    spacing: Sequence[float] | Sequence[Sequence[float]] | None = None,
    mask: NdarrayOrTensor | None = None,
) -> dict[str, Tensor]:
    """Measure predictions against the truth, image by image.

    With the probabilities P, the truth T and the counts TP, FP, FN, TN of pixels at the threshold 0.5 (P >= 0.5 is
    lung), over all pixels of one image:

    ========== ================================== ==========================================================
    Name       Value                              Where it is undefined
    ========== ================================== ==========================================================
    ACC        (TP+TN) / all pixels               never
    AUC        area under the ROC curve of P      NaN when the truth has one class
    DICE       2 sum(PT) / (sum(P)+sum(T))        1 when P and T are empty: they agree
    JACC       sum(PT) / (sum(P)+sum(T)-sum(PT))  1 when P and T are empty
    PREC       precision, macro average           as scikit-learn, see below
    RECA       recall, macro average              as scikit-learn, see below
    F1         F1, macro average                  as scikit-learn, see below
    SENS       TP / (TP+FN)                       NaN when the truth is empty
    SPEC       TN / (TN+FP)                       NaN when the truth is lung everywhere
    DICE_HARD  2TP / (2TP+FP+FN)                  1 when prediction and truth are empty
    HD95       Hausdorff distance, see below      never, see below for what is empty
    ASD        average distance of the contours   never, see below for what is empty
    ISLANDS    islands of the prediction          never
    BRIDGES    bridges of the prediction          never
    FUSED      1 if one piece covers both lungs   NaN when the truth has not two lungs
    AREA       (TP+FP) / all pixels               never
    AREA_TRUTH (TP+FN) / all pixels               never
    BIOU, NSD  see metrics.border                 NSD_2MM and NSD_5MM without a spacing
    ASD_APEX…  by zone, see metrics.zones         NaN when the truth has not two lungs
    ========== ================================== ==========================================================

    DICE and JACC are soft, as the paper computes them; DICE_HARD is what most other papers call Dice. Where the truth
    is empty but the network leaves traces of probability, DICE is near 0 while DICE_HARD is 1.

    The macro averages are over lung and background as in `sklearn.metrics.precision_score(..., average="macro",
    zero_division=0)`: a class that is in the truth or in the prediction alone scores 0, one that is in neither is
    left out. HD95 is the larger of the two directed 95th percentiles, ASD is symmetric. Islands and bridges are
    defined in `monai_lungxfer.morphology.lungs`, fused lungs, of which bands too broad for a bridge are the rest, in
    `monai_lungxfer.morphology.fusion`. Areas are shares since the sizes of pixels are often unknown.

    Without a contour there is nothing to measure a distance from. Where either the prediction or the truth is empty,
    HD95 and ASD are the diagonal of the image: no distance in it is longer, so a mask that is missing, or of nothing,
    is the worst there is. Where both are empty they agree, and the distance is 0, as DICE is 1. The BraTS challenges
    have the same rule for HD95 (373.13 mm, the diagonal of volumes of 240 x 240 x 155 mm); Metrics Reloaded asks for
    the worst case. MONAI gives NaN, which a mean leaves out, so that an empty mask would improve it.

    Parameters
    ----------
    probability : torch.Tensor or numpy.ndarray
        Lung probabilities in 0..1, (N, 1, H, W) or (H, W). No logits.
    truth : torch.Tensor or numpy.ndarray
        Masks of {0, 1} of the same shape.
    names : sequence of str, optional
        Some of `ALL_METRICS`. Only what they need is computed.
    spacing : sequence, optional
        Pixel spacing (row, column) in mm of the arrays as they are given here, so after any resizing: one pair for
        all images or one pair each. HD95 and ASD are then in mm, without it in pixels.
    mask : torch.Tensor or numpy.ndarray, optional
        Masks of {0, 1} to be measured in place of P >= 0.5, such as cleaned ones.

    Returns
    -------
    dict of str to torch.Tensor
        For each name the values of the N images, float64 (N,), on the device of `probability`.

    Raises
    ------
    LungXferError
        When a name is unknown, shapes differ, probabilities leave 0..1 or are NaN, or masks hold other values than
        0 and 1.
    """
    check_names(names)
    p, t = check_pair(probability, truth)
    drawn = None if mask is None else check_pair(probability, mask)[1]
    batch = _Batch(p, t, spread_spacing(spacing, len(p)), drawn)
    return {name: _FUNCTIONS[name](batch).to(torch.float64) for name in names}


def check_names(names: Sequence[str]) -> None:
    """Raise LungXferError unless every name is one of `ALL_METRICS`."""
    unknown = [name for name in names if name not in ALL_METRICS]
    if unknown:
        remedy = f"Choose from {', '.join(ALL_METRICS)}"
        raise LungXferError(f"there is no metric {', '.join(unknown)}", remedy=remedy)


@dataclass(frozen=True)
class _Batch:
    """Probabilities and truth (N, H, W) with the sums that several metrics share, each computed when first asked."""

    probability: Tensor
    truth: Tensor
    spacings: list[list[float] | None]
    drawn: Tensor | None = None

    @cached_property
    def overlap(self) -> Tensor:
        return (self.probability * self.truth).sum(dim=(1, 2), dtype=torch.float64)

    @cached_property
    def sizes(self) -> Tensor:
        return self.probability.sum(dim=(1, 2), dtype=torch.float64) + self.truth.sum(dim=(1, 2))

    @cached_property
    def lung(self) -> Tensor:
        return self.probability >= THRESHOLD if self.drawn is None else self.drawn

    @cached_property
    def counts(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """TP, FP, FN, TN."""
        tp = (self.lung & self.truth).sum(dim=(1, 2))
        fp = self.lung.sum(dim=(1, 2)) - tp
        fn = self.truth.sum(dim=(1, 2)) - tp
        return tp, fp, fn, self.truth[0].numel() - tp - fp - fn

    @cached_property
    def zones(self) -> list[dict[str, float]]:
        pairs = zip(self.lung.cpu().numpy(), self.truth.cpu().numpy(), self.spacings, strict=True)
        return [zone_distances(lung, truth, spacing) for lung, truth, spacing in pairs]


def _ratio(part: Tensor, whole: Tensor, undefined: float) -> Tensor:
    return torch.where(whole > 0, part.double() / whole, undefined)


def _f1(tp: Tensor, fp: Tensor, fn: Tensor, undefined: float = 0.0) -> Tensor:
    return _ratio(2 * tp, 2 * tp + fp + fn, undefined)


def _accuracy(batch: _Batch) -> Tensor:
    tp, _, _, tn = batch.counts
    return (tp + tn).double() / batch.truth[0].numel()


def _macro(batch: _Batch, score: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Tensor:
    """Average a score of (hits, false alarms, misses) over the classes that are present; absent ones score 0."""
    tp, fp, fn, tn = batch.counts
    present = (tp + fp + fn > 0).double() + (tn + fp + fn > 0)
    return (score(tp, fp, fn) + score(tn, fn, fp)) / present


def _surface(batch: _Batch, distance: Callable[..., Tensor], **options: Any) -> Tensor:
    values = torch.zeros(len(batch.truth), dtype=torch.float64, device=batch.truth.device)
    for i, (lung, truth, spacing) in enumerate(zip(batch.lung, batch.truth, batch.spacings, strict=True)):
        if lung.any() and truth.any():
            pair = {"y_pred": lung[None, None], "y": truth[None, None]}
            values[i] = distance(**pair, include_background=True, spacing=spacing, **options).squeeze()
        elif lung.any() or truth.any():
            values[i] = math.hypot(*np.multiply(lung.shape, spacing or (1, 1)))
    return values


def _fused(batch: _Batch) -> Tensor:
    pairs = zip(batch.lung.cpu().numpy(), batch.truth.cpu().numpy(), strict=True)
    found = [find_fusion(*pair) for pair in pairs]
    return torch.tensor([math.nan if one is None else one for one in found], device=batch.truth.device)


def _border(batch: _Batch, measure: Callable[..., float]) -> Tensor:
    pairs = zip(batch.lung.cpu().numpy(), batch.truth.cpu().numpy(), batch.spacings, strict=True)
    return torch.tensor([measure(*pair) for pair in pairs], dtype=torch.float64, device=batch.truth.device)


def _of_zone(batch: _Batch, zone: str) -> Tensor:
    return torch.tensor([distances[zone] for distances in batch.zones], device=batch.truth.device)


def _count(batch: _Batch, count: Callable[[np.ndarray], int]) -> Tensor:
    return torch.tensor([count(lung) for lung in batch.lung.cpu().numpy()], device=batch.truth.device)


_FUNCTIONS: dict[str, Callable[[_Batch], Tensor]] = {
    "ACC": _accuracy,
    "AUC": lambda b: area_under_curve(b.probability, b.truth),
    "DICE": lambda b: _ratio(2 * b.overlap, b.sizes, 1.0),
    "JACC": lambda b: _ratio(b.overlap, b.sizes - b.overlap, 1.0),
    "PREC": lambda b: _macro(b, lambda hits, false, _: _ratio(hits, hits + false, 0.0)),
    "RECA": lambda b: _macro(b, lambda hits, _, missed: _ratio(hits, hits + missed, 0.0)),
    "F1": lambda b: _macro(b, _f1),
    "SENS": lambda b: _ratio(b.counts[0], b.counts[0] + b.counts[2], torch.nan),
    "SPEC": lambda b: _ratio(b.counts[3], b.counts[3] + b.counts[1], torch.nan),
    "DICE_HARD": lambda b: _f1(*b.counts[:3], undefined=1.0),
    "HD95": lambda b: _surface(b, compute_hausdorff_distance, percentile=95),
    "ASD": lambda b: _surface(b, compute_average_surface_distance, symmetric=True),
    "ISLANDS": lambda b: _count(b, count_islands),
    "BRIDGES": lambda b: _count(b, count_bridges),
    "FUSED": _fused,
    "AREA": lambda b: b.lung.double().mean(dim=(1, 2)),
    "AREA_TRUTH": lambda b: b.truth.double().mean(dim=(1, 2)),
    **{name: partial(_border, measure=measure) for name, measure in BORDER_METRICS.items()},
    BEYOND_BAND: partial(_border, measure=lambda lung, truth, _: dice_beyond_band(lung, truth)),
    **{name: partial(_of_zone, zone=zone) for name, zone in zip(ZONE_DISTANCES, ZONES, strict=True)},
}

"""How numbers, metrics and findings are written, everywhere alike."""

from __future__ import annotations

import math
from types import MappingProxyType

from monai_lungxfer.metrics.per_image import DISTANCES, PAPER_METRICS
from monai_lungxfer.study.analysis.comparisons import LOWER_IS_BETTER
from monai_lungxfer.study.analysis.statistics import Interval

METRIC_TITLES = MappingProxyType(
    {name: name for name in PAPER_METRICS}
    | {
        "DICE": "Dice (soft)",
        "DICE_HARD": "Dice (of masks)",
        "HD95": "Hausdorff 95",
        "ASD": "Average contour distance",
        "ISLANDS": "Islands an image",
        "BRIDGES": "Bridges an image",
        "FUSED": "Fused lungs, share of images",
        "FAILED": "Failures, share of images",
    }
)
"""What tables and figures call the metrics."""

_FINDINGS = MappingProxyType(
    {"covid19": "COVID-19", "normal": "Normal", "pathological": "Pathological", "unknown": "Not stated", "all": "All"}
)
UNDEFINED = "–"

FEW_IMAGES = 10
"""Of fewer images little can be said: they are greyed out."""


def finding_title(finding: str) -> str:
    """Return what people call a finding."""
    return _FINDINGS.get(finding, finding)


def images_text(count: float) -> str:
    """Write a number of images."""
    return f"{count:.0f} image" + ("" if count == 1 else "s")


def metric_title(name: str, unit: str) -> str:
    """Return what tables and figures call a metric, with the unit of distances."""
    return METRIC_TITLES.get(name, name) + (f", {unit}" if name in DISTANCES else "")


def metric_decimals(metric: str) -> int:
    """Return the decimals of a metric: two of distances and counts, four of shares."""
    return 2 if metric in LOWER_IS_BETTER else 4


def number_text(value: float, digits: int = 4) -> str:
    """Write a number, a dash where it is undefined."""
    return UNDEFINED if math.isnan(value) else f"{value:.{digits}f}".replace("-", "−")


def signed_text(value: float, digits: int = 4) -> str:
    """Write a difference with its sign."""
    return UNDEFINED if math.isnan(value) else f"{value:+.{digits}f}".replace("-", "−")


def mean_text(mean: float, deviation: float, digits: int = 4) -> str:
    """Write mean ± standard deviation; without one, as after a single repetition, the mean alone."""
    text = number_text(mean, digits)
    return text if math.isnan(mean) or math.isnan(deviation) else f"{text} ± {deviation:.{digits}f}"


def interval_text(interval: Interval, digits: int = 4, *, signed: bool = False) -> str:
    """Write an interval."""
    write = signed_text if signed else number_text
    return UNDEFINED if math.isnan(interval.low) else f"{write(interval.low, digits)} to {write(interval.high, digits)}"


def p_text(p: float) -> str:
    """Write a p-value, never as 0."""
    if math.isnan(p):
        return UNDEFINED
    return "< 0.001" if p < 0.001 else f"{p:.3f}"

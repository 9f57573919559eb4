"""Numbers, metrics and findings as a reader sees them."""

from __future__ import annotations

import math

import pytest

from monai_lungxfer.study.analysis.statistics import Interval
from monai_lungxfer.study.report import formatting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (formatting.number_text(-0.5, 2), "−0.50"),
        (formatting.number_text(math.nan), "–"),
        (formatting.signed_text(0.12345), "+0.1235"),
        (formatting.signed_text(-2, 1), "−2.0"),
        (formatting.mean_text(0.9, 0.01, 2), "0.90 ± 0.01"),
        (formatting.mean_text(0.9, math.nan, 2), "0.90"),
        (formatting.interval_text(Interval(0.1, 0.2), 1), "0.1 to 0.2"),
        (formatting.interval_text(Interval(-0.1, 0.2), 1, signed=True), "−0.1 to +0.2"),
        (formatting.p_text(0.0004), "< 0.001"),
        (formatting.p_text(0.04), "0.040"),
        (formatting.images_text(1), "1 image"),
        (formatting.images_text(3), "3 images"),
        (formatting.finding_title("covid19"), "COVID-19"),
        (formatting.finding_title("nodule"), "nodule"),
        (formatting.metric_title("HD95", "mm"), "Hausdorff 95, mm"),
        (formatting.metric_title("AUC", "mm"), "AUC"),
    ],
)
def test_texts(text, expected):
    assert text == expected


def test_decimals():
    assert (formatting.metric_decimals("HD95"), formatting.metric_decimals("DICE")) == (2, 4)

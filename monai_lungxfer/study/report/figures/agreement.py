"""How far lung areas agree with those of the masks (Bland and Altman), and how far probabilities are to be believed."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from monai_lungxfer.study.analysis.analysis import MOMENTS, Analysis
from monai_lungxfer.study.analysis.statistics import Agreement
from monai_lungxfer.study.report.figures.comparison import MOMENT_STYLES
from monai_lungxfer.study.report.figures.style import FAINT, INK, Drawing, new_figure, styled, tidy
from monai_lungxfer.study.report.formatting import signed_text

_MANY = 3000  # points that an SVG holds without growing heavy


@styled
def draw_areas(analysis: Analysis) -> Drawing:
    """Draw the difference of lung areas against their mean, before and after the portable stage."""
    figure, panels = new_figure(1, 2, height=3.0, sharex=True, sharey=True)
    for axes, moment in zip(panels, MOMENTS, strict=True):
        _draw_differences(axes, analysis.moments[moment], analysis.areas[moment], moment)
    panels[0].set_ylabel("Predicted less drawn, % of the image")
    words = [
        f"{moment}: bias {signed_text(one.bias, 2)}, limits {signed_text(one.low, 2)} to {signed_text(one.high, 2)}"
        for moment, one in analysis.areas.items()
    ]
    return Drawing(
        "areas",
        "Agreement of the lung area (Bland–Altman)",
        "Areas in percent of the image, one point an image and repetition of the independent half; lines: mean "
        "difference and 95 % limits of agreement (mean ± 1.96 standard deviations).",
        f"Two scatter plots, in percent of the image. {'; '.join(words).capitalize()}.",
        figure,
    )


def _draw_differences(axes: Axes, rows: pd.DataFrame, found: Agreement, moment: str) -> None:
    colour, marker = MOMENT_STYLES[moment]
    means, differences = 50 * (rows.AREA + rows.AREA_TRUTH), 100 * (rows.AREA - rows.AREA_TRUTH)
    many = len(rows) > _MANY
    axes.plot(means, differences, marker, color=colour, markersize=3, alpha=0.45, markeredgewidth=0, rasterized=many)
    axes.axhline(0, color=FAINT, linewidth=0.6)
    for value, style in ((found.bias, "-"), (found.low, "--"), (found.high, "--")):
        axes.axhline(value, color=INK, linewidth=0.9, linestyle=style)
        axes.annotate(
            signed_text(value, 1),
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(2, 0),
            textcoords="offset points",
            va="center",
        )
    axes.set(title=moment.capitalize(), xlabel="Mean of both areas, % of the image")
    tidy(axes)


@styled
def draw_calibration(analysis: Analysis) -> Drawing:
    """Draw the share of lung against the predicted probability, and how the pixels spread over the probabilities."""
    figure, (upper, lower) = new_figure(2, height=4.2, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color=FAINT, linewidth=0.8)
    for moment, bins in analysis.calibration.items():
        colour, marker = MOMENT_STYLES[moment]
        filled = bins[bins.pixels > 0]
        by_bin = filled.groupby("bin")[["probability", "lung"]].agg(["mean", "std"])
        spread = by_bin["lung"]["std"].fillna(0)
        label = f"{moment} (error {analysis.calibration_errors[moment]:.3f})"
        upper.errorbar(
            by_bin["probability"]["mean"], by_bin["lung"]["mean"], spread,
            marker=marker, markersize=4, color=colour, elinewidth=0.9, capsize=2, label=label,
        )  # fmt: skip
        pixels = bins.groupby("bin").pixels.sum()
        lower.stairs(pixels / pixels.sum(), np.linspace(0, 1, len(pixels) + 1), color=colour, linewidth=1.2)
    upper.set(ylabel="Share of pixels that are lung", ylim=(-0.02, 1.02))
    upper.legend(loc="upper left")
    lower.set(ylabel="Share of pixels", xlabel="Predicted probability of lung", yscale="log", xlim=(0, 1))
    for axes in (upper, lower):
        tidy(axes)
    errors = ", ".join(f"{error:.3f} {moment}" for moment, error in analysis.calibration_errors.items())
    return Drawing(
        "calibration",
        "Calibration of the probabilities",
        "Pixels of the independent half in ten ranges of probability, mean ± standard deviation over repetitions; on "
        "the line, probabilities are what they say. The error is the mean gap over all pixels.",
        f"Reliability diagram. Expected calibration error {errors} the portable stage.",
        figure,
    )

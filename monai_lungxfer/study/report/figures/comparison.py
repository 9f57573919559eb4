"""Before against after: by finding (Figs. 9 to 11 of the paper), image, lung area and probability."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from monai_lungxfer.metrics.per_image import PAPER_METRICS
from monai_lungxfer.study.analysis.analysis import MOMENTS, Analysis
from monai_lungxfer.study.analysis.paper import MOMENT_TABLES, paper_value
from monai_lungxfer.study.analysis.statistics import Agreement
from monai_lungxfer.study.report.figures.style import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    PURPLE,
    VERMILION,
    Drawing,
    new_figure,
    styled,
    tidy,
)
from monai_lungxfer.study.report.formatting import FEW_IMAGES, finding_title, images_text, signed_text

MOMENT_STYLES = {"before": (VERMILION, "o"), "after": (BLUE, "s")}
"""Colour and marker of each moment: told apart in grey as well."""

_FINDING_STYLES = ((BLUE, "o"), (VERMILION, "^"), (GREEN, "s"), (PURPLE, "D"))
_MAX_PANELS = 4
_MANY = 3000  # points that an SVG holds without growing heavy


@styled
def draw_findings(analysis: Analysis) -> Drawing:
    """Draw the paper's nine metrics before and after, one panel for each of the most frequent findings."""
    table = analysis.independent[analysis.independent.metric.isin(PAPER_METRICS)]
    findings = analysis.results.findings()[:_MAX_PANELS]
    figure, panels = new_figure(1, len(findings), height=3.4, sharey=True, sharex=True)
    for axes, finding in zip(panels, findings, strict=True):
        _draw_metrics(axes, table[table.finding == finding], finding)
    panels[0].set_yticks(range(len(PAPER_METRICS)), PAPER_METRICS)
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return Drawing(
        "before_after",
        "Before and after the portable stage, by finding",
        "Means on the independent half with 95 % intervals; hollow diamonds are the paper's means. Compare the paper's "
        "Figs. 9 to 11.",
        "Dot plot. " + " ".join(_change(table, finding) for finding in findings),
        figure,
    )


def _draw_metrics(axes: Axes, table: pd.DataFrame, finding: str) -> None:
    for moment, shift in zip(MOMENTS, (-0.16, 0.16), strict=True):
        rows = table[table.moment == moment].set_index("metric").loc[list(PAPER_METRICS)]
        colour, marker = MOMENT_STYLES[moment]
        heights = [number + shift for number in range(len(rows))]
        axes.hlines(heights, rows.low, rows.high, color=colour, linewidth=1.2, alpha=0.6)
        axes.plot(rows["mean"], heights, marker, color=colour, markersize=4, label=moment)
        paper = [paper_value(MOMENT_TABLES[moment], metric, finding) for metric in PAPER_METRICS]
        if not math.isnan(paper[0]):
            axes.plot(paper, heights, "D", color=colour, markersize=4.5, fillstyle="none", label=f"paper, {moment}")
    number = table.images.max()
    axes.set_title(f"{finding_title(finding)} ({images_text(number)})", color=FAINT if number < FEW_IMAGES else INK)
    axes.set_xlabel("Mean")
    tidy(axes, "x")


def _change(table: pd.DataFrame, finding: str) -> str:
    dice = table[(table.finding == finding) & (table.metric == "DICE")].set_index("moment")["mean"]
    return f"{finding_title(finding)}: Dice {dice['before']:.3f} before, {dice['after']:.3f} after."


@styled
def draw_cases(analysis: Analysis) -> Drawing:
    """Draw Dice of every image before against after."""
    moments = {moment: rows.groupby(["finding", "image"]).DICE.mean() for moment, rows in analysis.moments.items()}
    pairs = pd.DataFrame(moments).reset_index()
    figure, (axes, histogram) = new_figure(1, 2, height=3.2, width_ratios=[1.1, 1])
    low = min(pairs.before.min(), pairs.after.min()) - 0.02
    axes.plot([low, 1], [low, 1], color=FAINT, linewidth=0.8)
    for number, finding in enumerate(analysis.results.findings()):
        colour, marker = _FINDING_STYLES[number % len(_FINDING_STYLES)]
        of = pairs[pairs.finding == finding]
        label = f"{finding_title(finding)} ({len(of)})"
        axes.plot(of.before, of.after, marker, color=colour, markersize=3.5, alpha=0.75, markeredgewidth=0, label=label)
    axes.set(xlabel="Dice before", ylabel="Dice after", xlim=(low, 1), ylim=(low, 1), aspect="equal")
    axes.legend(loc="lower right")
    gains = pairs.after - pairs.before
    histogram.hist(gains, bins=20, color=BLUE, alpha=0.8)
    histogram.axvline(0, color=INK, linewidth=0.8)
    histogram.set(xlabel="Change of Dice", ylabel="Images")
    histogram.xaxis.set_major_locator(MaxNLocator(5))
    histogram.yaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(axes, "both")
    tidy(histogram)
    rising = int((gains > 0).sum())
    return Drawing(
        "cases",
        "Dice of each image before and after the portable stage",
        "Each image of the independent half once, as the mean over the repetitions that held it out. Above the line, "
        "and right of 0, the portable stage helped.",
        f"Scatter plot and histogram. {rising} of {len(pairs)} images rise.",
        figure,
    )


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

"""Dice, distance and failures against the number of training images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.curve import PowerLaw
from monai_lungxfer.study.report.curve_tables import curve_title
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
from monai_lungxfer.study.report.formatting import metric_title

_STYLES = ((BLUE, "o"), (VERMILION, "^"), (GREEN, "s"), (PURPLE, "D"), (INK, "v"), (FAINT, "P"))
_FURTHER = 2  # times the largest number of images, to which the fitted law is drawn
_APART = 0.03  # by which intervals of the same number are shifted, as a share of the number


@styled
def draw_curve(analysis: Analysis) -> Drawing:
    """Draw what was measured at each number of images, and the power laws."""
    curve = analysis.curve
    figure, panels = new_figure(1, 3, height=2.9)
    groups = list(curve.groupby(["arm", "choice"], sort=False))
    for axes, metric in zip(panels, ("DICE_HARD", "HD95", "FAILED"), strict=True):
        for number, (_, rows) in enumerate(groups):
            _draw_group(axes, rows[rows.metric == metric], curve_title(analysis, rows.iloc[0]), number)
        axes.set(xscale="log", xlabel="Training images", title=metric_title(metric, analysis.results.distance_unit))
        sizes = sorted(curve.images_trained.unique())
        axes.set_xticks(sizes, [f"{size:.0f}" for size in sizes])
        axes.xaxis.set_minor_locator(NullLocator())
        tidy(axes)
    limits = panels[0].get_ylim()
    for number, (key, _) in enumerate(groups):
        _draw_law(panels[0], analysis.curve_fits, key, number)
    panels[0].set_ylim(limits)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    words = (_describe(analysis, rows[rows.metric == "DICE_HARD"]) for _, rows in groups)
    return Drawing(
        "curve",
        "How many training images are enough?",
        "Means on the independent half with 95 % intervals by patient and repetition; the scale of images is "
        "logarithmic. Dotted: a power law, fitted to the error and drawn to twice the images.",
        f"Line plots. Dice of masks: {'; '.join(words)}.",
        figure,
    )


def _draw_group(axes: Axes, rows: pd.DataFrame, label: str, number: int) -> None:
    colour, marker = _STYLES[number % len(_STYLES)]
    places = rows.images_trained * (1 + _APART * number)
    reach = np.abs(rows[["low", "high"]].to_numpy().T - rows["mean"].to_numpy())
    axes.errorbar(places, rows["mean"], reach, color=colour, marker=marker, markersize=4, linewidth=1.2, label=label)


def _draw_law(axes: Axes, fits: pd.DataFrame, key: Any, number: int) -> None:
    for row in fits.to_dict("records"):
        if (row["arm"], row["choice"]) == key:
            law = PowerLaw(row["a"], row["b"], row["c"])
            sizes = np.geomspace(row["largest"] / 20, row["largest"] * _FURTHER, 60)
            colour = _STYLES[number % len(_STYLES)][0]
            axes.plot(sizes, [1 - law.error(size) for size in sizes], ":", color=colour, linewidth=1)


def _describe(analysis: Analysis, rows: pd.DataFrame) -> str:
    dice = ", ".join(f"{row['mean']:.3f} with {row['images_trained']:.0f}" for row in rows.to_dict("records"))
    return f"{curve_title(analysis, rows.iloc[0])}: {dice}"

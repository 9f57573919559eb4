"""The figures of a comparison: the distribution of each number on both sides, and the rates of flags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from monai_lungxfer.drift.comparison import DriftOutcome
from monai_lungxfer.drift.samples import TITLES
from monai_lungxfer.study.report.figures.style import BLUE, VERMILION, Drawing, new_figure, styled, tidy

_ACROSS, _ROW_HEIGHT = 3, 1.55  # inches
_SIDES = (("reference", VERMILION), ("new", BLUE))


def draw_figures(outcome: DriftOutcome) -> Iterator[Drawing]:
    """Draw every figure that there are numbers for; none shows an image of a patient."""
    if len(outcome.numbers):
        yield draw_numbers(outcome)
    if len(outcome.rates):
        yield draw_rates(outcome)


@styled
def draw_numbers(outcome: DriftOutcome) -> Drawing:
    """Draw the cumulative distribution of each number; the Kolmogorov-Smirnov distance is their greatest gap."""
    rows: list[Any] = list(outcome.numbers.itertuples())
    lines = -(-len(rows) // _ACROSS)
    figure, places = new_figure(lines, _ACROSS, height=0.4 + _ROW_HEIGHT * lines)
    for row, axes in zip(rows, places, strict=False):
        for (side, colour), sample in zip(_SIDES, (outcome.reference, outcome.new), strict=True):
            _draw_steps(axes, sample.values[row.name], colour, side)
        axes.set_title(("▲ " if row.drifted else "") + TITLES[row.name])
        axes.set_ylim(0, 1)
        tidy(axes)
    for axes in places[len(rows) :]:
        axes.set_visible(False)
    places[0].legend(loc="upper left", handlelength=1)
    found = ", ".join(TITLES[name] for name in outcome.numbers[outcome.numbers.drifted].name) or "none"
    return Drawing(
        "numbers",
        "Distribution of each number",
        "Share of the radiographs (vertical) with at most this value (horizontal). Where the lines lie apart, the sets "
        "differ. ▲ marks what has drifted.",
        f"Cumulative distributions of {len(rows)} numbers in both sets. Drifted: {found}.",
        figure,
    )


def _draw_steps(axes: Axes, values: NDArray[np.float64], colour: str, label: str) -> None:
    ordered = np.sort(values)
    shares = np.arange(1, ordered.size + 1) / ordered.size
    axes.step(ordered, shares, where="post", color=colour, label=label, linewidth=1.2)


@styled
def draw_rates(outcome: DriftOutcome) -> Drawing:
    """Draw the rate of each flag on both sides."""
    rows: list[Any] = list(outcome.rates.itertuples())[::-1]
    figure, (axes,) = new_figure(1, height=0.9 + 0.26 * len(rows))
    heights = np.arange(len(rows))
    for shift, (side, colour) in zip((0.19, -0.19), _SIDES, strict=True):
        rates = [100 * getattr(row, f"rate_{side}") for row in rows]
        axes.barh(heights + shift, rates, height=0.36, color=colour, label=side)
    axes.set_yticks(heights, [("▲ " if row.drifted else "") + row.name for row in rows])
    axes.set_xlabel("% of the radiographs")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)  # above the bars
    tidy(axes, "x")
    return Drawing(
        "rates",
        "Flags, and files that were not segmented",
        "Flags: share of the segmented radiographs. Skipped and left out: of all files. ▲ marks what has drifted.",
        "; ".join(f"{row.name}: {row.rate_reference:.1%}, then {row.rate_new:.1%}" for row in rows[::-1]),
        figure,
    )

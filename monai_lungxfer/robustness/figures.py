"""The figures of a trial: changes by object and by dose, and what marked objects go along with."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

import pandas as pd
from matplotlib.axes import Axes

from monai_lungxfer.robustness.measuring import INSIDE, OUTSIDE
from monai_lungxfer.robustness.observed import INSIDE_LESS_OUTSIDE
from monai_lungxfer.robustness.outcome import TrialOutcome
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
from monai_lungxfer.study.report.formatting import signed_text

METRIC_TITLES = MappingProxyType(
    {
        "DICE_HARD": "Dice",
        "DICE_CLEANED": "Dice, cleaned mask",
        "BIOU": "Boundary IoU",
        "NSD_D1": "Surface Dice, 1 % of the diagonal",
        INSIDE: "Dice under objects",
        OUTSIDE: "Dice elsewhere",
        "ISLANDS": "Islands an image",
        "BRIDGES": "Bridges an image",
        "FUSED": "Fused lungs",
        "INTEGRATED_GRADIENTS": "Integrated gradients under objects",
        "SEG_GRAD_CAM": "Seg-Grad-CAM under objects",
    }
)
"""What tables and figures call the metrics."""

_SHOWN = ("DICE_HARD", "BIOU", INSIDE, OUTSIDE)
_STYLES = ((BLUE, "o"), (VERMILION, "^"), (GREEN, "s"), (PURPLE, "D"), (INK, "v"))
_INTERVALS = "Means over images with 95 % intervals over patients."


def object_title(name: str) -> str:
    """Return what tables and figures call an object."""
    return {"all": "All together"}.get(name, name.capitalize())


def main_dose(outcome: TrialOutcome) -> float:
    """Return the dose of figures and sentences that show one alone: that of the simulated device, or the nearest."""
    return min(outcome.design.doses, key=lambda dose: (abs(dose - 1), dose))


def draw_figures(outcome: TrialOutcome) -> Iterator[Drawing]:
    """Draw every figure that the outcome has numbers for; none shows an image of a patient."""
    yield draw_by_object(outcome)
    if len(outcome.design.doses) > 1:
        yield draw_by_dose(outcome)
    if not outcome.observed.empty:
        yield draw_observed(outcome)


@styled
def draw_by_object(outcome: TrialOutcome) -> Drawing:
    """Draw the change of Dice, of the border, under the objects and elsewhere, by object and weights."""
    dose, objects = main_dose(outcome), outcome.design.objects
    table = outcome.drawn[outcome.drawn.dose == dose]
    figure, panels = new_figure(1, len(_SHOWN), height=1.1 + 0.34 * len(objects), sharey=True)
    for axes, metric in zip(panels, _SHOWN, strict=True):
        rows = table[table.metric == metric]
        for number, name in enumerate(outcome.weights):
            part = rows[rows.weights == name].set_index("object").loc[list(objects)]
            _draw_changes(axes, part, number, len(outcome.weights), name)
        axes.set(title=METRIC_TITLES[metric], xlabel="Change")
        axes.axvline(0, color=FAINT, linewidth=0.6)
        axes.locator_params(axis="x", nbins=3)
        tidy(axes, "x")
    panels[0].set_yticks(range(len(objects)), [object_title(name) for name in objects])
    panels[0].set_ylim(len(objects) - 0.5, -0.5)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return Drawing(
        "by_object",
        "What each object changes",
        f"Dose {dose:g}. {_INTERVALS} Left of 0 the mask is worse with the objects than without.",
        f"Dot plot. Change of Dice: {'; '.join(_say(table, name) for name in outcome.weights)}.",
        figure,
    )


def _draw_changes(axes: Axes, rows: pd.DataFrame, number: int, of: int, label: str) -> None:
    colour, marker = _STYLES[number % len(_STYLES)]
    heights = [row + 0.5 * ((number + 0.5) / of - 0.5) for row in range(len(rows))]
    axes.hlines(heights, rows.low, rows.high, color=colour, linewidth=1.2, alpha=0.7)
    axes.plot(rows.change, heights, marker, color=colour, markersize=4, label=label)


def _say(table: pd.DataFrame, weights: str) -> str:
    rows = table[(table.weights == weights) & (table.metric == "DICE_HARD")]
    found = (f"{object_title(one.object).lower()} {signed_text(one.change, 3)}" for one in rows.itertuples())
    return f"{weights}: {', '.join(found)}"


@styled
def draw_by_dose(outcome: TrialOutcome) -> Drawing:
    """Draw the change of Dice by dose, one panel for each object."""
    objects = outcome.design.objects
    table = outcome.drawn[outcome.drawn.metric == "DICE_HARD"].sort_values("dose")
    figure, panels = new_figure(1, len(objects), height=2.3, sharey=True, sharex=True)
    for axes, object_ in zip(panels, objects, strict=True):
        for number, name in enumerate(outcome.weights):
            rows = table[(table.weights == name) & (table.object == object_)]
            colour, marker = _STYLES[number % len(_STYLES)]
            axes.fill_between(rows.dose, rows.low, rows.high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(rows.dose, rows.change, marker=marker, color=colour, markersize=4, label=name)
        axes.set(title=object_title(object_), xlabel="Dose", xticks=sorted(outcome.design.doses))
        axes.axhline(0, color=FAINT, linewidth=0.6)
        tidy(axes)
    panels[0].set_ylabel("Change of Dice")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return Drawing(
        "by_dose",
        "How the change grows with the dose",
        f"The dose multiplies what the objects absorb; the simulated device has 1. {_INTERVALS}",
        "Line plots of the change of Dice over the dose, one for each object.",
        figure,
    )


@styled
def draw_observed(outcome: TrialOutcome) -> Drawing:
    """Draw Dice of images whose annotators marked objects less that of matched images."""
    table = outcome.observed
    metrics = [name for name in table.metric.unique() if not name.startswith(("ISLANDS", "BRIDGES", "FUSED"))]
    figure, (axes,) = new_figure(1, height=1.1 + 0.3 * len(metrics))
    for number, name in enumerate(outcome.weights):
        rows = table[table.weights == name].set_index("metric").reindex(metrics)
        _draw_changes(axes, rows.assign(change=rows.difference), number, len(outcome.weights), name)
    titles = [METRIC_TITLES.get(name, "Dice under the marks, less elsewhere") for name in metrics]
    inner = "" if INSIDE_LESS_OUTSIDE not in metrics else "The last line compares parts of the same images. "
    axes.set_yticks(range(len(metrics)), titles)
    axes.set_ylim(len(metrics) - 0.5, -0.5)
    axes.axvline(0, color=FAINT, linewidth=0.6)
    axes.set_xlabel("Images with marked objects less matched images without")
    tidy(axes, "x")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return Drawing(
        "observed",
        "Images whose annotators marked objects",
        f"Against images of the same finding, view and source without marks. {inner}{_INTERVALS}",
        "Dot plot of differences by metric and weights.",
        figure,
    )

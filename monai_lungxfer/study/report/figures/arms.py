"""The arms that answer a question, and what their trainings changed layer by layer."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.plan.arms import PAPER_ARM, QUESTIONS
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

# Their numbers differ, so that a pair comes again only after many steps.
_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, INK)
_FAR = 8
_MARKERS = ("o", "^", "s", "D", "v", "P", "X", "<")


@styled
def draw_arms(analysis: Analysis, question: str) -> Drawing:
    """Draw Dice, distances and artifacts on the independent half by the arms that answer a question."""
    table = analysis.arms[question]
    arms = list(table.arm.unique())
    titles = [analysis.results.arm_title(arm, question) for arm in arms]
    figure, panels = new_figure(1, 3, height=0.7 + 0.36 * len(arms), sharey=True, width_ratios=[1.6, 1, 1])
    for axes, metric in zip(panels, ("DICE", "HD95", "ISLANDS"), strict=True):
        means = table[table.metric == metric].set_index("arm")["mean"]
        far = find_far_off(means)
        for height, arm in enumerate(arms):
            if arm in far:
                _draw_far_off(axes, means[arm], means[arm] > means[PAPER_ARM], height)
            else:
                _draw_arm(axes, analysis, table, arm, metric, height)
        axes.set_xlabel(metric_title(metric, analysis.results.distance_unit))
        tidy(axes, "x")
    panels[0].set_yticks(range(len(arms)), titles)
    panels[0].set_ylim(len(arms) - 0.5, -0.5)
    dice = table[table.metric == "DICE"].set_index("arm")["mean"]
    words = "; ".join(f"{title}: {dice[arm]:.3f}" for arm, title in zip(arms, titles, strict=True))
    return Drawing(
        f"arms_{question}",
        f"{QUESTIONS[question].title} The arms on the independent half",
        "Filled: mean over repetitions with its 95 % interval, the paper's arm in blue; grey: single repetitions. "
        "A number at the side is a mean far off the scale.",
        f"Dot plot. Mean Dice: {words}.",
        figure,
    )


def find_far_off(means: pd.Series) -> set[str]:
    """Return the arms so far from the paper's that, drawn to scale, the others would fall on one another.

    They are more than eight times as far away as the median of the arms. There are none where most arms equal the
    paper's, as counts may, or where fewer than three are compared with it.
    """
    away = (means - means[PAPER_ARM]).abs().drop(PAPER_ARM)
    middle = away.median()
    return set(away.index[away > _FAR * middle]) if len(away) > 2 and middle > 0 else set()


def _draw_far_off(axes: Axes, mean: float, above: bool, height: int) -> None:
    place, text, side = (0.97, f"{mean:.2f} ▸", "right") if above else (0.03, f"◂ {mean:.2f}", "left")
    axes.text(place, height, text, transform=axes.get_yaxis_transform(), ha=side, va="center", color=INK)


def _draw_arm(axes: Axes, analysis: Analysis, table: pd.DataFrame, arm: str, metric: str, height: int) -> None:
    row = table[(table.arm == arm) & (table.metric == metric)].iloc[0]
    colour = BLUE if arm == PAPER_ARM else INK
    single = analysis.results.after(arm).groupby("repetition")[metric].mean()
    axes.plot(single, [height + 0.22] * len(single), "|", color=FAINT, markersize=5, alpha=0.8)
    axes.hlines(height, row["low"], row["high"], color=colour, linewidth=1.4)
    axes.plot(row["mean"], height, "o", color=colour, markersize=5)


@styled
def draw_layers(results: StudyResults) -> Drawing | None:
    """Draw how far each layer went, and its gradients, by step; None where no step has a table of its layers.

    Layers of a translator's base are left out: they are frozen, and would be as many rows again.
    """
    layers = results.layers
    if layers.empty:
        return None
    layers = layers[~layers.layer.str.startswith("base.")]
    names = list(layers.layer.unique())
    steps = list(layers.step.unique())
    last = layers[layers.epoch == layers.groupby(["step", "repetition"]).epoch.transform("max")]
    figure, panels = new_figure(1, 2, height=1.2 + 0.14 * len(names), sharey=True)
    shown = ((last, "weight_drift", "Drift at the end"), (layers, "gradient_norm", "Gradient norm, mean over epochs"))
    for axes, (rows, column, title) in zip(panels, shown, strict=True):
        for number, step in enumerate(steps):
            means = rows[rows.step == step].groupby("layer")[column].mean().reindex(names)
            colour, marker = (styles[number % len(styles)] for styles in (_COLOURS, _MARKERS))
            axes.plot(means, range(len(names)), marker, color=colour, markersize=3.5, label=results.step_title(step))
        axes.set(xlabel=title, xscale="linear" if column == "weight_drift" else "log")
        tidy(axes, "x")
    panels[0].set_yticks(range(len(names)), names, fontsize=5.5)
    panels[0].set_ylim(len(names) - 0.5, -0.5)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    drift = last.groupby(["step", "layer"]).weight_drift.mean()
    words = (f"{results.step_title(step)}: most in {drift[step].idxmax()}" for step in steps)
    return Drawing(
        "layers",
        "What each training changed, layer by layer",
        "From the image above to the mask below; last, the new layers of translators. Drift: distance of a layer's "
        "weights from those before, relative to their length; gradient norm: of the loss. Frozen layers have none. "
        "Means over repetitions.",
        f"Dot plots. {'; '.join(words)}.",
        figure,
    )

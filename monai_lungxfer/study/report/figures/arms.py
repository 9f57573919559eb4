"""The arms of a study beside each other."""

from __future__ import annotations

from matplotlib.axes import Axes

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.plan.arms import ARMS, PAPER_ARM
from monai_lungxfer.study.report.figures.style import BLUE, FAINT, INK, Drawing, new_figure, styled, tidy
from monai_lungxfer.study.report.formatting import metric_title

__all__ = ["draw_arms"]


@styled
def draw_arms(analysis: Analysis) -> Drawing:
    """Draw Dice, distances and artifacts on the independent half by arm."""
    arms = analysis.results.arms
    figure, panels = new_figure(1, 3, height=0.7 + 0.36 * len(arms), sharey=True, width_ratios=[1.6, 1, 1])
    for axes, metric in zip(panels, ("DICE", "HD95", "ISLANDS"), strict=True):
        for height, arm in enumerate(arms):
            _draw_arm(axes, analysis, arm, metric, height)
        axes.set_xlabel(metric_title(metric, analysis.results.distance_unit))
        tidy(axes, "x")
    panels[0].set_yticks(range(len(arms)), [ARMS[arm].title for arm in arms])
    panels[0].set_ylim(len(arms) - 0.5, -0.5)
    dice = analysis.arms[analysis.arms.metric == "DICE"].set_index("arm")["mean"]
    words = "; ".join(f"{ARMS[arm].title}: {dice[arm]:.3f}" for arm in arms)
    return Drawing(
        "arms",
        "The arms on the independent half",
        "Filled: mean over repetitions with its 95 % interval, the paper's arm in blue; grey: single repetitions.",
        f"Dot plot. Mean Dice: {words}.",
        figure,
    )


def _draw_arm(axes: Axes, analysis: Analysis, arm: str, metric: str, height: int) -> None:
    row = analysis.arms[(analysis.arms.arm == arm) & (analysis.arms.metric == metric)].iloc[0]
    colour = BLUE if arm == PAPER_ARM else INK
    single = analysis.results.after(arm).groupby("repetition")[metric].mean()
    axes.plot(single, [height + 0.22] * len(single), "|", color=FAINT, markersize=5, alpha=0.8)
    axes.hlines(height, row["low"], row["high"], color=colour, linewidth=1.4)
    axes.plot(row["mean"], height, "o", color=colour, markersize=5)

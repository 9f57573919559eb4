"""Losses by epoch with their spread, and how many repetitions were still training (Figs. 7 and 8 of the paper)."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from monai_lungxfer.study.plan.arms import STEPS
from monai_lungxfer.study.report.figures.style import BLUE, FAINT, VERMILION, Drawing, new_figure, styled, tidy

_LINES = {"train_loss": ("training", VERMILION, "--"), "val_loss": ("validation", BLUE, "-")}


def active_repetitions(epochs: pd.DataFrame) -> pd.Series:
    """Count, for each epoch, the repetitions that trained it: the others had stopped before."""
    return epochs.groupby("epoch").repetition.nunique()


@styled
def draw_losses(epochs: pd.DataFrame, step: str) -> Drawing:
    """Draw the losses of one step, given by its name, from `StudyResults.epochs`."""
    epochs = epochs[epochs.step == step]
    active = active_repetitions(epochs)
    figure, (upper, lower) = new_figure(2, height=3.6, sharex=True, height_ratios=[3, 1])
    for name in _LINES:
        _draw_mean(upper, epochs, name)
    upper.set(ylabel="Smooth Dice loss", ylim=(0, None))
    upper.legend(loc="upper right")
    lower.fill_between(active.index, active, step="mid", color=FAINT, alpha=0.35, linewidth=0)
    lower.step(active.index, active, where="mid", color=FAINT, linewidth=1)
    lower.set(ylabel="Repetitions", xlabel="Epoch", ylim=(0, 1.15 * active.max()))
    for axes in (upper, lower):
        tidy(axes)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    lower.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    number = {"general": "the paper's Fig. 7", "portable": "the paper's Fig. 8"}[step]
    return Drawing(
        f"losses_{step}",
        f"Losses by epoch: {STEPS[step].title.lower()}",
        "Mean over the repetitions that were still training, band ± one standard deviation; below, how many these "
        f"were: the others had stopped early. Compare {number}.",
        _in_words(epochs, active),
        figure,
    )


def _draw_mean(axes: Axes, epochs: pd.DataFrame, name: str) -> None:
    label, colour, line = _LINES[name]
    by_epoch = epochs.groupby("epoch")[name].agg(["mean", "std"]).dropna(subset=["mean"])
    spread = by_epoch["std"].fillna(0)
    axes.plot(by_epoch.index, by_epoch["mean"], line, color=colour, label=label)
    axes.fill_between(
        by_epoch.index, by_epoch["mean"] - spread, by_epoch["mean"] + spread, color=colour, alpha=0.18, linewidth=0
    )


def _in_words(epochs: pd.DataFrame, active: pd.Series) -> str:
    best = epochs.groupby("repetition").val_loss.min()
    stopped = epochs.groupby("repetition").epoch.max()
    lengths = " to ".join(map(str, sorted({stopped.min(), stopped.max()})))
    return (
        f"Line chart. The lowest validation loss of a repetition is {best.mean():.4f} on average; {active.iloc[0]} "
        f"repetitions trained for {lengths} epochs."
    )

"""Figures of two networks: how alike their layers are, and what a stage has kept of the filters before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from monai_lungxfer.features.analysis import FeatureAnalysis
from monai_lungxfer.features.similarity import Row, pair_layers
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

COLOURS = (BLUE, VERMILION, GREEN, PURPLE, INK)
MARKERS = ("o", "^", "s", "D", "v", "P", "X")
_MOST_STAGES = 4


def style_line(number: int) -> tuple[str, str]:
    """Return colour and marker of the line with a number: told apart in grey as well."""
    return COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]


def mark_layers(axes: Axes, layers: Sequence[str]) -> None:
    """Write the names of layers below the axis, only some of them where there are many."""
    step = -(-len(layers) // 20)
    axes.set_xticks(range(0, len(layers), step), list(layers)[::step], rotation=90, fontsize=5.5)


def choose_rows(rows: Sequence[Row], **wanted: str) -> list[Row]:
    """Return the rows whose columns have these values."""
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def _stages(analysis: FeatureAnalysis) -> list[tuple[str, str]]:
    """Return the stages that are drawn; of one network alone, the random one with it."""
    learnt = next(label for label in analysis.networks if label != analysis.baseline)
    return analysis.stages()[:_MOST_STAGES] or [(learnt, analysis.baseline)]


def _find_pair(rows: Sequence[Row], domain: str, first: str, second: str) -> list[Row]:
    return choose_rows(rows, domain=domain, first=first, second=second)


@styled
def draw_alignment(analysis: FeatureAnalysis) -> Drawing:
    """Draw the CKA of every two layers before and after each stage, one row of panels for each domain."""
    stages = _stages(analysis)
    figure, panels = new_figure(len(analysis.domains), len(stages), height=0.6 + 2.3 * len(analysis.domains))
    places = [(domain, stage) for domain in analysis.domains for stage in stages]
    for axes, (domain, (first, second)) in zip(panels, places, strict=True):
        rows = _find_pair(analysis.layers, domain.name, first, second)
        names = [list(dict.fromkeys(row[side] for row in rows)) for side in ("first_layer", "second_layer")]
        values = np.array([row["cka"] for row in rows]).reshape(len(names[0]), len(names[1]))
        picture = axes.pcolormesh(values, vmin=0, vmax=1, cmap="cividis")
        axes.set(title=domain.name, xlabel=f"Layers of {second}", ylabel=f"Layers of {first}")
        axes.set_xticks([0.5, len(names[1]) - 0.5], ["image", "mask"])
        axes.set_yticks([0.5, len(names[0]) - 0.5], ["image", "mask"], rotation=90, va="center")
        axes.tick_params(length=0)
    scale = figure.colorbar(picture, ax=panels, label="CKA", shrink=0.8)
    if scale.solids is not None:
        scale.solids.set_rasterized(False)  # so that an SVG without patients' images has no image at all
    return Drawing(
        "alignment",
        "How alike every two layers are, before and after each stage",
        "Unbiased linear CKA. A bright diagonal: the stage kept what each layer does. A bright block: these layers do "
        "much the same.",
        f"Heat maps of {', '.join(f'{first} and {second}' for first, second in stages)}.",
        figure,
    )


@styled
def draw_similarity(analysis: FeatureAnalysis) -> Drawing:
    """Draw the CKA of layers of the same name with its interval, for each stage, and of random layers."""
    figure, panels = new_figure(1, len(analysis.domains), height=3.2, sharey=True)
    words = []
    for axes, domain in zip(panels, analysis.domains, strict=True):
        for number, (first, second) in enumerate(_stages(analysis)):
            rows = pair_layers(_find_pair(analysis.layers, domain.name, first, second))
            colour, marker = style_line(number)
            places = range(len(rows))
            axes.fill_between(
                places, [row["low"] for row in rows], [row["high"] for row in rows], color=colour, alpha=0.18, lw=0
            )
            means = [row["cka"] for row in rows]
            axes.plot(places, means, marker=marker, markersize=3, color=colour, label=f"{first} and {second}")
            words.append(f"{domain.name}, {first} and {second}: {np.nanmean(means):.2f} on average")
            if not number:
                mark_layers(axes, [row["first_layer"] for row in rows])
                usual = pair_layers(_find_pair(analysis.layers, domain.name, first, analysis.baseline))
                axes.plot(
                    range(len(usual)), [row["cka"] for row in usual], "--", color=FAINT, label=f"{first} and random"
                )
                axes.plot(places, [row["shuffled"] for row in rows], ":", color=FAINT, label="images shuffled")
        axes.set(title=domain.name, ylim=(min(-0.05, axes.get_ylim()[0]), 1.05))
        tidy(axes)
    panels[0].set_ylabel("CKA")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Drawing(
        "similarity",
        "How alike the same layer is before and after each stage",
        "Unbiased linear CKA with 95 % intervals by patient, from the image (left) to the mask (right). Above the "
        "dashed line, the likeness has been learnt.",
        f"Line charts. {'; '.join(words)}.",
        figure,
    )


@styled
def draw_reuse(analysis: FeatureAnalysis) -> Drawing | None:
    """Draw, layer by layer, how well filters are matched after each stage, and how far weights have gone."""
    stages = [stage for stage in _stages(analysis) if _find_pair(analysis.matched, "", *stage)]
    if not stages:
        return None
    names = [row["layer"] for row in _find_pair(analysis.matched, "", *stages[0])]
    figure, (left, right) = new_figure(1, 2, height=1.3 + 0.16 * len(names), sharey=True)
    words = []
    for number, (first, second) in enumerate(stages):
        colour, marker = style_line(number)
        matched = {row["layer"]: row for row in _find_pair(analysis.matched, "", first, second)}
        drifts = {row["layer"]: row for row in choose_rows(analysis.drifts, first=first, second=second)}
        for axes, rows, column in ((left, matched, "matched"), (right, drifts, "weight_drift")):
            values = [rows[name][column] if name in rows else np.nan for name in names]
            axes.plot(values, range(len(names)), marker, color=colour, markersize=4, label=f"{first} and {second}")
        if not number:
            left.plot(
                [matched[name]["shuffled"] for name in names], range(len(names)), "|", color=FAINT, label="shuffled"
            )
        stayed = np.nanmean([row["stayed"] for row in matched.values()])
        words.append(f"{first} and {second}: {100 * stayed:.0f} % of the filters are matched with themselves")
    left.set(xlabel="Cosine of matched filters")
    right.set(xlabel="Drift of the weights", xlim=(0, None))
    left.set_yticks(range(len(names)), names, fontsize=5.5)
    left.set_ylim(len(names) - 0.5, -0.5)
    for axes in (left, right):
        tidy(axes, "x")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return Drawing(
        "reuse",
        "Which filters a stage kept, layer by layer",
        "Left: mean cosine of each filter with its partner in the best matching; near 1, the stage kept the filters. "
        "Right: distance that the weights went, relative to their length.",
        f"Dot plots. {'; '.join(words)}.",
        figure,
    )

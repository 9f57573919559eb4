"""Figures of two domains: what is read off layers, which units and patches are shared, and the score of donors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from monai_lungxfer.features.analysis import FeatureAnalysis
from monai_lungxfer.features.layer_drawings import choose_rows, style_line
from monai_lungxfer.features.score import PARTS
from monai_lungxfer.features.similarity import Row, counted
from monai_lungxfer.features.summaries import concept_title
from monai_lungxfer.study.report.figures.style import BLUE, FAINT, INK, Drawing, new_figure, styled, tidy


def _colour(analysis: FeatureAnalysis, label: str) -> str:
    return FAINT if label == analysis.baseline else style_line(analysis.networks.index(label))[0]


@styled
def draw_probes(analysis: FeatureAnalysis) -> Drawing | None:
    """Draw the area under the curve of probes by layer: columns are concepts, rows the domain that is tested."""
    concepts = counted(analysis.probes, "concept")
    if not concepts:
        return None
    domains = [domain.name for domain in analysis.domains]
    figure, panels = new_figure(len(domains), len(concepts), height=0.9 + 1.7 * len(domains), sharey=True, sharex=False)
    places = [(tested, concept) for tested in domains for concept in concepts]
    for axes, (tested, concept) in zip(panels, places, strict=True):
        rows = choose_rows(analysis.probes, tested=tested, concept=concept)
        _draw_probe(axes, analysis, rows, tested)
        axes.set_title(f"{concept_title(concept, analysis.domains)}, {tested}", fontsize=6.5)
    panels[0].set_ylim(0, 1.02)
    for axes in panels[:: len(concepts)]:
        axes.set_ylabel("AUC")
    handles = {
        label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=5)
    return Drawing(
        "probes",
        "What a linear probe reads off each layer, within a domain and from the other",
        "Solid: learnt and tested in the same domain, on other patients. Dashed: learnt in the other domain. Where the "
        "dashed line comes near the solid one, the feature is common to both. 0.5 is chance; below it, what marks the "
        "concept in one domain marks its absence in the other.",
        f"Line charts of {len(concepts)} concepts, tested on {' and '.join(domains)}.",
        figure,
    )


def _draw_probe(axes: Axes, analysis: FeatureAnalysis, rows: Sequence[Row], tested: str) -> None:
    for label in counted(rows, "network"):
        for trained in counted(rows, "trained"):
            own = choose_rows(rows, network=label, trained=trained)
            depth = np.linspace(0, 1, len(own)) if len(own) > 1 else [0.5]
            within = trained == tested
            style = {"linestyle": "-" if within else "--", "color": _colour(analysis, label), "linewidth": 1}
            axes.plot(depth, [row["auc"] for row in own], label=label if within else None, **style)  # type: ignore[arg-type]
    axes.axhline(0.5, color=FAINT, linewidth=0.6)
    axes.set_xticks([0, 1], ["image", "mask"], fontsize=6)
    tidy(axes)


@styled
def draw_units(analysis: FeatureAnalysis) -> Drawing | None:
    """Draw the overlap of the units that matter in two domains, and how many units find a concept in both."""
    if not analysis.important and not analysis.detectors:
        return None
    networks = list(analysis.networks)
    figure, (left, right) = new_figure(1, 2, height=1.0 + 0.32 * len(networks), sharey=True, width_ratios=[1, 1.4])
    for row in analysis.important:
        place = networks.index(row["network"])
        left.plot(row["jaccard"], place, "o", color=BLUE, markersize=5)
        left.plot(row["chance"], place, "|", color=FAINT, markersize=9)
    for number, concept in enumerate(counted(analysis.detectors, "concept")):
        rows = choose_rows(analysis.detectors, concept=concept)
        colour, marker = style_line(number)
        heights = [networks.index(row["network"]) + 0.15 * (number - 1.5) for row in rows]
        title = concept_title(concept, analysis.domains)
        right.plot([row["in_both"] / row["units"] for row in rows], heights, marker, color=colour, ms=4, label=title)
        right.plot([row["by_chance"] / row["units"] for row in rows], heights, "|", color=FAINT, ms=7)
    left.set_yticks(range(len(networks)), networks)
    left.set_ylim(len(networks) - 0.5, -0.5)
    left.set(xlabel="Overlap of the units that matter", xlim=(0, None))
    right.set(xlabel="Share of units that find it in both domains", xlim=(0, None))
    for axes in (left, right):
        tidy(axes, "x")
    if analysis.detectors:
        figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    words = "; ".join(
        f"{row['network']}: {row['jaccard']:.2f}, by chance {row['chance']:.2f}" for row in analysis.important
    )
    return Drawing(
        "units",
        "Units that work in both domains",
        "Left: of the twentieth of units that matter most for the mask of either domain, the share that matters in "
        "both. Right: units that find a concept in both. Grey strokes: chance; right of them, units are shared.",
        f"Dot plots. Overlap of the units that matter: {words}.",
        figure,
    )


@styled
def draw_patches(analysis: FeatureAnalysis) -> Drawing | None:
    """Draw how near the nearest patches of the other domain are, beside those of the own one, by layer."""
    if not analysis.patches:
        return None
    pairs = list(dict.fromkeys((row["first"], row["second"]) for row in analysis.patches))
    figure, panels = new_figure(1, len(pairs), height=3.0, sharey=True)
    for axes, (first, second) in zip(panels, pairs, strict=True):
        for label in analysis.networks:
            rows = choose_rows(analysis.patches, network=label, first=first, second=second)
            depth = np.linspace(0, 1, len(rows)) if len(rows) > 1 else [0.5]
            ratio = [row["across"] / row["within"] if row["within"] else np.nan for row in rows]
            line = "--" if label == analysis.baseline else "-"
            axes.plot(depth, ratio, line, color=_colour(analysis, label), label=label)
        axes.axhline(1, color=INK, linewidth=0.6)
        axes.set(title=f"patches of {first}, nearest in {second}")
        axes.set_xticks([0, 1], ["image", "mask"])
        tidy(axes)
    panels[0].set_ylabel("Cosine across / within")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return Drawing(
        "patches",
        "Nearest patches of the other domain by deep features",
        "Cosine to the nearest patch of the other domain, over that to the nearest of another patient of the same one. "
        "At 1, the layer does not tell the domains apart; the lower, the more it does. Compare Fig. 5 of the paper.",
        f"Line charts for {len(pairs)} directions and {len(analysis.networks)} networks.",
        figure,
    )


@styled
def draw_scores(analysis: FeatureAnalysis) -> Drawing | None:
    """Draw the score of each donor and its parts, one panel for each domain."""
    if not analysis.scores:
        return None
    domains = counted(analysis.scores, "domain")
    labels = counted(analysis.scores, "network")
    figure, panels = new_figure(1, len(domains), height=1.1 + 0.3 * len(labels), sharey=True)
    for axes, domain in zip(panels, domains, strict=True):
        rows = choose_rows(analysis.scores, domain=domain)
        heights = [labels.index(row["network"]) for row in rows]
        axes.barh(heights, [row["score"] for row in rows], height=0.5, color=BLUE, alpha=0.35, label="score")
        axes.hlines(heights, [row["low"] for row in rows], [row["high"] for row in rows], color=BLUE, linewidth=1.2)
        for number, part in enumerate(PARTS):
            known = [(row[part], height) for row, height in zip(rows, heights, strict=True) if row[part] is not None]
            if known:
                colour, marker = style_line(number)
                axes.plot(*zip(*known, strict=True), marker, color=colour, markersize=4, label=part, linestyle="none")
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set(title=f"for {domain}", xlabel="Score")
        tidy(axes, "x")
    panels[0].set_yticks(range(len(labels)), labels)
    panels[0].set_ylim(len(labels) - 0.5, -0.5)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    words = "; ".join(
        f"{row['network']} for {row['domain']}: {row['score']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
        for row in analysis.scores
    )
    return Drawing(
        "scores",
        "Which donor fits, before any training",
        "Bars: the score, 0 for random features; lines: its 95 % interval by patient; marks: its parts. The longest "
        "bar is the donor to try first. Where lines overlap far, patients are too few to tell which is better.",
        f"Bar charts. {words}.",
        figure,
    )

"""What the analysis found, in words that follow from its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

from monai_lungxfer.features.analysis import FeatureAnalysis
from monai_lungxfer.features.summaries import summarise_probes, summarise_similarity
from monai_lungxfer.study.report.formatting import number_text
from monai_lungxfer.study.report.verdicts import Statement, Tile, Verdict

COMMON = 0.8
"""A probe that keeps this share of what it reads above chance, on the other domain, marks a common feature.

Its interval there must be above what random weights give, too."""

_READABLE = 0.6  # below it, a concept is not read off well enough at home to ask whether that goes elsewhere


def make_tiles(analysis: FeatureAnalysis) -> list[Tile]:
    """Return the numbers that are seen first: the best donor of each domain, and how alike the stages are."""
    tiles = []
    for domain in analysis.domains:
        rows = [row for row in analysis.scores if row["domain"] == domain.name and row["score"] == row["score"]]
        if rows:
            best = max(rows, key=lambda row: row["score"])
            score, low, high = (number_text(best[name], 2) for name in ("score", "low", "high"))
            detail = f"the highest score of {len(rows)}: {score} (95 % {low} to {high}); random features have 0"
            name = best["network"] if best["score"] > 0 else "none"
            tiles.append(Tile(name, f"donor to try first for {domain.name}", detail))
    for row in summarise_similarity(analysis):
        if (row["first"], row["second"]) in analysis.stages():
            reach = f"95 % {number_text(row['low'], 2)} to {number_text(row['high'], 2)}"
            detail = f"{reach}; with random weights {number_text(row['random'] or 0, 2)}"
            label = f"CKA of {row['first']} and {row['second']} on {row['domain']}"
            tiles.append(Tile(number_text(row["cka"], 2), label, detail))
    return tiles


def make_statements(analysis: FeatureAnalysis) -> list[Statement]:
    """Return what was found about stages, common features, and units that matter in both domains."""
    return [*_nearer(analysis), *_common(analysis), *_important(analysis), *_unreadable(analysis)]


def _nearer(analysis: FeatureAnalysis) -> Iterator[Statement]:
    for row in analysis.nearer:
        first, second = row["first"], row["second"]
        if not row["deepest"] or (first, second) not in analysis.stages():
            continue
        found = (
            "is more like" if row["low"] > 0 else "is less like" if row["high"] < 0 else "is not shown to be more like"
        )
        cka, usual, nearer, low, high = (
            number_text(row[name], 2) for name in ("cka", "random", "nearer", "low", "high")
        )
        yield Statement(
            Verdict.NOTE,
            f"On {row['domain']}, the bottleneck of {second} {found} that of {first} than a random one.",
            f"CKA {cka} with {first}, {usual} with random weights: {nearer} (95 % {low} to {high}) at {row['layer']}.",
        )


def _common(analysis: FeatureAnalysis) -> Iterator[Statement]:
    rows = summarise_probes(analysis)
    within = {
        (row["network"], row["concept"], row["trained"]): row["auc"] for row in rows if row["trained"] == row["tested"]
    }
    for row in rows:
        home = within.get((row["network"], row["concept"], row["trained"]))
        is_asked = row["trained"] != row["tested"] and row["network"] != analysis.baseline
        if not is_asked or home is None or home < _READABLE:
            continue
        kept = (row["auc"] - 0.5) / (home - 0.5)
        usual = row["random"] if row["random"] is not None else 0.5
        if kept >= COMMON and row["low"] > usual:
            yield Statement(
                Verdict.NOTE,
                f"{row['network']}: {row['concept']} is a common feature of {row['trained']} and {row['tested']}.",
                f"A probe that learnt on {row['trained']} reads it at AUC {number_text(row['auc'], 2)} on "
                f"{row['tested']}, by random weights {number_text(usual, 2)}, and at {number_text(home, 2)} at home; "
                "means over layers.",
            )


def _important(analysis: FeatureAnalysis) -> Iterator[Statement]:
    usual = {
        (row["first"], row["second"]): row["jaccard"]
        for row in analysis.important
        if row["network"] == analysis.baseline
    }
    for row in analysis.important:
        if row["network"] != analysis.baseline:
            label, first, second = row["network"], row["first"], row["second"]
            random = usual.get((first, second), math.nan)
            overlap, chance, correlation = (number_text(row[name], 2) for name in ("jaccard", "chance", "correlation"))
            yield Statement(
                Verdict.NOTE,
                f"{label}: {row['shared']} of {row['top']} units that matter most in {first} do so in {second}.",
                f"Overlap {overlap}, by random weights {number_text(random, 2)}, by chance {chance}; "
                f"correlation of all units {correlation}.",
            )


def _unreadable(analysis: FeatureAnalysis) -> Iterator[Statement]:
    for domain in analysis.domains:
        if domain.skipped:
            text = f"Images of {domain.name} that could not be read, and are left out: {len(domain.skipped)}."
            yield Statement(Verdict.CAUTION, text)

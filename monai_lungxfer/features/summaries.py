"""Means over layers of what was found, as rows of tables, and what concepts are called."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np

from monai_lungxfer.features.analysis import FeatureAnalysis
from monai_lungxfer.features.concepts import CONCEPTS
from monai_lungxfer.features.images import ImageSet
from monai_lungxfer.features.score import PARTS
from monai_lungxfer.features.similarity import Row, pair_layers


def average(rows: Sequence[Row], by: Sequence[str], columns: Sequence[str]) -> list[Row]:
    """Return the means over layers of some columns, NaN left out, with how many layers there are."""
    found = []
    for names, group in groupby(rows, key=lambda row: [row[name] for name in by]):
        own = list(group)
        values = {name: np.array([row[name] for row in own], float) for name in columns}
        means = {
            name: float(np.nanmean(one)) if np.isfinite(one).any() else float("nan") for name, one in values.items()
        }
        found.append(dict(zip(by, names, strict=True)) | {"layers": len(own)} | means)
    return found


def concept_title(concept: str, domains: Sequence[ImageSet]) -> str:
    """Return what a concept is called: the target by what the masks are of."""
    if concept != CONCEPTS[0]:
        return {"edge": "edge direction", "object": "drawn object", "opacity": "drawn opacity"}[concept]
    return " or ".join(dict.fromkeys(domain.target for domain in domains))


def summarise_similarity(analysis: FeatureAnalysis) -> list[Row]:
    """Return the mean CKA over layers for each two networks and domain, and that with the random network."""
    found: list[Row] = []
    by = ("domain", "first", "second")
    for _, group in groupby(analysis.layers, key=lambda row: [row[name] for name in by]):
        rows = list(group)
        if rows[0]["first"] != rows[0]["second"]:
            found += average(pair_layers(rows) or rows[:1], by, ("cka", "low", "high", "shuffled"))
            found[-1]["images"] = rows[0]["images"]
    by_pair = {(row["domain"], frozenset((row["first"], row["second"]))): row["cka"] for row in found}
    for row in found:
        both = [by_pair.get((row["domain"], frozenset((row[side], analysis.baseline)))) for side in ("first", "second")]
        known = [value for value in both if value is not None]
        is_learnt = analysis.baseline not in (row["first"], row["second"])
        row["random"] = sum(known) / len(known) if is_learnt and known else None
    return found


def summarise_probes(analysis: FeatureAnalysis) -> list[Row]:
    """Return mean and best area under the curve over layers, and the mean of the random network's layers."""
    by = ("network", "concept", "trained", "tested")
    order = {label: number for number, label in enumerate(analysis.networks)}
    rows = sorted(analysis.probes, key=lambda row: [order[row["network"]], *(row[name] for name in by[1:])])
    found = average(rows, by, ("auc", "low", "high"))
    usual = {tuple(row[name] for name in by[1:]): row["auc"] for row in found if row["network"] == analysis.baseline}
    for row in found:
        own = [one for one in rows if all(one[name] == row[name] for name in by)]
        best = max(own, key=lambda one: one["auc"])
        row |= {"best": best["auc"], "best_layer": best["layer"]}
        row["random"] = usual.get(tuple(row[name] for name in by[1:]))
        row["concept"] = concept_title(row["concept"], analysis.domains)
    return found


def list_metrics(analysis: FeatureAnalysis) -> dict[str, float]:
    """Return the main numbers by their names: the donors' scores with their parts, and the mean CKA of networks."""
    found = {
        f"{part}/{row['domain']}/{row['network']}": float(row[part])
        for row in analysis.scores
        for part in ("score", *PARTS)
        if row[part] is not None
    }
    return found | {
        f"cka/{row['domain']}/{row['first']}/{row['second']}": row["cka"] for row in summarise_similarity(analysis)
    }

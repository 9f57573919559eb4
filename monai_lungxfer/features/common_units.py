"""Units as rows of tables: which find a concept in both domains, and which matter for the masks of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.features.collect import CollectedFeatures
from monai_lungxfer.features.concepts import CONCEPTS
from monai_lungxfer.features.overlap import chance_overlap
from monai_lungxfer.features.similarity import Row
from monai_lungxfer.features.units import UnitEffects, overlap_top_units

DETECTS = 2.0
"""A unit finds a concept when its overlap with it is at least this many times what chance gives."""


def count_detectors(label: str, kept: Mapping[str, CollectedFeatures]) -> Iterator[Row]:
    """Yield how many units of a network find each concept in each two domains, and in both.

    Rows have ``network``, ``concept``, ``first``, ``second`` (domains), ``units``, ``in_first``, ``in_second``,
    ``in_both``, ``by_chance`` (in both, if one had nothing to do with the other), and ``correlation``: Spearman's, of
    the overlaps of all units.
    """
    from scipy.stats import spearmanr

    for first, second in combinations(kept, 2):
        for number, concept in enumerate(CONCEPTS):
            overlaps = [_overlaps(kept[name], number) for name in (first, second)]
            if any(np.isnan(one).all() for one in overlaps):
                continue
            chances = [float(chance_overlap(kept[name].shares[number])) for name in (first, second)]
            finds = [one >= DETECTS * chance for one, chance in zip(overlaps, chances, strict=True)]
            counts = [int(one.sum()) for one in finds]
            units = len(overlaps[0])
            alike = all(np.ptp(one) > 0 for one in overlaps)
            told = {"network": label, "concept": concept, "first": first, "second": second, "units": units}
            shared = {"in_both": int((finds[0] & finds[1]).sum()), "by_chance": counts[0] * counts[1] / units}
            correlation = float(spearmanr(*overlaps).statistic) if alike else float("nan")
            yield told | {"in_first": counts[0], "in_second": counts[1], **shared, "correlation": correlation}


def _overlaps(kept: CollectedFeatures, concept: int) -> NDArray[np.float32]:
    return np.concatenate([values[:, concept] for values in kept.overlap.values()])


def compare_important(label: str, effects: Mapping[str, UnitEffects]) -> Iterator[Row]:
    """Yield whether the same units matter in each two domains, see `overlap_top_units`."""
    for first, second in combinations(effects, 2):
        found = overlap_top_units(effects[first].importance, effects[second].importance)
        yield {"network": label, "first": first, "second": second, **found}


def list_ablations(label: str, effects: Mapping[str, UnitEffects]) -> Iterator[Row]:
    """Yield how much Dice falls in each domain without each unit that was switched off."""
    for domain, one in effects.items():
        for (layer, unit), drop in one.drops.items():
            told = {"network": label, "domain": domain, "layer": layer, "unit": unit}
            yield told | {"dice": one.dice, "drop": drop, "estimate": float(one.importance[layer][unit])}


def list_units(label: str, kept: Mapping[str, CollectedFeatures], effects: Mapping[str, UnitEffects]) -> Iterator[Row]:
    """Yield every unit of a network in each domain: its overlap with each concept, its response to objects, its effect.

    The response is a mean over images of `monai_lungxfer.features.overlap.measure_responses`, the effect that on Dice.
    """
    for domain, one in kept.items():
        importance = effects[domain].importance if domain in effects else {}
        responses = {layer: np.nanmean(own, axis=0) for layer, own in one.responses.items()}
        for layer, overlaps in one.overlap.items():
            for unit, values in enumerate(overlaps):
                told = {"network": label, "domain": domain, "layer": layer, "unit": unit}
                found = {f"{concept}_overlap": float(values[number]) for number, concept in enumerate(CONCEPTS)}
                found["object_response"] = float(responses[layer][unit])
                yield told | found | {"effect": float(importance[layer][unit]) if layer in importance else None}

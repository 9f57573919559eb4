"""Units that respond to drawn objects: by how much their activation rises under an object, and which do most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.features.collect import CollectedFeatures
from monai_lungxfer.features.probes import DRAWS
from monai_lungxfer.features.similarity import Row
from monai_lungxfer.features.units import Unit, UnitEffects

FIRST = 2
"""Units of each network and domain that are switched off because they respond most to objects."""


def choose_object_units(kept: CollectedFeatures, patients: NDArray[np.int64], count: int = FIRST) -> list[Unit]:
    """Return the units of all layers whose activation changes most under objects, up or down."""
    effects = {layer: average_patients(own, patients).mean(0) for layer, own in kept.responses.items()}
    named = [(layer, unit) for layer, values in effects.items() for unit in range(len(values))]
    sizes = np.abs(np.concatenate(list(effects.values())))
    return [named[place] for place in np.argsort(-np.nan_to_num(sizes), kind="stable")[:count]]


def list_object_units(
    label: str,
    kept: Mapping[str, CollectedFeatures],
    patients: Mapping[str, NDArray[np.int64]],
    effects: Mapping[str, UnitEffects],
) -> Iterator[Row]:
    """Yield, for each layer and domain, the unit whose activation changes most, and those that were switched off.

    Rows have ``network``, ``domain``, ``layer``, ``unit``, ``response`` (mean over patients of
    `monai_lungxfer.features.overlap.measure_responses`), ``low``, ``high`` (95 %, of a bootstrap over patients),
    ``patients``, ``layer_mean`` (of the sizes of the layer's responses), ``drop`` (see `UnitEffects`; None for a unit
    that was not switched off), and ``chosen``, whether it is one of `choose_object_units`.
    """
    for domain, one in kept.items():
        chosen = choose_object_units(one, patients[domain])
        drops = effects[domain].drops if domain in effects else {}
        for layer, own in one.responses.items():
            by_patient = average_patients(own, patients[domain])
            sizes = np.abs(np.nan_to_num(by_patient.mean(0)))
            units = dict.fromkeys([int(sizes.argmax()), *(unit for name, unit in chosen if name == layer)])
            for unit in units:
                told = {"network": label, "domain": domain, "layer": layer, "unit": unit}
                found = _interval(by_patient[:, unit]) | {"layer_mean": float(sizes.mean())}
                yield told | found | {"drop": drops.get((layer, unit)), "chosen": (layer, unit) in chosen}


def average_patients(values: NDArray[np.float32], patients: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the mean (patients, C) of each patient's images (M, C); images with NaN, where no object lies, count not.

    Parameters
    ----------
    values : numpy.ndarray
        (M, C).
    patients : numpy.ndarray
        int (N,), of at least so many images.
    """
    known = ~np.isnan(values).any(1)
    own, numbers = np.unique(patients[: len(values)][known], return_inverse=True)
    sums = np.zeros((len(own), values.shape[1]))
    np.add.at(sums, numbers, values[known])
    return sums / np.maximum(np.bincount(numbers, minlength=len(own)), 1)[:, None]


def _interval(values: NDArray[np.float64]) -> dict[str, float]:
    """Return the mean over patients with its 95 % interval."""
    drawn = np.random.default_rng(0).choice(values, (DRAWS, len(values))).mean(1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"response": float(values.mean()), "low": float(low), "high": float(high), "patients": len(values)}

"""Pairs of networks: similarity of all their layers, and reuse of filters, as rows of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.features.cka import Alignment, Batches, Pairs, align_layers, make_batches, stack_pairs
from monai_lungxfer.features.images import ImageSet
from monai_lungxfer.features.matching import (
    compare_kernels,
    compare_responses,
    list_kernels,
    match_units,
    measure_drift,
)
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.store import load_layers

Row = dict[str, Any]
Files = Mapping[tuple[str, str], Path]
"""What was collected, by the labels of network and domain."""


def compare_layers(
    networks: Sequence[ComparedNetwork], domains: Sequence[ImageSet], files: Files, seed: int
) -> Iterator[Row]:
    """Yield the CKA of every layer of one network with every layer of another, and of each network with itself.

    Rows have ``domain``, ``first``, ``second``, ``first_layer``, ``second_layer``, ``cka``, ``low``, ``high`` (95 %),
    ``shuffled`` (97.5th percentile of shuffled images), and ``images``, how many were compared.
    """
    for domain in domains:
        batches = make_batches(domain.patients)
        stacked = {}
        for network in networks:
            pooled = load_layers(files[network.label, domain.name], "pooled")
            stacked[network.label] = list(pooled), stack_pairs(pooled, batches, list(pooled))
        pairs = [*((one, one) for one in stacked), *combinations(stacked, 2)]
        for first, second in pairs:
            told = {"domain": domain.name, "first": first, "second": second, "images": batches.images}
            yield from _align(told, stacked[first], stacked[second], batches, seed)


def _align(
    told: Row, first: tuple[list[str], Pairs], second: tuple[list[str], Pairs], batches: Batches, seed: int
) -> Iterator[Row]:
    found: Alignment = align_layers(first[1], second[1], batches, seed=seed)
    for row, upper in enumerate(first[0]):
        for column, lower in enumerate(second[0]):
            numbers = {name: float(getattr(found, name)[row, column]) for name in ("low", "high", "shuffled")}
            cka = {"first_layer": upper, "second_layer": lower, "cka": float(found.value[row, column])}
            yield told | cka | numbers


def compare_filters(networks: Sequence[ComparedNetwork]) -> Iterator[Row]:
    """Yield how the filters of each layer are matched by their weights, for each two networks of one class.

    Rows have ``domain`` (empty), ``first``, ``second``, ``layer``, ``units``, ``matched``, ``own``, ``stayed``, see
    `monai_lungxfer.features.matching.Matching`, and ``shuffled``: the mean of the matched cosines after the weights of
    each filter of the second network were shuffled.
    """
    for first, second in _pairs_of_one_class(networks):
        kernels, others = (list_kernels(one.build()) for one in (first, second))
        for layer in kernels:
            if layer not in others or kernels[layer].shape != others[layer].shape:
                continue
            rng = np.random.default_rng(0)
            flat = others[layer].detach().flatten(1)
            shuffled = flat[:, rng.permutation(flat.shape[1])]
            told = {"domain": "", "first": first.label, "second": second.label, "layer": layer}
            similar, chance = (compare_kernels(kernels[layer], other) for other in (others[layer], shuffled))
            yield told | _match(similar, chance)


def compare_units(networks: Sequence[ComparedNetwork], domains: Sequence[ImageSet], files: Files) -> Iterator[Row]:
    """Yield how units of each layer are matched by their responses, see `compare_filters`; images are shuffled."""
    for domain in domains:
        pooled: dict[str, dict[str, NDArray[Any]]] = {
            network.label: load_layers(files[network.label, domain.name], "pooled") for network in networks
        }
        for first, second in combinations(pooled, 2):
            for layer in pooled[first]:
                if layer not in pooled[second]:
                    continue
                one, other = pooled[first][layer], pooled[second][layer]
                order = np.random.default_rng(0).permutation(len(other))
                told = {"domain": domain.name, "first": first, "second": second, "layer": layer}
                yield told | _match(compare_responses(one, other), compare_responses(one, other[order]))


def _match(similarity: NDArray[np.float64], shuffled: NDArray[np.float64]) -> Row:
    found = match_units(similarity)
    numbers = {"matched": found.matched, "own": found.own, "stayed": found.stayed}
    return {"units": len(similarity), **numbers, "shuffled": match_units(shuffled).matched}


def compare_weights(networks: Sequence[ComparedNetwork]) -> Iterator[Row]:
    """Yield how far each layer has gone between each two networks of one class, see `measure_drift`."""
    for first, second in _pairs_of_one_class(networks):
        for row in measure_drift(first.build(), second.build()):
            yield {"first": first.label, "second": second.label, **row}


def counted(rows: Sequence[Row], name: str) -> list[str]:
    """Return the different values of a column, in their order."""
    return list(dict.fromkeys(row[name] for row in rows))


def pair_layers(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of layers with the same name; without any, for each layer of the first the most alike one."""
    same = [row for row in rows if row["first_layer"] == row["second_layer"]]
    if same:
        return same
    best: dict[str, Row] = {}
    for row in rows:
        layer = row["first_layer"]
        if np.isfinite(row["cka"]) and (layer not in best or row["cka"] > best[layer]["cka"]):
            best[layer] = row
    return list(best.values())


def _pairs_of_one_class(networks: Sequence[ComparedNetwork]) -> Iterator[tuple[ComparedNetwork, ComparedNetwork]]:
    for first, second in combinations(networks, 2):
        if first.description["_target_"] == second.description["_target_"]:
            yield first, second

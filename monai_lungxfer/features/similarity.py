"""Pairs of networks: similarity of all their layers, and reuse of filters, as rows of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.features.cka import (
    Alignment,
    Batches,
    Pairs,
    align,
    align_layers,
    draw_weights,
    make_batches,
    stack_pairs,
)
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
        stacked = _stack(networks, domain, files, batches)
        pairs = [*((one, one) for one in stacked), *combinations(stacked, 2)]
        for first, second in pairs:
            told = {"domain": domain.name, "first": first, "second": second, "images": batches.images}
            yield from _align(told, stacked[first], stacked[second], batches, seed)


def _stack(
    networks: Sequence[ComparedNetwork], domain: ImageSet, files: Files, batches: Batches
) -> dict[str, tuple[list[str], Pairs]]:
    found = {}
    for network in networks:
        pooled = load_layers(files[network.label, domain.name], "pooled")
        found[network.label] = list(pooled), stack_pairs(pooled, batches, list(pooled))
    return found


ALL_LAYERS = "mean of all"
"""What the mean over layers is called where layers are."""


def compare_with_random(
    networks: Sequence[ComparedNetwork], domains: Sequence[ImageSet], files: Files, seed: int
) -> Iterator[Row]:
    """Yield by how much each network is more like one that was named before it than like the random one.

    Rows have ``domain``, ``first``, ``second``, ``layer``, ``cka`` of the two, ``random`` (CKA of the second with the
    random network), ``nearer`` (the difference), ``low`` and ``high``: its 95 % interval by patient. Both CKA are
    measured on the same patients in each bootstrap sample. ``deepest`` marks the layer with the most units, of several
    the last: the bottleneck. The last row of a pair is of the mean of all layers. Without layers of the same names
    there is no row.
    """
    baseline = next(network.label for network in networks if network.weights is None)
    learnt = [network.label for network in networks if network.weights is not None]
    for domain in domains:
        batches = make_batches(domain.patients)
        weights = draw_weights(batches, np.random.default_rng(seed))
        stacked = _stack(networks, domain, files, batches)
        for first, second in combinations(learnt, 2):
            layers, pairs = stacked[second]
            if any(stacked[label][0] != layers for label in (first, baseline)):
                continue
            own, random = (_align_same(stacked[label][1], pairs, weights) for label in (first, baseline))
            widths = {layer: one.shape[1] for layer, one in load_layers(files[second, domain.name], "pooled").items()}
            deepest = [layer for layer, width in widths.items() if width == max(widths.values())][-1]
            low, high = np.nanquantile(own[1:] - random[1:], (0.025, 0.975), axis=0)
            for number, layer in enumerate((*layers, ALL_LAYERS)):
                cka, usual = float(own[0, number]), float(random[0, number])
                told: Row = {"domain": domain.name, "first": first, "second": second, "layer": layer}
                told |= {"deepest": layer == deepest}
                numbers = {"cka": cka, "random": usual, "nearer": cka - usual}
                yield told | numbers | {"low": float(low[number]), "high": float(high[number])}


def _align_same(first: Pairs, second: Pairs, weights: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the CKA of layers of the same number, and their mean, as measured and in each draw: (1 + draws, L + 1)."""
    own = np.concatenate((align(first, second)[None], align(first, second, weights)))
    same = np.diagonal(own, axis1=1, axis2=2)
    return np.concatenate((same, np.nanmean(same, axis=1, keepdims=True)), axis=1)


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
    built = {network.label: list_kernels(network.build()) for network in networks}
    for first, second in _pairs_of_one_class(networks):
        kernels, others = built[first.label], built[second.label]
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
    built = {network.label: network.build() for network in networks}
    for first, second in _pairs_of_one_class(networks):
        for row in measure_drift(built[first.label], built[second.label]):
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

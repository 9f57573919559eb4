"""Nearest patches across domains by deep features: what a layer takes for the same (Fig. 5 of the paper, measured)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Patches:
    """Patches of one domain, each known by a pixel of it.

    Attributes
    ----------
    pixels : dict of str to numpy.ndarray
        (M, S, C): features at the pixels by layer.
    traits : numpy.ndarray
        (M, S, 2): mean and standard deviation of the grey values around each pixel.
    patients : numpy.ndarray
        int (M,).
    """

    pixels: Mapping[str, NDArray[Any]]
    traits: NDArray[np.float32]
    patients: NDArray[np.int64]


@dataclass(frozen=True)
class Neighbours:
    """For each patch of one domain the nearest one of another.

    Attributes
    ----------
    nearest : numpy.ndarray
        int (n,): its number among the patches of the other domain.
    across, within : numpy.ndarray
        float (n,): the cosine to it, and to the nearest patch of another patient of the own domain.
    mutual : numpy.ndarray
        bool (n,): whether each of the two is the other's nearest.
    """

    nearest: NDArray[np.int64]
    across: NDArray[np.float64]
    within: NDArray[np.float64]
    mutual: NDArray[np.bool_]


def compare_patches(domains: Mapping[str, Patches]) -> Iterator[dict[str, Any]]:
    """Yield, for each layer and each domain as seen from another, how near the nearest patches are.

    Rows have ``first``, ``second`` (domains), ``layer``, ``patches``, ``across``, ``within``, ``mutual`` (means of
    `Neighbours`), and ``brightness`` and ``contrast``: the correlation of these between patches and their nearest.
    """
    for first, own in domains.items():
        for second, other in domains.items():
            if first == second:
                continue
            for layer in own.pixels:
                found = find_neighbours(own, other, layer)
                traits = own.traits.reshape(-1, 2), other.traits.reshape(-1, 2)[found.nearest]
                alike = [_correlate(traits[0][:, column], traits[1][:, column]) for column in (0, 1)]
                means = {name: float(np.mean(getattr(found, name))) for name in ("across", "within", "mutual")}
                told = {"first": first, "second": second, "layer": layer, "patches": len(found.nearest)}
                yield told | means | dict(zip(("brightness", "contrast"), alike, strict=True))


def find_neighbours(own: Patches, other: Patches, layer: str) -> Neighbours:
    """Find the nearest patches by the cosine of a layer's features, standardised over both domains together."""
    here, there = _standardise(own, other, layer)
    cosines = here @ there.T
    nearest = cosines.argmax(1)
    patients = np.repeat(own.patients, own.pixels[layer].shape[1])
    inside = np.where(patients[:, None] == patients[None], -np.inf, here @ here.T)
    mutual = cosines.argmax(0)[nearest] == np.arange(len(here))
    return Neighbours(nearest, cosines.max(1), inside.max(1), mutual)


def rank_neighbours(
    own: Patches, other: Patches, layer: str, rows: int, count: int, seed: int = 0
) -> list[tuple[int, list[int]]]:
    """Return patches with their nearest of another domain, by the cosine of `find_neighbours`.

    Parameters
    ----------
    rows : int
        Patches of the own domain, chosen at random, one of each patient; fewer where there are fewer patients.
    count : int
        How many of the other domain each gets, the nearest first, each of another patient.
    seed : int
        For the choice.
    """
    here, there = _standardise(own, other, layer)
    patients, others = (np.repeat(one.patients, one.pixels[layer].shape[1]) for one in (own, other))
    order = np.random.default_rng(seed).permutation(len(here))
    chosen = order[np.sort(np.unique(patients[order], return_index=True)[1])][:rows]
    found = []
    for number in chosen:
        nearest = np.argsort(-(there @ here[number]), kind="stable")
        firsts = np.sort(np.unique(others[nearest], return_index=True)[1])[:count]
        found.append((int(number), nearest[firsts].tolist()))
    return found


def _standardise(own: Patches, other: Patches, layer: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the directions of both domains' patches, (n, C) of length 1, standardised over both together."""
    first, second = (one.pixels[layer].reshape(-1, one.pixels[layer].shape[-1]) for one in (own, other))
    both = np.concatenate((first, second)).astype(np.float64)
    both = (both - both.mean(0)) / np.maximum(both.std(0), 1e-6)
    both /= np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-12)
    return both[: len(first)], both[len(first) :]


def _correlate(first: NDArray[Any], second: NDArray[Any]) -> float:
    if not first.std() or not second.std():
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])

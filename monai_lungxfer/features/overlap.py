"""How well units find concepts: the overlap of where a unit is most active with where the concept is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.features.concepts import CONCEPTS

_DRAWN = ("object", "opacity")


def measure_overlap(
    clean: NDArray[np.float16], altered: NDArray[np.float16], masks: Sequence[Mapping[str, NDArray[np.bool_]]]
) -> NDArray[np.float32]:
    """Return the intersection over union of each unit with each concept (Bau et al., CVPR 2017).

    A unit counts as active on its most active cells, as many as the concept covers in all images together. So the
    concept's size decides on the threshold, and not the unit's scale. By chance, the overlap is `chance_overlap`.

    Parameters
    ----------
    clean, altered : numpy.ndarray
        (M, C, S, S): maps of images as they are, and with objects and opacities drawn over them.
    masks : sequence of mapping
        For each image, bool (S, S) by concept.

    Returns
    -------
    numpy.ndarray
        float32 (C, len(CONCEPTS)); NaN for a concept that no image has.
    """
    found = np.full((clean.shape[1], len(CONCEPTS)), np.nan, np.float32)
    for maps, is_drawn in ((clean, False), (altered, True)):
        values = maps.swapaxes(0, 1).reshape(maps.shape[1], -1).astype(np.float32)  # which NumPy partitions faster
        for number, concept in enumerate(CONCEPTS):
            mask = np.stack([one[concept] for one in masks]).reshape(-1)
            if mask.any() and (concept in _DRAWN) == is_drawn:
                found[:, number] = overlap_units(values, mask)
    return found


def overlap_units(values: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the overlap, float32 (C,), of units (C, P) with a mask (P,) that is true somewhere.

    Of equal values at the threshold, as where a unit is silent, none counts as active.
    """
    rest = mask.size - int(mask.sum())
    if not rest:
        return np.ones(len(values), np.float32)
    threshold = np.partition(values, rest - 1, axis=1)[:, rest - 1]
    active = values > threshold[:, None]
    shared = (active & mask).sum(1)
    return (shared / (active.sum(1) + mask.sum() - shared)).astype(np.float32)


def measure_responses(
    clean: NDArray[np.float16], altered: NDArray[np.float16], masks: Sequence[Mapping[str, NDArray[np.bool_]]]
) -> NDArray[np.float32]:
    """Return by how much each unit's mean activation under objects rises when they are drawn.

    It is in standard deviations of the unit's activation over all cells of all images, with and without objects, so
    units of any scale can be compared. Cells that a drawn opacity covers, too, are left out. The arguments are those of
    `measure_overlap`.

    Returns
    -------
    numpy.ndarray
        float32 (M, C); NaN for an image without such a cell. A silent unit has 0.
    """
    found = np.full(clean.shape[:2], np.nan, np.float32)
    deviation = np.concatenate((clean, altered)).std(axis=(0, 2, 3), dtype=np.float64)
    for number, mask in enumerate(masks):
        footprint = mask["object"] & ~mask["opacity"]
        if footprint.any():
            rise = altered[number][:, footprint].astype(np.float64) - clean[number][:, footprint]
            found[number] = rise.mean(1) / np.where(deviation > 0, deviation, 1)
    return found


def measure_shares(masks: Sequence[Mapping[str, NDArray[np.bool_]]]) -> NDArray[np.float32]:
    """Return the share of cells that each concept covers, float32 (len(CONCEPTS),)."""
    return np.array([np.mean([one[concept] for one in masks]) for concept in CONCEPTS], np.float32)


def chance_overlap(share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the overlap of two areas of this share that know nothing of each other: p² / (2p − p²).

    Examples
    --------
    >>> float(chance_overlap(np.float32(0.5)))  # doctest: +ELLIPSIS
    0.333...
    """
    return share / (2 - share)

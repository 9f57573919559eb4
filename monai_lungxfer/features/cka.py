"""Linear CKA of layers, without bias, from small batches of different patients: cost and memory grow linearly.

Centred kernel alignment (Kornblith et al., ICML 2019) compares what two layers, of any networks and widths, make of the
same images. Its usual estimate grows with the width even of noise. The unbiased estimate of HSIC (Song et al., JMLR
2012) does not, and its mean over batches (Nguyen, Raghu, Kornblith, ICLR 2021) needs no Gram matrix of all images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.utils.errors import DatalistError

BATCH = 64
"""Images of a batch at most."""

_CHUNK = 4096  # pairs whose products are in memory at once
_FEWEST = 5  # images of a batch; the estimate is undefined below four
DRAWS = 200
"""Bootstrap samples."""

SHUFFLES = 20
"""How often images are shuffled for the baseline."""

Pairs = NDArray[np.float32]
"""Centred similarities of every pair of images in a batch, for each layer: (layers, pairs)."""


@dataclass(frozen=True)
class Batches:
    """Batches of images in which no patient occurs twice.

    Attributes
    ----------
    members : tuple of numpy.ndarray
        Numbers of the images of each batch.
    first, second : numpy.ndarray
        int64 (pairs,): the patients of each pair of images within a batch, batch by batch.
    patients : int
        How many there are.
    """

    members: tuple[NDArray[np.int64], ...]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    patients: int

    @property
    def images(self) -> int:
        """How many images are in a batch."""
        return sum(map(len, self.members))


def make_batches(patients: NDArray[np.int64], size: int = BATCH) -> Batches:
    """Cut images into batches of different patients; images that no batch has room for are left out.

    Two images of one patient are alike for reasons that have nothing to do with a layer, so they never make a pair.

    Parameters
    ----------
    patients : numpy.ndarray
        int (N,), each at least 0: the patient of each image.
    size : int
        Images of a batch at most.

    Raises
    ------
    DatalistError
        When there are fewer than five patients.
    """
    seen: dict[int, int] = {}
    rounds: dict[int, list[int]] = {}
    for image, patient in enumerate(patients.tolist()):
        seen[patient] = seen.get(patient, -1) + 1
        rounds.setdefault(seen[patient], []).append(image)
    members = [
        part
        for images in rounds.values()
        for part in np.array_split(np.array(images), -(-len(images) // size))
        if len(part) >= _FEWEST
    ]
    if not members:
        raise DatalistError(f"images of fewer than {_FEWEST} patients cannot be compared", remedy="Give more images")
    corners = [np.triu_indices(len(part), 1) for part in members]
    first, second = (
        np.concatenate([patients[part[corner[side]]] for part, corner in zip(members, corners, strict=True)])
        for side in (0, 1)
    )
    return Batches(tuple(members), first, second, int(patients.max()) + 1)


def pair_images(features: NDArray[Any], batches: Batches) -> NDArray[np.float32]:
    """Return the centred similarities, (pairs,), of images by one layer's features (N, ...).

    The product of two layers' similarities is the unbiased HSIC of Song et al., averaged over the batches by their
    sizes, up to a constant that all layers share.
    """
    flat = features.reshape(len(features), -1)
    found = []
    for part in batches.members:
        own = flat[part].astype(np.float64)
        own -= own.mean(0)
        centred = centre_unbiased(own @ own.T)
        weight = np.sqrt(2 / (len(part) - 3))  # the batch's size over size · (size - 3), for both halves of the matrix
        found.append(weight * centred[np.triu_indices(len(part), 1)])
    return np.concatenate(found).astype(np.float32)


def centre_unbiased(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """U-centre a Gram matrix (n, n): each row's entries off the diagonal sum to 0 (Székely, Rizzo, 2014)."""
    count = len(gram)
    bare = gram - np.diag(np.diag(gram))
    rows = bare.sum(1) / (count - 2)
    centred = bare - rows[:, None] - rows[None] + bare.sum() / ((count - 1) * (count - 2))
    np.fill_diagonal(centred, 0)
    return centred


def align(first: Pairs, second: Pairs, weights: NDArray[Any] | None = None) -> NDArray[np.float64]:
    """Return the CKA of each layer of one with each of the other; NaN for a layer without variance.

    Parameters
    ----------
    first, second : numpy.ndarray
        (layers, pairs), see `pair_images`, stacked.
    weights : numpy.ndarray, optional
        (draws, pairs), float32: how often each pair counts in each bootstrap sample.

    Returns
    -------
    numpy.ndarray
        (layers, layers), or with weights (draws, layers, layers).
    """
    counted = np.ones((1, first.shape[1]), np.float32) if weights is None else weights
    shared = np.zeros((len(counted), len(first) * len(second)))
    for start in range(0, first.shape[1], _CHUNK):
        part = slice(start, start + _CHUNK)
        products = (first[:, None, part] * second[None, :, part]).reshape(shared.shape[1], -1)
        shared += counted[:, part] @ products.T
    own, other = ((counted @ np.square(one).T).clip(min=0).astype(np.float64) for one in (first, second))
    size = np.sqrt(own[:, :, None] * other[:, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(size > 0, shared.reshape(size.shape) / size, np.nan)
    return found[0] if weights is None else found


@dataclass(frozen=True)
class Alignment:
    """CKA of layers, (layers, layers) each: the value, its 95 % interval, and what shuffled images reach at most."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    shuffled: NDArray[np.float64]


def align_layers(
    first: Pairs, second: Pairs, batches: Batches, *, seed: int = 0, draws: int = DRAWS, shuffles: int = SHUFFLES
) -> Alignment:
    """Compare the layers of two networks, with intervals by a bootstrap over patients.

    A patient who is drawn twice counts twice in each pair with others, and never makes a pair with himself. Such pairs
    would be equal images, and raise the similarity of anything. ``shuffled`` is the 97.5th percentile of the CKA where
    one network saw the images in another order.
    """
    rng = np.random.default_rng(seed)
    value = align(first, second)
    found = align(first, second, draw_weights(batches, rng, draws))
    chance = [align(first, second[:, shuffle_pairs(batches, rng)]) for _ in range(shuffles)]
    low, high = np.nanquantile(found, (0.025, 0.975), axis=0)
    return Alignment(value, low, high, np.nanquantile(chance, 0.975, axis=0))


def draw_weights(batches: Batches, rng: np.random.Generator, draws: int = DRAWS) -> NDArray[np.float32]:
    """Draw patients with replacement, and return how often each pair of images counts: float32 (draws, pairs)."""
    drawn = rng.integers(batches.patients, size=(draws, batches.patients))
    counts = np.array([np.bincount(one, minlength=batches.patients) for one in drawn], np.float32)
    return counts[:, batches.first] * counts[:, batches.second]


def shuffle_pairs(batches: Batches, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return which pair takes the place of each, (pairs,), when the images of each batch are shuffled."""
    places, before = [], 0
    for part in batches.members:
        count = len(part)
        rows, columns = np.triu_indices(count, 1)
        table = np.zeros((count, count), np.int64)
        table[rows, columns] = table[columns, rows] = np.arange(len(rows))
        order = rng.permutation(count)
        places.append(before + table[order[rows], order[columns]])
        before += len(rows)
    return np.concatenate(places)


def stack_pairs(pooled: Mapping[str, NDArray[Any]], batches: Batches, layers: Sequence[str]) -> Pairs:
    """Return `pair_images` of each layer, as `align` takes them."""
    return np.stack([pair_images(pooled[layer], batches) for layer in layers])

"""What is looked for in features: the target of the masks, edges, and objects and opacities that are drawn.

Drawn concepts are the same in every domain, so a probe for one can be tried on another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from monai_lungxfer.features.images import PreparedImage
from monai_lungxfer.synthetic.objects import electrodes, tubes

CONCEPTS = ("target", "edge", "object", "opacity")
"""Target: in the mask (lung or lesion) or not. Edge: along the columns or along the rows. Object: on a drawn tube or
electrode or on neither. Opacity: in a drawn soft patch or outside."""

UNIFORM = slice(16, 20)
"""Which of the sampled pixels are spread evenly over the image as it is."""

SAMPLES = 36
"""Pixels that are sampled of an image: 20 as it is, 16 with what is drawn."""

CLEAN = 20
"""How many of them are of the image as it is."""

UNKNOWN = -1
"""The label of a pixel that says nothing about a concept."""

_VISIBLE = 0.08  # of the range of grey values: where a drawn object is seen
_OBJECT_GAIN = 1.3
_OPACITY = 0.35
_STEEP = 80  # percentile of the gradient, above which a pixel is on an edge
_TURNED = 2.0  # how many times one direction's gradient is larger


@dataclass(frozen=True)
class ConceptImage:
    """An image with what is known of its pixels.

    Attributes
    ----------
    clean, altered : torch.Tensor
        float32 (C, h, w), not normalised: as it is, and with an object and an opacity drawn over it.
    masks : dict of str to numpy.ndarray
        bool (h, w): ``target``, ``edge`` (along the columns), ``other_edge`` (along the rows), ``object``, ``opacity``.
    rows, columns : numpy.ndarray
        int64 (SAMPLES,): the pixels that are sampled.
    labels : numpy.ndarray
        int8 (SAMPLES, len(CONCEPTS)): 1 where the concept is, 0 where it is not, else `UNKNOWN`.
    traits : numpy.ndarray
        float32 (SAMPLES, 2): mean and standard deviation of the grey values around each sampled pixel of the image as
        it is, in units of the image's own deviation.
    """

    clean: torch.Tensor
    altered: torch.Tensor
    masks: dict[str, NDArray[np.bool_]]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    labels: NDArray[np.int8]
    traits: NDArray[np.float32]


def find_concepts(image: PreparedImage, seed: Sequence[int]) -> ConceptImage:
    """Draw an object and an opacity over an image, find its edges, and choose the pixels that are sampled.

    The seed decides on everything random: with the same one, images of one size get the same drawings.
    """
    rng = np.random.default_rng(seed)
    grey = image.pixels.mean(0).numpy()
    low, high = float(image.pixels.min()), float(image.pixels.max())
    drawn = _draw_object(grey.shape, rng)
    patch = _draw_opacity(grey, rng)
    span = max(high - low, 1e-6)
    added = torch.from_numpy(_OBJECT_GAIN * drawn + _OPACITY * patch).float() * span
    masks = {"target": image.mask, **_edges(grey), "object": drawn > _VISIBLE, "opacity": patch > 0.5}
    rows, columns, labels = _sample(masks, rng)
    traits = _traits(grey)[:, rows, columns].T
    altered = (image.pixels + added).clamp(max=high)
    return ConceptImage(image.pixels, altered, masks, rows, columns, labels, traits.astype(np.float32))


def _draw_object(shape: Any, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return what a tube and two electrodes absorb, 0..1."""
    return electrodes(tubes(np.zeros(shape, np.float32), rng, 1), rng, 2)


def _draw_opacity(grey: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a soft patch, 0..1, around a point of the body, which is what is brighter than the mean."""
    row, column = rng.choice(np.argwhere(grey >= grey.mean()))
    radii = rng.uniform(0.08, 0.16, 2) * max(grey.shape)
    rows, columns = np.indices(grey.shape, dtype=np.float32)
    distance = np.hypot((rows - row) / radii[0], (columns - column) / radii[1])
    return (1.5 - distance).clip(0, 1).astype(np.float32)


def _edges(grey: NDArray[np.float32]) -> dict[str, NDArray[np.bool_]]:
    """Find steep pixels whose edge runs along the columns (dark left of bright), and along the rows."""
    across, down = (np.abs(ndimage.gaussian_filter(grey, 1, order=order)) for order in ((0, 1), (1, 0)))
    size = np.hypot(across, down)
    steep = size > max(float(np.percentile(size, _STEEP)), 1e-6)
    return {"edge": steep & (across > _TURNED * down), "other_edge": steep & (down > _TURNED * across)}


def _sample(masks: dict[str, NDArray[np.bool_]], rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """Choose four pixels for each side of each concept, four anywhere, and eight with nothing drawn."""
    target, edge, other, drawn, patch = (masks[name] for name in ("target", "edge", "other_edge", "object", "opacity"))
    free = ~(drawn | patch)
    labels = np.full((SAMPLES, len(CONCEPTS)), UNKNOWN, np.int8)
    places = np.zeros(SAMPLES, np.int64)
    anywhere = np.ones_like(target)
    parts: tuple[tuple[NDArray[np.bool_], int, dict[int, int]], ...] = (
        *((target, 4, {0: 1}), (~target, 4, {0: 0}), (edge, 4, {1: 1}), (other, 4, {1: 0}), (anywhere, 4, {})),
        *((drawn & ~patch, 4, {2: 1}), (patch & ~drawn, 4, {3: 1}), (free, 8, {2: 0, 3: 0})),
    )
    first = 0
    for mask, count, known in parts:
        found = np.flatnonzero(mask)
        own = slice(first, first + count)
        first += count
        places[own] = rng.choice(found if len(found) else mask.size, count)
        for concept, label in known.items() if len(found) else ():
            labels[own, concept] = label
    rows, columns = np.unravel_index(places, target.shape)
    return rows, columns, labels


def _traits(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return mean and standard deviation around each pixel, (2, h, w), in a window of an eighth of the image."""
    side = max(3, max(grey.shape) // 8)
    scaled = (grey - grey.mean()) / (grey.std() or 1.0)
    mean = ndimage.uniform_filter(scaled, side)
    variance = ndimage.uniform_filter(scaled**2, side) - mean**2
    return np.stack((mean, np.sqrt(variance.clip(min=0))))

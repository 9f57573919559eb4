"""Regions that were painted with the brush of V7 Darwin: one raster layer for all masks of an image."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def painted_regions(entries: Iterable[Mapping[str, Any]], height: int, width: int) -> dict[str, NDArray[np.bool_]]:
    """Return the regions, bool (height, width), that raster layers hold, by the ids of their mask annotations.

    A layer's `dense_rle` lists pairs of a value and the number of pixels that have it, row by row. Its
    `mask_annotation_ids_mapping` says which value stands for which mask.

    Raises
    ------
    KeyError, TypeError, ValueError
        When a layer is not like this, or has other pixels than the image.
    """
    regions: dict[str, NDArray[np.bool_]] = {}
    for layer in (entry["raster_layer"] for entry in entries if "raster_layer" in entry):
        values = decode_runs(layer["dense_rle"], height * width).reshape(height, width)
        for identity, value in layer["mask_annotation_ids_mapping"].items():
            region = values == value
            regions[identity] = regions[identity] | region if identity in regions else region
    return regions


def decode_runs(runs: Any, pixels: int) -> NDArray[np.int64]:
    """Return the values of so many pixels from a list of pairs of a value and a number of pixels.

    Raises
    ------
    TypeError, ValueError
        When they are no such pairs of whole numbers, or the numbers of pixels do not sum up to `pixels`.

    Examples
    --------
    >>> decode_runs([0, 2, 7, 3], 5)
    array([0, 0, 7, 7, 7])
    """
    pairs = np.array(runs)
    if pairs.ndim != 1 or pairs.size % 2 or pairs.dtype.kind not in "iu":
        raise ValueError("dense_rle is not a list of pairs of whole numbers")
    values, lengths = pairs[::2], pairs[1::2]
    total = sum(lengths.tolist())
    if (lengths < 0).any() or total != pixels:
        raise ValueError(f"dense_rle has {total} pixels, and the image {pixels}")
    return np.repeat(values.astype(np.int64), lengths)

"""A picture of patches with their nearest of another domain: it shows parts of images, so it is made on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from monai_lungxfer.features.collect import CollectedFeatures
from monai_lungxfer.features.concepts import UNIFORM
from monai_lungxfer.features.images import ImageSet, prepare_image
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.patches import Patches, rank_neighbours
from monai_lungxfer.utils.files import atomic_path

PICTURE = "nearest_patches.png"
"""File among the figures; it is in no report."""

ROWS, NEAREST = 6, 3
"""Patches of each domain, each of another patient, and how many of the other domain are next to each."""

_SHARE = 0.2  # of the image's shorter side that a patch shows
_SIDE, _GAP, _HEAD = 96, 6, 34  # pixels of the picture


def write_patch_picture(
    path: Path, network: ComparedNetwork, kept: Mapping[str, CollectedFeatures], domains: Sequence[ImageSet]
) -> None:
    """Draw patches of each domain, chosen at random, with those of each other that a network takes for the most alike.

    The features are of the layer with the most channels, the last such. All patches of a row but the first are of
    different patients.

    Raises
    ------
    OutputError
        When the picture cannot be written.
    InputFileError
        When an image cannot be read any more.
    """
    blocks = [_draw_block(network, kept, own, other) for own, other in permutations(domains, 2)]
    width = sum(block.width for block in blocks) + 4 * _GAP * (len(blocks) - 1)
    picture = Image.new("L", (width, max(block.height for block in blocks)), 255)
    left = 0
    for block in blocks:
        picture.paste(block, (left, 0))
        left += block.width + 4 * _GAP
    with atomic_path(path) as temporary:
        picture.save(temporary, format="PNG")


def _draw_block(
    network: ComparedNetwork, kept: Mapping[str, CollectedFeatures], own: ImageSet, other: ImageSet
) -> Image.Image:
    layer = find_deep_layer(kept[own.name])
    width = (NEAREST + 1) * (_SIDE + _GAP) + _GAP
    block = Image.new("L", (width, _HEAD + ROWS * (_SIDE + _GAP)), 255)
    draw = ImageDraw.Draw(block)
    draw.text((0, 2), f"{own.name} (left), nearest in {other.name}", fill=0)
    draw.text((0, 17), f"by {layer} of {network.label}", fill=0)
    first, second = (_take(kept[one.name], one, layer) for one in (own, other))
    for row, (query, nearest) in enumerate(rank_neighbours(first, second, layer, ROWS, NEAREST)):
        places = [(own, query), *((other, number) for number in nearest)]
        for column, (images, number) in enumerate(places):
            crop = cut_patch(network, images, kept[images.name], number)
            left = column * (_SIDE + _GAP) + (2 * _GAP if column else 0)
            block.paste(crop.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR), (left, _HEAD + row * (_SIDE + _GAP)))
    return block


def _take(kept: CollectedFeatures, images: ImageSet, layer: str) -> Patches:
    pixels = {layer: kept.pixels[layer][:, UNIFORM]}
    return Patches(pixels, kept.traits[:, UNIFORM], images.patients[: len(kept.labels)])


def find_deep_layer(kept: CollectedFeatures) -> str:
    """Return the layer with the most channels, of several the last: in a U-Net, the end of the encoder."""
    most = max(features.shape[-1] for features in kept.pixels.values())
    return [layer for layer, features in kept.pixels.items() if features.shape[-1] == most][-1]


def cut_patch(network: ComparedNetwork, images: ImageSet, kept: CollectedFeatures, number: int) -> Image.Image:
    """Cut out the patch around a sampled pixel, in greys of the whole image; beyond the image, its edge goes on."""
    count = UNIFORM.stop - UNIFORM.start
    image, place = number // count, UNIFORM.start + number % count
    grey = prepare_image(images.records[image], images.is_mri, network).pixels.mean(0).numpy()
    half = max(1, round(_SHARE * min(grey.shape) / 2))
    row, column = (kept.places[image, place] * grey.shape + 1e-3).astype(int)
    span = max(float(np.ptp(grey)), 1e-6)
    padded = np.pad(255 * (grey - grey.min()) / span, half, mode="edge")
    return Image.fromarray(padded[row : row + 2 * half + 1, column : column + 2 * half + 1].astype(np.uint8))

"""What a border refiner learns from: predictions of weights, and patches along their borders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import pad

from monai_lungxfer.data.records import Record
from monai_lungxfer.inference.border_refinement import MAX_SIDE, border_weight, make_picture, resize_map
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.utils.errors import InputFileError

PATCH = 96  # pixels
BATCH = 24
_LOOKED_AT = 32  # images that the usual size is told from


@dataclass(frozen=True)
class BorderExample:
    """What a refiner sees of an image, each (h, w), upright: picture, probability, mask, and its say."""

    planes: torch.Tensor  # float32 (4, h, w)

    @cached_property
    def centres(self) -> NDArray[np.int64]:
        """Points (N, 2) along the border, where a refiner has its full say."""
        return np.argwhere(self.planes[3].numpy() == 1)


def usual_side(records: Sequence[Record]) -> int:
    """Return the median of the longest sides, at most `MAX_SIDE`."""
    looked_at = records[:: -(-len(records) // _LOOKED_AT)]
    sides = [max(read_radiograph(record["image"]).pixels.shape[-2:]) for record in looked_at]
    return min(MAX_SIDE, int(np.median(sides)))


def border_examples(segmenter: Segmenter, records: Sequence[Record], side: int) -> Iterator[BorderExample]:
    """Yield what a refiner sees of each record, predicted as ``lungxfer predict`` does it.

    Parameters
    ----------
    segmenter : Segmenter
        Of the weights to refine, with the engine "torch".
    records : sequence of dict
        With `image` and `label`.
    side : int
        Longest side in pixels.

    Raises
    ------
    InputFileError
        When a file cannot be read, or a mask has another size than its image.
    """
    for record in records:
        radiograph = read_radiograph(record["image"], segmenter.channels)
        found, mask = segmenter.segment(radiograph), read_mask(record["label"])
        if mask.shape != found.mask.shape:
            raise InputFileError(
                f"it has {mask.shape} pixels, but its image {found.mask.shape}",
                source=record["label"],
                remedy="Make the mask in the image's own size; lungxfer data check finds all such masks",
            )
        upright = radiograph.turn.apply
        picture = make_picture(torch.from_numpy(np.ascontiguousarray(upright(radiograph.pixels))), side)
        size = (picture.shape[0], picture.shape[1])
        maps = (
            torch.from_numpy(np.ascontiguousarray(upright(one), dtype=np.float32)) for one in (found.probability, mask)
        )
        probability, truth = (resize_map(one, size) for one in maps)
        sign = -1 if found.radiograph.traits.is_turned_round else 1
        weight = torch.from_numpy(border_weight(probability.numpy()))
        yield BorderExample(torch.stack([sign * picture, probability, (truth >= 0.5).float(), weight]))


def draw_patches(examples: Sequence[BorderExample], draws: np.random.Generator) -> torch.Tensor:
    """Return patches (N, 4, h, w) around points of the border, some mirrored, with other contrast and brightness."""
    with_border = [one for one in examples if len(one.centres)]
    chosen = []
    for index in draws.integers(len(with_border), size=BATCH):
        example = with_border[index]
        patch = _patch(example.planes, example.centres[draws.integers(len(example.centres))]).clone()
        patch[0] = patch[0] * (1 + 0.1 * draws.standard_normal()) + 0.1 * draws.standard_normal()
        chosen.append(patch.flip(-1) if draws.random() < 0.5 else patch)
    return torch.stack(chosen)


def _patch(planes: torch.Tensor, centre: NDArray[np.int64]) -> torch.Tensor:
    """Cut a patch out around a point; of a small image, what is missing repeats its edge and has no say."""
    height, width = planes.shape[1:]
    below, right = max(0, PATCH - height), max(0, PATCH - width)
    if below or right:
        say = pad(planes[3:], (0, right, 0, below))
        planes = torch.cat([pad(planes[None, :3], (0, right, 0, below), mode="replicate")[0], say])
        height, width = planes.shape[1:]
    row, column = (
        int(np.clip(middle - PATCH // 2, 0, length - PATCH))
        for middle, length in zip(centre, (height, width), strict=True)
    )
    return planes[:, row : row + PATCH, column : column + PATCH]

"""Batches of images of several sizes: which images come together, at what size, and how they are stacked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from monai.data import list_data_collate
from torch.nn.functional import interpolate
from torch.utils.data import BatchSampler, Sampler

from monai_lungxfer.networks.inferer import pad_image
from monai_lungxfer.networks.sizing import SQUARE, Size, check_sizing, training_sizes


class SizedIndex(int):
    """The number of an image in a data set that is wanted at a size (H, W)."""

    size: Size

    def __new__(cls, number: int, size: Size) -> SizedIndex:
        """Make a number that knows a size."""
        index = super().__new__(cls, number)
        index.size = size
        return index

    def __getnewargs__(self) -> tuple[int, Size]:  # type: ignore[override]
        """Return what it is made of, for workers that load images."""
        return int(self), self.size


class SizedDataset(Protocol):
    """A data set that knows the sizes of its images, such as those of `monai_lungxfer.data.cache`."""

    def image_sizes(self) -> list[Size]:
        """Return (H, W) of each image."""


class SizedBatches(BatchSampler):
    """Batches of the images that a sampler gives: each image as often as there, and as many batches in each epoch.

    With ``square`` and ``pad``, batches are as PyTorch makes them. With ``aspect``, images are ordered by their aspect
    before they are cut into batches, so a batch has images of the same or of similar sizes; the order of the images of
    one size, and that of the batches, is drawn in each epoch. With ``multi``, a size is drawn for each batch.

    What is drawn follows from seed and epoch alone: it is the same after a resume, and in all processes of a
    distributed training. There, each process has the images that its own sampler gives.

    Parameters
    ----------
    sampler : torch.utils.data.Sampler
        Such as MONAI's ``DistributedSampler``; its epoch is set along.
    batch_size : int
        Images of a batch; the last one may have fewer.
    dataset : SizedDataset
        Where the images are.
    image_size, sizing, stride
        See `monai_lungxfer.networks.sizing.fit_size`.
    seed : int
        Of what is drawn.
    """

    def __init__(
        self,
        sampler: Sampler[int],
        batch_size: int,
        dataset: SizedDataset,
        image_size: Sequence[int],
        sizing: str = SQUARE,
        stride: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(sampler, batch_size, drop_last=False)
        self.sizing = check_sizing(sizing, stride)
        self._dataset = dataset
        self._sizes = training_sizes(image_size, stride) if sizing == "multi" else []
        self._seed, self._epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order and the sizes of this epoch."""
        self._epoch = epoch
        if hasattr(self.sampler, "set_epoch"):
            self.sampler.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the numbers of the images of each batch."""
        if self.sizing == "aspect":
            yield from self._by_aspect()
        elif self.sizing == "multi":
            drawn = self._generator().integers(len(self._sizes), size=len(self))
            for batch, place in zip(super().__iter__(), drawn, strict=True):
                yield [SizedIndex(number, self._sizes[place]) for number in batch]
        else:
            yield from super().__iter__()

    def _by_aspect(self) -> Iterator[list[int]]:
        sizes = self._dataset.image_sizes()
        numbers = sorted(self.sampler, key=lambda number: sizes[number][0] / sizes[number][1])
        batches = [numbers[first : first + self.batch_size] for first in range(0, len(numbers), self.batch_size)]
        for place in self._generator().permutation(len(batches)):
            yield batches[place]

    def _generator(self) -> np.random.Generator:
        return np.random.default_rng((self._seed, self._epoch))


def resize_item(item: Mapping[str, Any], size: Size) -> dict[str, Any]:
    """Resize the image and the label of a decoded record to a size: bilinear with anti-aliasing, and nearest."""
    resized = dict(item)
    for key, mode in (("image", "bilinear"), ("label", "nearest-exact")):
        if key in resized and tuple(resized[key].shape[-2:]) != size:
            whole = resized[key][None]
            smooth = {"antialias": True} if mode == "bilinear" else {}
            resized[key] = interpolate(whole.float(), size, mode=mode, **smooth)[0].to(whole.dtype)
    return resized


def collate_sized(items: Sequence[Mapping[str, Any]]) -> Any:
    """Stack records to a batch as MONAI does; where their images differ in size, they are padded to the largest.

    Padding is on the right and below. It is NaN in ``image``, so that `monai_lungxfer.networks.inferer.SizedInferer`
    sees it, and 0 in what else has the size of the image, such as ``label``.
    """
    sizes = [tuple(item["image"].shape[-2:]) for item in items]
    if len(set(sizes)) == 1:
        return list_data_collate(items)
    largest = max(height for height, _ in sizes), max(width for _, width in sizes)
    return list_data_collate([_padded(item, largest) for item in items])


def _padded(item: Mapping[str, Any], size: Size) -> dict[str, Any]:
    own = item["image"].shape[-2:]
    return {
        key: pad_image(value, size, torch.nan if key == "image" else 0)
        if isinstance(value, torch.Tensor) and value.shape[-2:] == own
        else value
        for key, value in item.items()
    }

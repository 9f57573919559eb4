"""The inferer of bundles, which is where padding meets a network: it sees none of it, and answers no lung there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from monai.data import MetaTensor
from torch.nn.functional import pad

from monai_lungxfer.networks.sizing import SQUARE, UNEQUAL, Size, check_sizing, network_stride, padded_size
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.precision import PrecisionInferer

PADDED_LOGIT = -10_000.0
"""The logit of padding. Its sigmoid and the gradient of that are 0 in every number format, float16 and bfloat16 too;
from minus infinity itself, a cross entropy would make NaN."""


def stack_images(images: Sequence[torch.Tensor], fill: float = torch.nan) -> torch.Tensor:
    """Stack images (C, h, w) of several sizes to (N, C, H, W), padded on the right and below.

    Padding is NaN by default: so a batch says itself where its images are, and what forgets about padding does not
    give a result that is almost right.
    """
    height, width = (max(image.shape[axis] for image in images) for axis in (-2, -1))
    return torch.stack([pad_image(image, (height, width), fill) for image in images])


def pad_image(image: torch.Tensor, size: Size, fill: float) -> torch.Tensor:
    """Pad an image (…, h, w) on the right and below to a size (H, W)."""
    below, right = size[0] - image.shape[-2], size[1] - image.shape[-1]
    return pad(image, (0, right, 0, below), value=fill) if below or right else image


def content_size(image: torch.Tensor) -> Size:
    """Return the size (h, w) of an image (C, H, W) without its padding, which is NaN."""
    first = image[0]
    return int((~first[:, 0].isnan()).sum()), int((~first[0].isnan()).sum())


def _check_sides(images: torch.Tensor, network: Any) -> None:
    stride = network_stride(network) if isinstance(network, torch.nn.Module) else None
    if stride and any(side % stride for side in images.shape[-2:]):
        height, width = images.shape[-2:]
        raise LungXferError(
            f"the network takes sides that are multiples of {stride}, not {height}x{width} pixels",
            remedy="Set image_size to such multiples",
        )


class SizedInferer(PrecisionInferer):
    """The inferer `PrecisionInferer` for images of the sizes that ``sizing`` makes.

    With ``pad`` and ``aspect``, batches may have padding, which is NaN (see `stack_images`). The network gets 0 there,
    which is the mean of a normalised image, on sides that are multiples of its stride. The logits of padding are
    `PADDED_LOGIT`, whatever the network says, so no loss and no metric of a mask learns of it. A network in training
    mode gets the batch as one, as its batch norms want it. In evaluation mode, each image is padded as it would be
    alone: its answer does not depend on the others.

    Parameters
    ----------
    precision, channels_last
        See `PrecisionInferer`.
    sizing : {"square", "pad", "aspect", "multi"}
        See `monai_lungxfer.networks.sizing.fit_size`.
    stride : int or None
        See `monai_lungxfer.networks.sizing.network_stride`; for ``square`` it is of no matter.
    """

    def __init__(
        self, precision: str = "auto", channels_last: bool = True, sizing: str = SQUARE, stride: int | None = None
    ) -> None:
        super().__init__(precision, channels_last)
        self.sizing = check_sizing(sizing, stride)
        self.stride = stride

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return the network's logits for a batch of shape (N, C, H, W) as float32.

        A `LungXferError` is raised where nothing is padded and a side is no multiple of the network's stride.
        """
        if self.sizing not in UNEQUAL:
            _check_sides(inputs, network)
            return super().__call__(inputs, network, *args, **kwargs)
        inputs = inputs.as_tensor() if isinstance(inputs, MetaTensor) else inputs
        height, width = inputs.shape[-2:]
        is_image = ~inputs[:, :1].isnan()
        if getattr(network, "training", False):
            logits = self._answer(inputs, network, *args, **kwargs)
        else:
            answers = [torch.empty(0)] * len(inputs)
            for numbers, images in self._grouped(inputs):
                logits = self._answer(images, network, *args, **kwargs)
                for number, answer in zip(numbers, logits, strict=True):
                    answers[number] = pad_image(answer[:, :height, :width], (height, width), PADDED_LOGIT)
            logits = torch.stack(answers)
        return torch.where(is_image, logits, PADDED_LOGIT)

    def fill_padding(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the network gets of images (N, C, H, W): 0 for padding, and sides that its stride divides."""
        if self.sizing not in UNEQUAL:
            return images
        return pad_image(
            torch.where(images.isnan(), 0.0, images), padded_size(images.shape[-2:], self.stride or 1), 0.0
        )

    def _answer(self, images: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        height, width = images.shape[-2:]
        return super().__call__(self.fill_padding(images), network, *args, **kwargs)[..., :height, :width]

    def _grouped(self, inputs: torch.Tensor) -> Iterator[tuple[list[int], torch.Tensor]]:
        """Yield the numbers of those images that are padded to the same size, and these images of that size or less."""
        sizes = [padded_size(content_size(image), self.stride or 1) for image in inputs]
        for size in dict.fromkeys(sizes):
            numbers = [number for number, other in enumerate(sizes) if other == size]
            yield numbers, inputs[numbers][..., : size[0], : size[1]]

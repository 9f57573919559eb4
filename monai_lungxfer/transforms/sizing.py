"""The resizing of images and labels to the sizes of ``sizing``, and taking padding off again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import InvertibleTransform, MapTransform, Resize

from monai_lungxfer.networks.inferer import content_size
from monai_lungxfer.networks.sizing import SQUARE, Size, check_sizing, fit_size, training_sizes
from monai_lungxfer.transforms.resize import AntialiasedResize


class FittedResize(AntialiasedResize):
    """Resizes an image to the size that `monai_lungxfer.networks.sizing.fit_size` gives it; nothing is padded.

    Parameters
    ----------
    image_size, sizing, stride
        See `fit_size`.
    """

    def __init__(self, image_size: Sequence[int], sizing: str = SQUARE, stride: int | None = None) -> None:
        super().__init__(tuple(image_size))
        self.image_size = tuple(image_size)
        self.sizing = check_sizing(sizing, stride)
        self.stride = stride

    def target_size(self, native: Sequence[int]) -> Size:
        """Return the size (H, W) that an image of that size is resized to."""
        return fit_size(native, self.image_size, self.sizing, self.stride)

    def inverse(self, data: torch.Tensor) -> torch.Tensor:
        """Bring a result (C, h, w) of an image back to the image's native size; padding, at its end, is cut off."""
        transform = self.get_most_recent_transform(data)
        height, width = self.target_size(transform["orig_size"])
        return super().inverse(data[:, :height, :width])


class FittedResized(MapTransform, InvertibleTransform):
    """Dictionary version of `FittedResize`, for images and their labels.

    Parameters
    ----------
    keys : str or sequence of str
        Images (C, H, W), and labels of the same size.
    image_size, sizing, stride
        See `monai_lungxfer.networks.sizing.fit_size`.
    nearest_keys : sequence of str
        Those of `keys` that are labels: each pixel takes the value of the nearest one.

    Examples
    --------
    >>> transform = FittedResized("image", (256, 256), "aspect", 16)
    >>> transform({"image": torch.rand(1, 1910, 1526)})["image"].shape
    torch.Size([1, 288, 224])
    """

    def __init__(
        self,
        keys: KeysCollection,
        image_size: Sequence[int],
        sizing: str = SQUARE,
        stride: int | None = None,
        nearest_keys: Sequence[str] = ("label",),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.resizer = FittedResize(image_size, sizing, stride)
        self.nearest_keys = tuple(nearest_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Resize each image."""
        resized = dict(data)
        for key in self.key_iterator(resized):
            image = resized[key]
            nearest = Resize(self.resizer.target_size(image.shape[1:]), mode="nearest-exact")
            resized[key] = (nearest if key in self.nearest_keys else self.resizer)(image)
        return resized

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Bring what was made of each image back to its native size."""
        native = dict(data)
        for key in self.key_iterator(native):
            native[key] = self.resizer.inverse(native[key])
        return native


def decode_largest(transforms: Sequence[Any]) -> list[Any]:
    """Return transforms whose images are resized to the largest of `training_sizes` where the sizing is ``multi``.

    A training decodes its images once, at that size, and makes each batch's size of it.
    """
    return [_enlarged(transform) for transform in transforms]


def _enlarged(transform: Any) -> Any:
    if not isinstance(transform, FittedResized) or transform.resizer.sizing != "multi":
        return transform
    resizer = transform.resizer
    largest = training_sizes(resizer.image_size, resizer.stride)[-1]
    return FittedResized(
        transform.keys, largest, "multi", resizer.stride, transform.nearest_keys, transform.allow_missing_keys
    )


class CropToImaged(MapTransform):
    """Cuts the padding of a batch off, after the batch was taken apart again.

    Where the image is NaN is padding, see `monai_lungxfer.networks.inferer.stack_images`. Metrics are then of the image
    alone: padding would count as true background.

    Parameters
    ----------
    keys : str or sequence of str
        What was made of the image, and the image itself.
    image_key : str
        The image, (C, H, W). Records without it stay as they are.
    """

    def __init__(self, keys: KeysCollection, image_key: str = "image", allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.image_key = image_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Crop what has the padding of the image."""
        cropped = dict(data)
        image = cropped.get(self.image_key)
        if image is None:
            return cropped
        height, width = content_size(image.as_tensor() if isinstance(image, MetaTensor) else image)
        if (height, width) == tuple(image.shape[-2:]):
            return cropped
        for key in self.key_iterator(cropped):
            cropped[key] = cropped[key][..., :height, :width]
        return cropped

"""The sizes in which images enter a network: squeezed to a square, padded, with their own aspect, or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from monai_lungxfer.utils.errors import LungXferError

if TYPE_CHECKING:
    from torch import nn

SIZINGS = ("square", "pad", "aspect", "multi")
"""What `sizing` of a bundle may be; `fit_size` and `training_sizes` say what each means."""

SQUARE = "square"
"""The sizing of weights that say nothing."""

UNEQUAL = ("pad", "aspect")
"""Sizings by which images have different sizes."""

MAX_ASPECT = 4
"""Longer side over the shorter, up to which the aspect of an image is kept. Longer images are squeezed to it, so no
input of a network gets larger than 2 N x N / 2, however long a strip is."""

FACTORS = (0.75, 0.875, 1.0, 1.125, 1.25)
"""Sides of the training sizes of `multi`, over those of ``image_size``."""

Size = tuple[int, int]


def network_stride(network: nn.Module) -> int | None:
    """Return the number that height and width of a network's input must be multiples of.

    It is the `total_stride` of the network or, where it wraps another, the largest one in it. ``None`` is returned for
    a network that does not say.

    Examples
    --------
    >>> from monai_lungxfer.networks.donor_unet import DonorUNet
    >>> network_stride(DonorUNet(init_features=4))
    16
    """
    return max((getattr(module, "total_stride", 0) for module in network.modules()), default=0) or None


def check_sizing(sizing: Any, stride: int | None = 1) -> str:
    """Return a sizing that there is; a LungXferError is raised for any other, and for a stride that it needs."""
    if sizing not in SIZINGS:
        raise LungXferError(f"there is no sizing {sizing!r}", remedy=f"Use one of {', '.join(SIZINGS)}")
    if sizing != SQUARE and not stride:
        raise LungXferError(
            f"sizing {sizing} needs the number that the sides of the network's input are multiples of",
            remedy="Give the network a total_stride, or set stride in the configuration (--set stride=32)",
        )
    return str(sizing)


def fit_size(native: Sequence[int], image_size: Sequence[int], sizing: str = SQUARE, stride: int | None = 1) -> Size:
    """Return the size that an image is resized to, without padding.

    ======== =============================================================================================
    Sizing   Size
    ======== =============================================================================================
    square   `image_size`
    pad      the longest side is that of `image_size`; the aspect is kept
    aspect   about as many pixels as in `image_size`; the aspect is kept, but sides are multiples of `stride`
    multi    `image_size`; trainings draw other sizes as well
    ======== =============================================================================================

    Parameters
    ----------
    native : sequence of int
        (H, W) of the image in pixels. Beyond `MAX_ASPECT`, its aspect is not kept.
    image_size : sequence of int
        (H, W) in pixels that weights are trained for.
    sizing : {"square", "pad", "aspect", "multi"}
        How.
    stride : int or None
        See `network_stride`.

    Raises
    ------
    LungXferError
        See `check_sizing`.

    Examples
    --------
    >>> [fit_size((1910, 1526), (256, 256), sizing, 16) for sizing in ("square", "pad", "aspect")]
    [(256, 256), (256, 205), (288, 224)]
    """
    check_sizing(sizing, stride)
    height, width = (int(side) for side in image_size)
    if sizing not in UNEQUAL:
        return height, width
    rows, columns = (int(side) for side in native)
    rows, columns = min(rows, MAX_ASPECT * columns), min(columns, MAX_ASPECT * rows)
    if sizing == "pad":
        side, longest = max(height, width), max(rows, columns)
        return _rounded(side * rows, longest), _rounded(side * columns, longest)
    limits, step = side_limits(image_size, stride or 1), stride or 1
    return step * _count(limits, rows, columns), step * _count(limits, columns, rows)


def side_limits(image_size: Sequence[int], stride: int) -> list[tuple[int, int]]:
    """Return what decides on a side of ``aspect``, in whole numbers, so that every runtime decides alike.

    A side of an image has one stride, and one more for each (a, b) of these with a times that side of the native image
    at least b times its other side. It is then the multiple of the stride that is nearest to
    sqrt(H W side / other).
    """
    pixels = 4 * image_size[0] * image_size[1]
    shared = math.gcd(pixels, stride**2)
    most = math.isqrt(pixels * MAX_ASPECT) // (2 * stride) + 1
    return [(pixels // shared, (2 * count + 1) ** 2 * (stride**2 // shared)) for count in range(1, most + 1)]


def _count(limits: Sequence[tuple[int, int]], side: int, other: int) -> int:
    return 1 + sum(a * side >= b * other for a, b in limits)


def _rounded(part: int, whole: int) -> int:
    return (2 * part + whole) // (2 * whole)


def padded_size(size: Sequence[int], stride: int) -> Size:
    """Return a size (H, W) with sides that are the next multiples of a stride.

    Examples
    --------
    >>> padded_size((256, 205), 16)
    (256, 208)
    """
    return -(-int(size[0]) // stride) * stride, -(-int(size[1]) // stride) * stride


def training_sizes(image_size: Sequence[int], stride: int | None) -> list[Size]:
    """Return the sizes of which ``multi`` draws one for each batch: `image_size` times `FACTORS`, smallest first.

    All sides are multiples of the stride, so there are fewer where it is large.

    Examples
    --------
    >>> training_sizes((256, 256), 16)
    [(192, 192), (224, 224), (256, 256), (288, 288), (320, 320)]
    """
    check_sizing("multi", stride)
    return sorted(
        {(_nearest(image_size[0] * each, stride), _nearest(image_size[1] * each, stride)) for each in FACTORS}
    )


def _nearest(side: float, stride: int | None) -> int:
    step = stride or 1
    return max(step, round(side / step) * step)

"""Which channels of a picture are read: all in one grey, all three, or one of an MRI slice's sequences."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.io.formats.colour import to_grey, to_planes
from monai_lungxfer.utils.errors import BundleError

Channels = Literal["grey", "rgb", "pre", "flair", "post"]

SEQUENCES = MappingProxyType({"pre": 0, "flair": 1, "post": 2})
"""Red, green and blue of the LGG slices (Buda et al. 2019): before contrast, FLAIR, after contrast."""

_KNOWN = ("grey", "rgb", *SEQUENCES)


def check_channels(channels: str) -> None:
    """Raise a ValueError unless these are channels that are read."""
    if channels not in _KNOWN:
        *others, last = map(repr, _KNOWN)
        raise ValueError(f"channels must be {', '.join(others)} or {last}, not {channels!r}")


def count_planes(channels: Channels) -> int:
    """Return how many planes a picture has that is read with these channels."""
    return 3 if channels == "rgb" else 1


def select_planes(pixels: NDArray[Any], channels: Channels) -> NDArray[np.float32]:
    """Return the planes of (H, W) or (H, W, 3) that are read: (H, W), or for "rgb" (3, H, W)."""
    if channels == "rgb":
        return to_planes(pixels)
    if channels in SEQUENCES and pixels.ndim == 3:
        return np.ascontiguousarray(pixels[..., SEQUENCES[channels]], dtype=np.float32)
    return to_grey(pixels)


def count_repeats(channels: str | None, wanted: int) -> int:
    """Return how often an MRI slice's channels are repeated for a network.

    Parameters
    ----------
    channels : {"pre", "flair", "post"} or None
        The one that is read, or None for all three.
    wanted : int
        The network's input channels.

    Raises
    ------
    BundleError
        When all three are read, and the network takes another number of channels.

    Examples
    --------
    >>> count_repeats("flair", 3), count_repeats("flair", 1), count_repeats(None, 3)
    (3, 1, 1)
    """
    if channels is not None:
        return wanted
    if wanted != len(SEQUENCES):
        raise BundleError(
            f"the network takes {wanted} channel{'s' * (wanted != 1)}, and an MRI slice has three",
            remedy="Name the one to read (--channels flair, pre or post; or --set channels=flair)",
        )
    return 1

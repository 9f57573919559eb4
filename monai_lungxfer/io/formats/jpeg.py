"""JPEG data through libjpeg-turbo's own interface, which tells of damage that other decoders keep to themselves.

JPEG has no checksum. Where bytes were changed, a decoder loses its place in the data, draws something, and warns; both
Pillow and pylibjpeg drop that warning.
"""

from __future__ import annotations

from typing import Any

import simplejpeg
from numpy.typing import NDArray

DAMAGED = "its JPEG data is damaged, so a part of the picture may be wrong: copy it again from its source"
"""The remark on a picture that `decode_strictly` finds damaged, and of which another decoder makes something."""

# simplejpeg refuses sound data whose components have other sizes than the usual, such as of CMYK.
_UNUSUAL = "Could not determine subsampling"
_COLOURS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


def decode_strictly(stream: bytes, mode: str) -> tuple[NDArray[Any] | None, bool]:
    """Decode JPEG data of 8 bits, and tell whether libjpeg-turbo warns of damage or refuses it.

    The values are those of Pillow, in less time.

    Parameters
    ----------
    stream : bytes
        Of JPEG, of a size that was checked before.
    mode : str
        What Pillow calls the colours: "L", "RGB" or "CMYK".

    Returns
    -------
    pixels : numpy.ndarray or None
        uint8, (H, W), or (H, W, 3 or 4); ``None`` where the data are damaged, or of a kind that is not decoded here.
    is_damaged : bool
        Whether they are damaged; of a kind that is not decoded here, nothing is known.
    """
    try:
        pixels = simplejpeg.decode_jpeg(stream, _COLOURS[mode], strict=True)
    except ValueError as error:
        return None, _UNUSUAL not in str(error)
    return (pixels[..., 0] if mode == "L" else pixels), False

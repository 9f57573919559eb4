"""JPEG data through libjpeg-turbo's own interface, which tells of damage that other decoders keep to themselves.

JPEG has no checksum. Where bytes were changed, a decoder loses its place in the data, draws something, and warns; both
Pillow and pylibjpeg drop that warning.
"""

from __future__ import annotations

from typing import Any

import simplejpeg
from numpy.typing import NDArray

DAMAGED = "its JPEG data is damaged, so a part of the picture may be wrong: copy it again from its source"
"""The remark on a picture of which `decode_sound` returns nothing, but another decoder something."""

_COLOURS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


def decode_sound(stream: bytes, mode: str) -> NDArray[Any] | None:
    """Decode JPEG data of 8 bits, or return ``None`` where libjpeg-turbo warns of damage or refuses it.

    The values are those of Pillow, in less time.

    Parameters
    ----------
    stream : bytes
        Of JPEG, of a size that was checked before.
    mode : str
        What Pillow calls the colours: "L", "RGB" or "CMYK".

    Returns
    -------
    numpy.ndarray or None
        uint8, (H, W), or (H, W, 3 or 4).
    """
    try:
        pixels = simplejpeg.decode_jpeg(stream, _COLOURS[mode], strict=True)
    except ValueError:
        return None
    return pixels[..., 0] if mode == "L" else pixels

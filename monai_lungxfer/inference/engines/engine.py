"""What an engine does: from a radiograph in memory to maps of its native size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.inference.content_check import Content
from monai_lungxfer.io.channels import Channels
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.morphology.lungs import LungShape
from monai_lungxfer.utils.errors import LungXferError

ENGINES = ("auto", "torch", "onnx", "openvino")
"""What an engine is asked for by; "auto" is the fastest that can be used."""


class NotCompiled(LungXferError):  # noqa: N818 - it is a reason, and no error where there is another engine
    """Says why no compiled pipeline can be used."""


@dataclass(frozen=True)
class Looked:
    """What an engine keeps of a radiograph between its steps, and what the picture seems to show."""

    image: Any
    content: Content
    is_turned_round: bool


@dataclass(frozen=True)
class Maps:
    """What an engine makes of a radiograph; the frame is the stored one, as the file has it.

    Attributes
    ----------
    picture, likelihood : numpy.ndarray
        float32 (h, w): a channel of the network's input, and its probability of lung, both upright.
    probability : numpy.ndarray
        float32 (H, W), brought to native size.
    raw, mask : numpy.ndarray
        uint8 (H, W) of {0, 1}: what the network drew, and what cleaning left of it.
    shape : LungShape or None
        What cleaning has found out, so that it is not looked for again when the mask is measured.
    """

    picture: NDArray[np.float32]
    likelihood: NDArray[np.float32]
    probability: NDArray[np.float32]
    raw: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    shape: LungShape | None = None


class Engine(Protocol):
    """The steps of a segmentation. Threads may take them at the same time."""

    name: str
    channels: Channels  # that radiographs must be read with
    refiner_sha256: str | None  # of the border refiner in use
    takes_batches: bool  # whether `infer` is faster for several images at once

    def look(self, radiograph: Radiograph) -> Looked:
        """Preprocess a radiograph, and look at what it shows."""

    def infer(self, images: Sequence[Any]) -> Sequence[Any]:
        """Return what the network says of each of `Looked.image`, for `finish`."""

    def finish(self, image: Any, answer: Any, size: tuple[int, int]) -> Maps:
        """Bring an answer to the native size (H, W) in pixels, threshold and clean it."""

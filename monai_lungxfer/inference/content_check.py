"""A look at the picture before the network: whether it is an upright radiograph of a chest, with dark air."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

CERTAIN = 0.99
"""Least probability of an inverted grey scale, and of a chest, from which on the grey scale is turned round."""

TURNED_ROUND = "its grey scale was turned round, since air was bright by the look of the picture"
"""The remark about a radiograph of which that was done."""

CONTENT_KEY, TURNED_ROUND_KEY = "content", "grey_turned_round"
"""Where the metadata of a preprocessed image hold `Content.as_array`, and whether its grey scale was turned round."""


@dataclass(frozen=True)
class Content:
    """What a picture seems to show.

    Attributes
    ----------
    quarter_turns : int
        By how many quarters of a turn, against the clock, it lies from upright: 2 also stands for upside down.
    reversed_probability : float
        That air is bright, 0 to 1.
    chest_probability : float
        That it is one radiograph of a chest, in whatever position, 0 to 1.
    """

    quarter_turns: int
    reversed_probability: float
    chest_probability: float

    def as_array(self) -> NDArray[np.float64]:
        """Return the attributes as one array, which batches of metadata can hold."""
        return np.array(astuple(self))

    @classmethod
    def from_array(cls, values: NDArray[np.float64]) -> Content:
        """Return what `as_array` was made of."""
        quarter_turns, *probabilities = values.tolist()
        return cls(int(quarter_turns), *probabilities)

    @classmethod
    def from_logits(cls, logits: NDArray[np.float32]) -> Content:
        """Return what the six outputs of `monai_lungxfer.inference.content_network.ContentLook` say."""
        with np.errstate(over="ignore"):
            probabilities = 1 / (1 + np.exp(-logits[4:].astype(np.float64)))
        return cls(int(logits[:4].argmax()), *probabilities.tolist())

    @property
    def is_reversed(self) -> bool:
        """Whether air is bright."""
        return self.reversed_probability > 0.5

    @property
    def is_certainly_reversed(self) -> bool:
        """Whether air is bright beyond doubt."""
        return min(self.reversed_probability, self.chest_probability) >= CERTAIN

    @property
    def is_chest(self) -> bool:
        """Whether it is one radiograph of a chest."""
        return self.chest_probability > 0.5

    @property
    def flags(self) -> dict[str, bool]:
        """Which flags apply; how a picture lies only counts where it is a chest."""
        return {
            "no_chest": not self.is_chest,
            "inverted_grey": self.is_chest and self.is_reversed,
            "turned": self.is_chest and self.quarter_turns != 0,
        }

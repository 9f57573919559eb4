"""Which objects are drawn at which doses, and how often."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from monai_lungxfer.synthetic.object_doses import OBJECTS
from monai_lungxfer.utils.errors import LungXferError, unknown

MARGIN = 0.01
"""Width of the band around objects that counts as theirs, as a share of the image's diagonal.

On a detector of 35 x 43 cm these are 5.5 mm.
"""

INTEGRATED_GRADIENTS, SEG_GRAD_CAM = METHODS = ("integrated_gradients", "seg_grad_cam")
"""Ways to find out where a network looks, see `monai_lungxfer.robustness.attribution`."""


class Condition(NamedTuple):
    """What is drawn onto an image: an object of `OBJECTS`, its dose, and the number of the draw."""

    object: str
    dose: float
    seed: int

    def random_state(self, image: str) -> list[int]:
        """Return the seed of `draw_objects` for an image of this name: another one for each image, object and draw.

        The dose is not in it, so that every dose shows the same objects; nor are the weights.
        """
        named = hashlib.sha256(image.encode()).digest()[:8]
        return [self.seed, OBJECTS.index(self.object), int.from_bytes(named)]


@dataclass(frozen=True)
class Design:
    """A trial: every object at every dose in so many draws, on each image.

    Attributes
    ----------
    objects : tuple of str
        Some of `monai_lungxfer.synthetic.object_doses.OBJECTS`.
    doses : tuple of float
        See `monai_lungxfer.synthetic.object_doses.draw_objects`.
    seeds : int
        Draws of each object for each image.
    margin : float
        Width of the band around objects that counts as theirs, as a share of the image's diagonal.
    attribution : tuple of str
        Which of `METHODS` are measured. Integrated gradients cost many passes of the network for each pair.

    Raises
    ------
    LungXferError
        When an object or a way of attribution is unknown, a dose is negative or no number, or there is nothing to draw.
    """

    objects: tuple[str, ...] = OBJECTS
    doses: tuple[float, ...] = (0.5, 1.0, 2.0)
    seeds: int = 5
    margin: float = MARGIN
    attribution: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.objects:
            if name not in OBJECTS:
                raise LungXferError(f"there is no object {unknown(name, OBJECTS)}", remedy="Correct --objects")
        for name in self.attribution:
            if name not in METHODS:
                raise LungXferError(f"there is no attribution {unknown(name, METHODS)}", remedy="Correct --attribution")
        wrong = [dose for dose in self.doses if not (math.isfinite(dose) and dose >= 0)]
        if wrong:
            raise LungXferError(f"the dose {wrong[0]:g} is not 0 or more", remedy="Correct --doses")
        if not (self.objects and self.doses and self.seeds > 0):
            raise LungXferError("there is nothing to draw", remedy="Give one object, one dose and one seed at least")
        repeated = len(set(self.objects)) < len(self.objects) or len(set(self.doses)) < len(self.doses)
        if repeated:
            raise LungXferError("an object or a dose is named twice", remedy="Name each once")

    def __iter__(self) -> Iterator[Condition]:
        """Yield the conditions of one image, by object, then dose, then draw."""
        for name in self.objects:
            for dose in self.doses:
                for seed in range(self.seeds):
                    yield Condition(name, dose, seed)

    def describe(self) -> dict[str, Any]:
        """Return the design as JSON has it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

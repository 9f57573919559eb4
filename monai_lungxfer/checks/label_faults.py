"""What may be wrong with a mask that a network does not agree with: moved, mirrored, turned, inverted, heart cut out.

Both masks are compared on a grid of `GRID` points a side. The limits lie between what drawn masks measure and what the
same masks measure after faults were made on purpose; docs/suspicious_labels.md has the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.signal import fftconvolve

GRID = 128
"""Points a side of what is compared."""

GAIN = 0.03
"""Dice by which a mask must agree better once it is moved or turned back."""

FITS = 0.75
"""Least Dice of a mask of this image, or of one that was moved or turned back."""

LEAST_SHIFT = 0.02
"""Share of the width or the height from which on a mask is called shifted."""

HEART = 0.4
"""Share of the lung at the heart that is missing, or of the gap between the lungs that is filled."""

LEAST_LUNG = 0.01
"""Share of the image below which the network has found no lungs, and nothing is judged."""

Mask = NDArray[np.bool_]


class LabelFault(StrEnum):
    """What a label may be: the words of the tables."""

    EMPTY = "empty mask"
    INVERTED = "inverted mask"
    MIRRORED = "mirrored mask"
    UPSIDE_DOWN = "mask upside down"
    TURNED = "turned mask"
    SHIFTED = "shifted mask"
    HEART_CUT_OUT = "heart cut out"
    HEART_FILLED_IN = "heart drawn as lung"
    OTHER_IMAGE = "mask of another image"
    DISAGREES = "mask unlike the model's"


@dataclass(frozen=True)
class Judgement:
    """What is found: the fault, and in words what shows it.

    `dice` is that of label and network as they are, `mended` that of the label once it is moved or turned back.
    """

    fault: LabelFault
    message: str
    dice: float
    mended: float = 0.0


_TURNS: MappingProxyType[LabelFault, tuple[tuple[str, Callable[[Mask], Mask]], ...]] = MappingProxyType(
    {
        LabelFault.MIRRORED: (("mirrored left to right", np.fliplr),),
        LabelFault.UPSIDE_DOWN: (
            ("turned upside down", np.flipud),
            ("turned by 180°", lambda mask: np.rot90(mask, 2)),
        ),
        LabelFault.TURNED: (
            ("turned by 90° to the left", np.rot90),
            ("turned by 90° to the right", lambda mask: np.rot90(mask, -1)),
            ("turned by 90° and mirrored", np.transpose),
            ("turned by 90° and mirrored", lambda mask: np.rot90(mask, 2).T),
        ),
        LabelFault.INVERTED: (("inverted", np.logical_not),),
    }
)


def shrink(mask: NDArray[np.generic]) -> Mask:
    """Bring a mask (H, W), whose foreground is not 0, to bool (`GRID`, `GRID`)."""
    whole = Image.fromarray((mask != 0).astype(np.uint8) * 255)
    return np.asarray(whole.resize((GRID, GRID), Image.Resampling.BOX)) > 127


def measure_dice(first: Mask, second: Mask) -> float:
    """Return the Dice coefficient of two masks, bool (H, W); 0 when both are empty."""
    total = np.count_nonzero(first) + np.count_nonzero(second)
    return 2 * np.count_nonzero(first & second) / total if total else 0.0


def judge_label(drawn: Mask, found: Mask) -> Judgement | None:
    """Tell what may be wrong with a drawn mask by that of a network, both as `shrink` gives them and upright.

    ``None`` when they agree, or when the network finds no lungs.
    """
    if found.mean() < LEAST_LUNG:
        return None
    if not drawn.any():
        return Judgement(LabelFault.EMPTY, "has no foreground, and the model finds lungs", 0.0)
    dice = measure_dice(drawn, found)
    turned = _find_turn(drawn, found, dice)
    shifted = _find_shift(drawn, found, dice)
    # A mask off the middle that was mirrored fits better when it is moved, too: the better explanation counts.
    mended = [one for one in (turned, shifted) if one is not None]
    if mended:
        return max(mended, key=lambda one: one.mended)
    heart = _find_heart(drawn, found, dice)
    if heart is not None:
        return heart
    if dice < FITS:
        return Judgement(LabelFault.DISAGREES, f"agrees with the model at Dice {dice:.2f} alone", dice)
    return None


def _find_turn(drawn: Mask, found: Mask, dice: float) -> Judgement | None:
    tried = [
        (measure_dice(turn(drawn), found), fault, words) for fault, turns in _TURNS.items() for words, turn in turns
    ]
    best, fault, words = max(tried, key=lambda one: one[0])
    if best < FITS or best < dice + GAIN:
        return None
    message = f"fits the model's mask when it is {words}: Dice {best:.2f} instead of {dice:.2f}"
    return Judgement(fault, message, dice, best)


def _find_shift(drawn: Mask, found: Mask, dice: float) -> Judgement | None:
    common = fftconvolve(found.astype(np.float64), drawn[::-1, ::-1].astype(np.float64))
    row, column = np.unravel_index(common.argmax(), common.shape)
    down, right = (int(place) - (GRID - 1) for place in (row, column))
    best = 2 * float(common.max()) / (np.count_nonzero(drawn) + np.count_nonzero(found))
    if max(abs(down), abs(right)) < LEAST_SHIFT * GRID or best < FITS or best < dice + GAIN:
        return None
    parts = [
        f"{abs(steps) / GRID:.0%} {word}"
        for steps, words in ((down, ("up", "down")), (right, ("left", "right")))
        if steps
        for word in [words[steps > 0]]
    ]
    message = f"fits the model's mask when it is moved {' and '.join(parts)}: Dice {best:.2f} instead of {dice:.2f}"
    return Judgement(LabelFault.SHIFTED, message, dice, best)


def _find_heart(drawn: Mask, found: Mask, dice: float) -> Judgement | None:
    """Look for a label that follows another convention at the heart, and agrees elsewhere."""
    zone = _heart_zone(found)
    if measure_dice(drawn & ~zone, found & ~zone) < FITS:
        return None
    lung, gap = found & zone, _gap_between(found) & zone
    missing, filled = _share(lung & ~drawn, lung), _share(gap & drawn, gap)
    if missing >= HEART and missing >= filled:
        message = f"lacks {missing:.0%} of the lung that the model finds behind the heart"
        return Judgement(LabelFault.HEART_CUT_OUT, message, dice)
    if filled >= HEART:
        message = f"fills {filled:.0%} of the gap between the lungs at the heart"
        return Judgement(LabelFault.HEART_FILLED_IN, message, dice)
    return None


def _heart_zone(lungs: Mask) -> Mask:
    """Return an ellipse, bool (H, W), where the heart lies: low between the lungs, more on the patient's left."""
    rows, columns = np.flatnonzero(lungs.any(axis=1)), np.flatnonzero(lungs.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
    y, x = np.ogrid[: lungs.shape[0], : lungs.shape[1]]
    across = (x + 0.5 - left - 0.56 * width) / (0.24 * width)
    down = (y + 0.5 - top - 0.68 * height) / (0.27 * height)
    return across**2 + down**2 <= 1


def _gap_between(lungs: Mask) -> Mask:
    """Return the points with lung on both sides in their row, bool (H, W)."""
    before = np.logical_or.accumulate(lungs, axis=1)
    behind = np.logical_or.accumulate(lungs[:, ::-1], axis=1)[:, ::-1]
    return before & behind & ~lungs


def _share(part: Mask, whole: Mask) -> float:
    return int(np.count_nonzero(part)) / max(int(np.count_nonzero(whole)), 1)

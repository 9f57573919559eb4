"""How a stored picture is turned to stand upright, and its mask turned back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

_Array = TypeVar("_Array", bound=Any)


@dataclass(frozen=True)
class Turn:
    """One of the eight ways to lay a picture, from the stored frame to the upright one.

    Upright is how a frontal radiograph is looked at: the head above, the patient's left on the right side.

    Attributes
    ----------
    transpose : bool
        Exchange rows and columns, before the flips.
    flip_rows, flip_columns : bool
        Reverse the order of rows (top and bottom) and of columns (left and right).
    """

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    @property
    def flags(self) -> tuple[bool, bool, bool]:
        """The three attributes in their order, as metadata hold them."""
        return self.transpose, self.flip_rows, self.flip_columns

    def __bool__(self) -> bool:
        """Tell whether anything is turned."""
        return any(self.flags)

    def apply(self, stored: _Array) -> _Array:
        """Return (..., H, W), an array of NumPy or a tensor of PyTorch, as it stands upright."""
        turned = stored.swapaxes(-1, -2) if self.transpose else stored
        return self._flipped(turned)

    def undo(self, upright: _Array) -> _Array:
        """Return an upright array or tensor, (..., H, W), in the stored frame."""
        turned = self._flipped(upright)
        return turned.swapaxes(-1, -2) if self.transpose else turned

    def _flipped(self, array: Any) -> Any:
        axes = tuple(axis for axis, wanted in ((-2, self.flip_rows), (-1, self.flip_columns)) if wanted)
        if not axes:
            return array
        return np.flip(array, axes) if isinstance(array, np.ndarray) else array.flip(axes)


AS_STORED = Turn()
UPSIDE_DOWN = Turn(flip_rows=True)
"""Rows run from the bottom to the top; left and right are where they should be."""


def turn_by_patient_orientation(directions: Sequence[str]) -> Turn | None:
    r"""Return the turn that Patient Orientation (0020,0020) asks for, or ``None`` when it is that of no frontal view.

    Parameters
    ----------
    directions : sequence of str
        The direction of the rows (to increasing columns) and of the columns (to increasing rows), each by letters such
        as ``"L"`` (left), ``"F"`` (foot) or ``"LF"``, of which the first counts (PS3.3, C.7.6.1.1.1). Upright is
        ``L\F``.
    """
    row, column = (directions[0][:1], directions[1][:1]) if len(directions) == 2 else ("", "")
    if row in ("L", "R") and column in ("F", "H"):
        return Turn(flip_rows=column == "H", flip_columns=row == "R")
    if row in ("F", "H") and column in ("L", "R"):
        return Turn(transpose=True, flip_rows=row == "H", flip_columns=column == "R")
    return None


def turn_by_directions(first: ArrayLike, second: ArrayLike) -> Turn | None:
    """Return the turn for a picture whose columns and rows have these directions, ``None`` for no frontal view.

    Parameters
    ----------
    first, second : array-like
        The directions to increasing columns and to increasing rows: how far to the patient's left, back and head. Each
        counts as the one of these that it is nearest to. Vectors of other than three numbers, or of zeros, have none.
    """
    return turn_by_patient_orientation([_letter(first), _letter(second)])


def _letter(vector: ArrayLike) -> str:
    values = np.asarray(vector, dtype=np.float64)
    if values.shape != (3,) or not values.any():
        return ""
    axis = int(np.abs(values).argmax())
    return ("LR", "PA", "HF")[axis][int(values[axis] < 0)]

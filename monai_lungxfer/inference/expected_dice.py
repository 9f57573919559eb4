"""How far a mask probably overlaps with one that a person would draw, as a Dice coefficient with an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.inference.mask_doubt import NAMES, MaskDoubt

_SHIPPED = "expected_dice.npz"
CURVES = ("expected", "low", "high")
_LEAF = -1
_HARMLESS = ("precision=", "fix_polarity=")  # settings that do not change what the network makes of its input

Arrays = Mapping[str, NDArray[Any]]


class Model(Protocol):
    """What an estimate needs to know of a model, see `monai_lungxfer.inference.segmentation.ModelIdentity`."""

    @property
    def weights_sha256(self) -> str:
        """SHA-256 of the weights file."""

    @property
    def overrides(self) -> tuple[str, ...]:
        """Settings of the bundle that were replaced."""


@dataclass(frozen=True)
class DiceEstimate:
    """The Dice coefficient that is expected of a mask, and the interval that 90 % of such masks fall into."""

    dice_expected: float
    dice_low: float
    dice_high: float


class ExpectedDice:
    """Estimates from `MaskDoubt`, by regression trees that were fitted for one weights file.

    `scripts/experiments/fit_expected_dice.py` fits them; docs/quality.md has what they are worth.

    Parameters
    ----------
    arrays : mapping
        ``feature``, ``threshold``, ``left``, ``right`` and ``value``, each (trees, nodes), of trees whose values are
        summed to a score; and ``score``, ``expected``, ``low`` and ``high``, (K,), between which is interpolated.
    """

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = dict(arrays)
        self._trees = np.arange(len(self._arrays["feature"]))

    @classmethod
    def load(cls, model: Model, file: Path | None = None) -> ExpectedDice | None:
        """Load what was fitted for a model.

        It is ``None`` for weights that nothing was fitted for, and where settings were replaced that masks depend on:
        an estimate would only look like one.
        """
        if not all(setting.startswith(_HARMLESS) for setting in model.overrides):
            return None
        arrays = _read(file or Path(str(files("monai_lungxfer.inference") / _SHIPPED))).get(model.weights_sha256)
        return None if arrays is None else cls(arrays)

    def __call__(self, doubt: MaskDoubt) -> DiceEstimate:
        """Estimate the Dice coefficient of one mask."""
        score = self.score(doubt.as_vector())
        return DiceEstimate(*(float(self.curve(name, score)) for name in CURVES))

    def curve(self, name: str, scores: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what scores stand for: ``expected``, ``low`` or ``high``."""
        return np.interp(np.asarray(scores), self._arrays["score"], self._arrays[name])

    def score(self, vector: NDArray[np.float64]) -> float:
        """Return the sum over the trees for the numbers of a `MaskDoubt`."""
        arrays, values = self._arrays, vector.astype(np.float32)
        nodes = np.zeros_like(self._trees)
        while np.any((features := arrays["feature"][self._trees, nodes]) != _LEAF):
            below = values[features] <= arrays["threshold"][self._trees, nodes]
            children = np.where(below, arrays["left"][self._trees, nodes], arrays["right"][self._trees, nodes])
            nodes = np.where(features == _LEAF, nodes, children)
        return float(arrays["value"][self._trees, nodes].sum(dtype=np.float64))

    @staticmethod
    def save(fitted: Mapping[str, Arrays], file: Path) -> None:
        """Write what was fitted for weights files, by their SHA-256."""
        held: dict[str, Any] = {"names": np.asarray(NAMES)}
        held |= {f"{sha256}/{name}": array for sha256, arrays in fitted.items() for name, array in arrays.items()}
        np.savez_compressed(file, **held)


@cache
def _read(file: Path) -> Mapping[str, Arrays]:
    fitted: dict[str, dict[str, NDArray[Any]]] = {}
    with np.load(file, allow_pickle=False) as held:
        if tuple(held["names"]) != NAMES:
            return {}  # fitted to other numbers than are measured now
        for key in held.files:
            sha256, _, name = key.partition("/")
            fitted.setdefault(sha256, {})[name] = held[key]
    return fitted

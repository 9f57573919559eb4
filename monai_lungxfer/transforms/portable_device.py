"""The simulated portable device as MONAI dictionary transforms, for training on any radiographs.

Each takes images (C, H, W) of any range of grey values, bright where the body absorbs, and gives images of about the
same range; all channels of an image, and all images of a record, are treated alike. Masks stay valid: nothing moves.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from inspect import signature
from typing import Any, ClassVar

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_dst_type

from monai_lungxfer.synthetic import objects as devices
from monai_lungxfer.synthetic import portable_device as degrade
from monai_lungxfer.synthetic.opacities import opacity


class _RandDegradationd(RandomizableTransform, MapTransform):
    """Change images with a probability, by a strength that is drawn anew for every record.

    Parameters
    ----------
    keys : str or sequence of str
        Images, (C, H, W).
    prob : float
        Probability.
    allow_missing_keys : bool
        Whether a record may be without one of the keys.
    **ranges : (float, float)
        In place of the transform's own `ranges`: the lowest and the highest strength.
    """

    effect: ClassVar[Callable[..., np.ndarray]]
    """Degrades an image (H, W) of grey values 0..1 by the strengths, and by a generator where it takes one as `rng`."""

    ranges: ClassVar[Mapping[str, tuple[float, float]]] = {}

    def __init__(
        self, keys: KeysCollection, prob: float = 0.1, allow_missing_keys: bool = False, **ranges: tuple[float, float]
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        RandomizableTransform.__init__(self, prob)
        unknown = ranges.keys() - self.ranges.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}; it has {[*self.ranges]}")
        self.drawn_from = {**self.ranges, **ranges}

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the record with its images degraded, or as it is."""
        result = dict(data)
        self.randomize(None)
        if not self._do_transform:
            return result
        seed = int(self.R.randint(2**31))
        for key in self.key_iterator(result):
            planes = np.asarray(result[key], dtype=np.float32)
            changed = np.stack([self._in_own_range(plane, seed, result) for plane in planes])
            result[key] = convert_to_dst_type(changed, result[key])[0]
        return result

    def _in_own_range(self, plane: np.ndarray, seed: int, record: Mapping[Hashable, Any]) -> np.ndarray:  # noqa: ARG002
        low, high = float(plane.min()), float(plane.max())
        if low == high:
            return plane
        rng = np.random.default_rng(seed)
        given: dict[str, Any] = dict(degrade.strengths(rng, self.drawn_from))
        if "rng" in signature(self.effect).parameters:
            given["rng"] = rng
        return low + (high - low) * self.effect((plane - low) / (high - low), **given)


class RandPortableDegraded(_RandDegradationd):
    """All that a portable device and the bedside do, see `monai_lungxfer.synthetic.portable_device.portable_degraded`.

    Examples
    --------
    >>> transform = RandPortableDegraded(keys="image", prob=1.0).set_random_state(seed=0)
    >>> image = np.linspace(-1, 1, 64 * 48, dtype=np.float32).reshape(1, 64, 48)
    >>> transform({"image": image})["image"].shape
    (1, 64, 48)
    """

    effect = staticmethod(degrade.portable_degraded)


class RandScatterVeild(_RandDegradationd):
    """Scattered radiation, as without a grid; `ratio` is the scatter-to-primary ratio."""

    ranges: ClassVar = degrade.STRENGTHS["scatter_veil"]
    effect = staticmethod(degrade.scatter_veil)


class RandQuantumNoised(_RandDegradationd):
    """Poisson noise of a low dose; `photons` reach a pixel where nothing absorbs."""

    ranges: ClassVar = degrade.STRENGTHS["quantum_noise"]
    effect = staticmethod(degrade.quantum_noise)


class RandMotionBlurd(_RandDegradationd):
    """Breathing or movement over a `length` (share of the longer side) in a direction (`degrees`)."""

    ranges: ClassVar = degrade.STRENGTHS["motion_blur"]
    effect = staticmethod(degrade.motion_blur)


class RandGridLinesd(_RandDegradationd):
    """Shadows of a grid's lamellae: their `period` in pixels, `depth` as a share of the range, and direction."""

    ranges: ClassVar = {**degrade.STRENGTHS["grid_lines"], "degrees": (-3, 3)}
    effect = staticmethod(degrade.grid_lines)


class RandLowContrastd(_RandDegradationd):
    """Grey values drawn towards a `level`, of whose distance the share `factor` is left."""

    ranges: ClassVar = degrade.STRENGTHS["low_contrast"]
    effect = staticmethod(degrade.low_contrast)


class RandCollimationd(_RandDegradationd):
    """Blades over one to four borders, each up to `reach` (share of the side) deep."""

    ranges: ClassVar = {"reach": (0.03, 0.09)}
    effect = staticmethod(degrade.collimation)


class RandMarkersd(_RandDegradationd):
    """A lead marker or burnt-in text, such as AP, whose letters have a `height` (share of the image's)."""

    ranges: ClassVar = degrade.STRENGTHS["text_marker"]

    @staticmethod
    def effect(image: np.ndarray, rng: np.random.Generator, height: float) -> np.ndarray:
        """Return the marked image."""
        text = str(rng.choice(devices.MARKERS))
        return devices.text_marker(image, text, devices.draw_marker_position(rng, text), height)


class RandTubesd(_RandDegradationd):
    """Tubes and central lines from above, `count` of them (rounded)."""

    ranges: ClassVar = {"count": (1, 3)}
    effect = staticmethod(lambda image, rng, count: devices.tubes(image, rng, round(count)))


class RandElectrodesd(_RandDegradationd):
    """ECG electrodes with their leads, `count` of them (rounded)."""

    ranges: ClassVar = {"count": (1, 5)}
    effect = staticmethod(lambda image, rng, count: devices.electrodes(image, rng, round(count)))


class RandPacemakerd(_RandDegradationd):
    """A pacemaker and its lead."""

    effect = staticmethod(devices.pacemaker)


class RandOpacityd(_RandDegradationd):
    """A consolidation or an effusion in the lungs, see `monai_lungxfer.synthetic.opacities`.

    Parameters
    ----------
    keys, prob, allow_missing_keys
        As for all transforms here.
    label_key : str
        The mask of the lungs, (1, H, W).
    """

    def __init__(
        self, keys: KeysCollection, prob: float = 0.1, allow_missing_keys: bool = False, label_key: str = "label"
    ) -> None:
        super().__init__(keys, prob, allow_missing_keys)
        self.label_key = label_key

    def _in_own_range(self, plane: np.ndarray, seed: int, record: Mapping[Hashable, Any]) -> np.ndarray:
        return opacity(plane, np.asarray(record[self.label_key])[0], np.random.default_rng(seed))

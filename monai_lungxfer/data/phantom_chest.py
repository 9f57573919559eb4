"""Drawing phantoms of frontal chest radiographs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from monai_lungxfer.data.degrade import portable_degraded

__all__ = ["FINDINGS", "chest_radiograph", "portable_radiograph"]

FINDINGS = ("normal", "pathological", "covid19")
Plane = NDArray[np.float64]


def chest_radiograph(
    rng: np.random.Generator, height: int, width: int, finding: str = "normal"
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw a frontal chest radiograph: body, spine, heart, ribs, clavicles, diaphragm and two unequal lungs.

    The heart bulges into the patient's left lung, on the right-hand side of the image, so a mirrored result is
    noticed. Air around the body and the stomach bubble are as dark as the lungs, so a threshold is no solution.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides on pose, size and grey values.
    height, width : int
        In pixels.
    finding : {"normal", "pathological", "covid19"}
        A focal opacity, or bilateral peripheral ones; an opacity stays part of the lung.

    Returns
    -------
    image : numpy.ndarray
        uint8 (H, W), air dark.
    mask : numpy.ndarray
        bool (H, W), the lungs without the heart.
    """
    image, mask = _drawn(rng, height, width, finding)
    return _as_bytes(image), mask


def portable_radiograph(
    rng: np.random.Generator, height: int, width: int, finding: str = "normal"
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw a chest radiograph as `chest_radiograph` does, degraded by a portable device."""
    image, mask = portable_degraded(*_drawn(rng, height, width, finding), rng)
    return _as_bytes(image), mask


def _as_bytes(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    return (255 * image.clip(0, 1)).round().astype(np.uint8)


def _drawn(
    rng: np.random.Generator, height: int, width: int, finding: str
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    if finding not in FINDINGS:
        raise ValueError(f"finding is {finding!r}; use one of {', '.join(FINDINGS)}")
    x, y = _coordinates(rng, height, width)
    heart = _soft(1 - np.hypot((x - 0.16) / rng.uniform(0.24, 0.34), (y - 0.3) / rng.uniform(0.28, 0.36)), 0.12)
    lungs = [_lung(rng, x, y, side) * (1 - heart if side > 0 else 1) for side in (-1, 1)]
    aerated = np.maximum(*lungs)
    image = _body(rng, x, y) - rng.uniform(0.3, 0.42) * aerated
    image += 0.16 * heart + _spine(x, y) + _ribs(rng, x, y) + _clavicles(rng, x, y)
    image -= 0.3 * _soft(1 - np.hypot((x - 0.42) / 0.16, (y - rng.uniform(0.8, 0.88)) / 0.08), 0.4)  # stomach bubble
    image += aerated * _opacity(rng, x, y, finding)
    texture = ndimage.gaussian_filter(rng.normal(size=x.shape), max(height, width) / 60)
    image += 0.02 * texture / texture.std() + rng.normal(0, 0.012, x.shape)
    return image.clip(0, 1).astype(np.float32), aerated > 0.5


def _coordinates(rng: np.random.Generator, height: int, width: int) -> tuple[Plane, Plane]:
    """Return x (to the right) and y (down), each -1..1 over the chest, which lies a little off and turned."""
    rows, columns = np.mgrid[:height, :width]
    x = (2 * columns / (width - 1) - 1 - rng.uniform(-0.06, 0.06)) / rng.uniform(0.88, 1.0)
    y = (2 * rows / (height - 1) - 1 - rng.uniform(-0.06, 0.06)) / rng.uniform(0.88, 1.0)
    angle = np.deg2rad(rng.uniform(-4, 4))
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _soft(signed: Plane, width: float) -> Plane:
    """Turn a signed distance, positive inside, into a shape with a soft edge."""
    return 1 / (1 + np.exp(-np.clip(signed / (0.25 * width), -40, 40)))


def _body(rng: np.random.Generator, x: Plane, y: Plane) -> Plane:
    """Trunk with shoulders and neck, denser below the diaphragm."""
    half = 0.86 + 0.1 * np.clip(-y, 0, 1) - 0.62 * _soft(-0.86 - y, 0.15)
    return 0.04 + _soft(half - np.abs(x), 0.12) * (rng.uniform(0.5, 0.6) + 0.12 * _soft(y - 0.66, 0.2))


def _lung(rng: np.random.Generator, x: Plane, y: Plane, side: int) -> Plane:
    """One lung: between mediastinum and chest wall, from a rounded apex to the dome of the diaphragm."""
    outward = side * x
    height = (y + rng.uniform(0.72, 0.8)) / 1.45
    medial = 0.12 + 0.08 * height**2 + 0.05 * np.cos(5 * y + side)
    lateral = rng.uniform(0.68, 0.76) * np.sqrt(np.clip(1 - (1 - height.clip(0, 1)) ** 3, 0, 1))
    middle, reach = 0.45, 0.36
    floor = rng.uniform(0.6, 0.68) + (0.06 if side > 0 else 0) - 0.12 * np.cos((outward - middle) / reach * np.pi / 2)
    inside = np.minimum.reduce([outward - medial, lateral - outward, floor + 0.12 - y, y + 0.76])
    return _soft(inside, 0.05)


def _spine(x: Plane, y: Plane) -> Plane:
    return 0.12 * _soft(0.09 - np.abs(x), 0.05) * (1 + 0.25 * np.sign(np.sin(22 * y)))


def _ribs(rng: np.random.Generator, x: Plane, y: Plane) -> Plane:
    """Bands that fall from the spine to the sides."""
    slope, phase = rng.uniform(0.25, 0.45), rng.uniform(0, 2 * np.pi)
    bands = np.sin(2 * np.pi * 4.2 * (y - slope * x**2) + phase)
    return 0.07 * _soft(bands - 0.35, 0.6) * _soft(0.84 - np.abs(x), 0.1) * _soft(0.7 - y, 0.2)


def _clavicles(rng: np.random.Generator, x: Plane, y: Plane) -> Plane:
    line = -0.62 - rng.uniform(0.08, 0.2) * (np.abs(x) - 0.1)
    return 0.12 * _soft(0.035 - np.abs(y - line), 0.04) * _soft(0.75 - np.abs(x), 0.1) * _soft(np.abs(x) - 0.06, 0.05)


def _opacity(rng: np.random.Generator, x: Plane, y: Plane, finding: str) -> Plane:
    """What a disease adds to the lungs: nothing, one dense spot, or haze at both sides."""
    if finding == "normal":
        return np.zeros_like(x)
    if finding == "pathological":
        spots = [(rng.choice([-1, 1]) * rng.uniform(0.3, 0.55), rng.uniform(-0.4, 0.4), 0.13, 0.3)]
    else:
        spots = [(side * rng.uniform(0.45, 0.62), rng.uniform(-0.2, 0.45), 0.2, 0.22) for side in (-1, -1, 1, 1)]
    haze = np.zeros_like(x)
    for centre_x, centre_y, radius, strength in spots:
        distance = np.hypot(x - centre_x, (y - centre_y) / rng.uniform(0.8, 1.6)) / (radius * rng.uniform(0.7, 1.3))
        haze += rng.uniform(0.7, 1.0) * strength * np.exp(-(distance**2))
    return haze.clip(0, 0.35)

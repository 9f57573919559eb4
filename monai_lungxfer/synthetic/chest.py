"""Phantoms of frontal chest radiographs, as a stationary and as a portable device would take them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from monai_lungxfer.synthetic.anatomy import Anatomy
from monai_lungxfer.synthetic.canvas import Canvas, ellipse
from monai_lungxfer.synthetic.portable_device import portable_degraded, rotated_pair

FINDINGS = ("normal", "pathological", "covid19")
MIN_SIDE = 48
"""Shortest side in pixels at which the two lungs are still apart."""

_TILT = 9.0  # degrees: a cassette behind a patient in bed is seldom straight


def chest_radiograph(rng: np.random.Generator, height: int, width: int, finding: str) -> tuple[np.ndarray, np.ndarray]:
    """Draw a frontal chest radiograph.

    The heart bulges into the patient's left lung, on the image's right-hand side, so that a mirrored result is
    noticed. Air next to the body, trachea, stomach and bowel gas are as dark as the lungs: a threshold is not enough.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides on the patient, the pose and the exposure.
    height, width : int
        In pixels, at least `MIN_SIDE`.
    finding : {"normal", "pathological", "covid19"}
        Clear lungs, one dense opacity, or hazy ones at the periphery of both lungs.

    Returns
    -------
    image : numpy.ndarray
        uint8 (H, W), air dark.
    mask : numpy.ndarray
        bool (H, W), the outlines of the two lungs down to the diaphragm with everything opaque in them, but without
        heart, aortic arch and mediastinum. (The V7 masks of real radiographs include the region behind the heart.)

    Raises
    ------
    ValueError
        When the finding is unknown or a side too short.
    """
    image, mask = _exposed(rng, height, width, finding)
    return _as_bytes(image), mask


def portable_radiograph(
    rng: np.random.Generator, height: int, width: int, finding: str
) -> tuple[np.ndarray, np.ndarray]:
    """Draw what a portable device at the bedside takes: `chest_radiograph`, tilted and degraded.

    See `chest_radiograph` for parameters, results and errors. The mask is tilted with the image.
    """
    image, mask = rotated_pair(*_exposed(rng, height, width, finding), degrees=rng.uniform(-_TILT, _TILT))
    return _as_bytes(portable_degraded(image, rng)), mask


def _as_bytes(image: np.ndarray) -> np.ndarray:
    return np.round(255 * image.clip(0, 1)).astype(np.uint8)


def _exposed(rng: np.random.Generator, height: int, width: int, finding: str) -> tuple[np.ndarray, np.ndarray]:
    if finding not in FINDINGS:
        raise ValueError(f"finding is {finding!r}; use one of {', '.join(FINDINGS)}")
    if min(height, width) < MIN_SIDE:
        raise ValueError(f"a phantom of {height}x{width} pixels is too small; use at least {MIN_SIDE} a side")
    canvas = _posed(rng, height, width)
    anatomy = Anatomy.drawn(rng)
    mediastinum = np.maximum.reduce([canvas.fill(outline) for outline in anatomy.mediastinum()])
    lungs = [_largest(canvas.fill(anatomy.lung(side, rng)) * (1 - mediastinum) > 0.5) for side in (-1, 1)]
    absorption = _absorption(rng, canvas, anatomy, mediastinum, lungs)
    absorption += _opacities(rng, canvas, lungs, finding)
    return _developed(rng, absorption), lungs[0] | lungs[1]


def _posed(rng: np.random.Generator, height: int, width: int) -> Canvas:
    across, down = rng.uniform(0.76, 1.02, 2)
    right, below = rng.uniform(-0.09, 0.09, 2)
    return Canvas(height, width, (across, down), (right, below), rng.uniform(-4, 4))


def _largest(mask: np.ndarray) -> np.ndarray:
    """Keep the largest part: the heart can cut off a sliver above the diaphragm."""
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return labels == 1 + int(sizes.argmax())


def _absorption(
    rng: np.random.Generator, canvas: Canvas, anatomy: Anatomy, mediastinum: np.ndarray, lungs: list[np.ndarray]
) -> np.ndarray:
    """Return the sum of what the tissues absorb along each ray: about 1 in the trunk, 0 in air."""
    body = np.maximum.reduce([canvas.fill(outline) for outline in anatomy.body(rng)])
    # A round body is thin at its edges.
    body *= 1 - np.exp(-ndimage.distance_transform_edt(body > 0.5) / (0.09 * canvas.unit))
    aerated = canvas.blur(lungs[0] | lungs[1], 0.012)
    total = body * (0.74 + 0.05 * canvas.noise(rng, 5))
    total += 0.26 * body * canvas.blur(canvas.fill(anatomy.abdomen()), 0.03)
    total += 0.2 * canvas.blur(mediastinum, 0.018)
    total -= aerated * rng.uniform(0.4, 0.52) * (1 + 0.12 * canvas.noise(rng, 4))
    vessels = canvas.strokes([line for side in (-1, 1) for line in anatomy.vessels(rng, side)])
    total += 0.13 * aerated * canvas.blur(vessels, 0.008)
    total += rng.uniform(0.13, 0.19) * body * canvas.blur(canvas.strokes(anatomy.ribs()), 0.008)
    total += 0.16 * body * canvas.blur(canvas.strokes(anatomy.clavicles()), 0.012)
    total += 0.13 * body * canvas.blur(canvas.strokes(anatomy.vertebrae()), 0.012)
    return np.maximum(total - body * _gas(rng, canvas, anatomy), 0)


def _gas(rng: np.random.Generator, canvas: Canvas, anatomy: Anatomy) -> np.ndarray:
    """Return what gas in trachea, stomach and bowel takes away."""
    trachea = canvas.strokes([(np.array([[0.0, -1.4], [0.015, -0.28]]), 0.1, 1.0)])
    bubbles = []
    if rng.random() < 0.75:
        place = (rng.uniform(0.32, 0.5), anatomy.domes[1] + rng.uniform(0.15, 0.22))
        bubbles.append(ellipse(place, (rng.uniform(0.12, 0.2), rng.uniform(0.06, 0.1)), rng.uniform(-20, 20)))
    for _ in range(rng.integers(1, 6)):
        place = (rng.uniform(-0.6, 0.6), rng.uniform(0.75, 1.0))
        bubbles.append(ellipse(place, tuple(rng.uniform(0.05, 0.13, 2)), 0, _wobble(rng, 0.15)))
    gas = np.maximum.reduce([canvas.fill(outline) for outline in bubbles])
    return 0.16 * canvas.blur(trachea, 0.02) + rng.uniform(0.35, 0.5) * canvas.blur(gas, 0.02)


def _wobble(rng: np.random.Generator, strength: float) -> np.ndarray:
    return np.stack([rng.normal(0, strength, 3) / (1, 2, 3), rng.uniform(0, 2 * np.pi, 3)], axis=1)


def _opacities(rng: np.random.Generator, canvas: Canvas, lungs: list[np.ndarray], finding: str) -> np.ndarray:
    """Return what a disease adds: nothing, one dense opacity, or haze where the lungs meet the chest wall."""
    haze: np.ndarray = np.zeros((canvas.height, canvas.width), np.float32)
    if finding == "pathological":
        place = _somewhere(rng, lungs[rng.integers(2)].astype(float))
        haze = rng.uniform(0.28, 0.42) * _spot(rng, canvas, place, (0.15, 0.3))
    elif finding == "covid19":
        middle = canvas.pixels(np.zeros((1, 2)))[0, 0]
        outward = np.abs(np.arange(canvas.width) - middle) / canvas.unit
        for lung in lungs:
            for _ in range(rng.integers(3, 6)):
                place = _somewhere(rng, lung * outward**3)
                haze = np.maximum(haze, rng.uniform(0.16, 0.34) * _spot(rng, canvas, place, (0.14, 0.28)))
    patchy = 1 + 0.2 * canvas.noise(rng, 12) + 0.15 * canvas.noise(rng, 28)
    return haze * patchy * canvas.blur(lungs[0] | lungs[1], 0.012)


def _somewhere(rng: np.random.Generator, weights: np.ndarray) -> tuple[float, float]:
    """Return the x and y of a pixel, drawn with these weights."""
    y, x = np.unravel_index(rng.choice(weights.size, p=weights.ravel() / weights.sum()), weights.shape)
    return float(x), float(y)


def _spot(
    rng: np.random.Generator, canvas: Canvas, place: tuple[float, float], radii: tuple[float, float]
) -> np.ndarray:
    """Return an irregular soft spot about a pixel, 0..1, with radii from this range."""
    upright = Canvas(canvas.height, canvas.width)
    size = np.array([canvas.width, canvas.height])
    centre = 2 * np.array(place) / size - 1
    axes = rng.uniform(*radii, 2) * 2 * canvas.unit / size
    outline = ellipse((float(centre[0]), float(centre[1])), (axes[0], axes[1]), 0, _wobble(rng, 0.16))
    return canvas.blur(upright.fill(outline), 0.06)


def _developed(rng: np.random.Generator, absorption: np.ndarray) -> np.ndarray:
    """Turn absorption into grey values, float32 in 0..1, with a window, a gamma and noise that differ by exposure."""
    top = np.percentile(absorption, rng.uniform(98.5, 99.9))
    grey = (absorption / top).clip(0, 1) ** rng.uniform(0.8, 1.35)
    grey = rng.uniform(0.01, 0.05) + rng.uniform(0.85, 0.95) * grey
    return (grey + rng.normal(0, rng.uniform(0.006, 0.014), grey.shape)).clip(0, 1).astype(np.float32)

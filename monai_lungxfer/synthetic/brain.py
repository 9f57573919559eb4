"""Phantoms of axial brain MRI slices, half of them with a lesion."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from monai_lungxfer.synthetic.canvas import Canvas, curve, ellipse

_SEQUENCES = 3
# Signal in pre-contrast T1, FLAIR, post-contrast T1.
_SCALP = (0.8, 0.6, 0.85)
_GREY = (0.38, 0.44, 0.42)
_WHITE = (0.5, 0.38, 0.52)
_FLUID = (0.12, 0.1, 0.13)
_VEINS = (0.3, 0.15, 0.9)
_LESION = (0.32, 0.82, 0.38)
_RIM = (0.0, 0.0, 0.3)
_LESION_SHARE = 0.5


def brain_slice(rng: np.random.Generator, size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """Draw an axial slice in the three sequences that the LGG data set stacks as colours.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides on the head, the slice's level, the sequences' gains and the lesion.
    size : int
        Height and width in pixels.

    Returns
    -------
    image : numpy.ndarray
        uint8 (size, size, 3): pre-contrast, FLAIR, post-contrast.
    mask : numpy.ndarray
        bool (size, size): the lesion that is bright in FLAIR. Empty in about half of the slices.
    """
    scale = (rng.uniform(0.56, 0.7), rng.uniform(0.72, 0.84))
    canvas = Canvas(size, size, scale, tuple(rng.uniform(-0.06, 0.06, 2)), rng.uniform(-8, 8))
    head = canvas.fill(ellipse((0, 0), (1, 1), 0, _wobble(rng, 0.015)))
    brain = canvas.fill(ellipse((0, 0.01), (0.85, 0.86), 0, _wobble(rng, 0.012)))
    ventricles = _ventricles(rng, canvas)
    fluid = np.maximum(ventricles, _sulci(rng, canvas, brain))
    white = _white_matter(rng, canvas, brain)
    veins = canvas.fill(ellipse((0, 0.83), (0.05, 0.05))) + canvas.fill(ellipse((0, -0.83), (0.03, 0.03)))
    lesion = _lesion(rng, canvas) * brain * (1 - ventricles) if rng.random() < _LESION_SHARE else np.zeros_like(brain)
    tissues = [(_SCALP, _scalp(canvas, head)), (_GREY, brain), (_WHITE, white), (_FLUID, fluid), (_VEINS, veins)]
    planes = [_layered(tissues, sequence) for sequence in range(_SEQUENCES)]
    planes = [_with_lesion(rng, canvas, plane, lesion, sequence) for sequence, plane in enumerate(planes)]
    return np.stack([_received(rng, canvas, plane) for plane in planes], axis=2), lesion > 0.5


def _scalp(canvas: Canvas, head: np.ndarray) -> np.ndarray:
    """Return the skin and fat outside the skull, which itself gives no signal."""
    skull = canvas.fill(ellipse((0, 0), (0.93, 0.935)))
    return head * (1 - skull)


def _wobble(rng: np.random.Generator, strength: float) -> np.ndarray:
    return np.stack([rng.normal(0, strength, 3), rng.uniform(0, 2 * np.pi, 3)], axis=1)


def _ventricles(rng: np.random.Generator, canvas: Canvas) -> np.ndarray:
    """Return the lateral ventricles: two slender horns, bent away from each other."""
    reach, spread, width = rng.uniform(0.2, 0.42), rng.uniform(0.07, 0.11), rng.uniform(0.03, 0.06)
    shapes = []
    for side in (-1, 1):
        middle = curve([(side * (spread + 0.09), -reach), (side * spread, -0.02), (side * (spread + 0.2), reach)])
        bulge = np.array([(width, 0.0)]) * np.sin(np.linspace(0.15, np.pi - 0.15, len(middle)))[:, None]
        shapes.append(canvas.fill(np.concatenate([middle + bulge, (middle - bulge)[::-1]])))
    return canvas.blur(np.maximum(*shapes), 0.008)


def _sulci(rng: np.random.Generator, canvas: Canvas, brain: np.ndarray) -> np.ndarray:
    """Return the fissure between the hemispheres, and the sulci."""
    lines = [(np.array([[0.0, -0.86], [0.0, -0.5]]), 0.02, 1.0), (np.array([[0.0, 0.5], [0.0, 0.86]]), 0.02, 1.0)]
    # Sulci follow the zeros of a smooth noise, near the surface only.
    depth = ndimage.distance_transform_edt(brain > 0.5) / canvas.unit
    folds = (np.abs(canvas.noise(rng, 15)) < 0.11) & (depth < rng.uniform(0.1, 0.2))
    return np.maximum(canvas.blur(canvas.strokes(lines), 0.008), 0.75 * canvas.blur(folds, 0.006)) * brain


def _white_matter(rng: np.random.Generator, canvas: Canvas, brain: np.ndarray) -> np.ndarray:
    """Return white matter: the inside of each hemisphere, with an irregular border to the cortex."""
    depth = ndimage.distance_transform_edt(brain > 0.5) / canvas.unit
    border = rng.uniform(0.1, 0.15) + 0.035 * canvas.noise(rng, 14)
    return brain * canvas.blur(depth > border, 0.015)


def _lesion(rng: np.random.Generator, canvas: Canvas) -> np.ndarray:
    angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 0.6)
    centre = (distance * np.cos(angle), distance * np.sin(angle))
    axes = rng.uniform(0.16, 0.36, 2)
    return canvas.fill(ellipse(centre, (axes[0], axes[1]), rng.uniform(0, 180), _wobble(rng, 0.09)))


def _layered(tissues: list[tuple[tuple[float, float, float], np.ndarray]], sequence: int) -> np.ndarray:
    """Return the signal of tissues that cover each other in this order."""
    plane = np.zeros_like(tissues[0][1])
    for signals, cover in tissues:
        plane = plane + cover.clip(0, 1) * (signals[sequence] - plane)
    return plane


def _with_lesion(
    rng: np.random.Generator, canvas: Canvas, plane: np.ndarray, lesion: np.ndarray, sequence: int
) -> np.ndarray:
    """Let the lesion show: bright in FLAIR, darker in T1, at times with a rim that takes up contrast agent."""
    soft = canvas.blur(lesion, 0.02)
    signal = _LESION[sequence] * (1 + 0.1 * canvas.noise(rng, 12))
    rim = 4 * soft * (1 - soft) * _RIM[sequence] * rng.random()
    return plane + 0.85 * soft * (signal - plane) + rim


def _received(rng: np.random.Generator, canvas: Canvas, plane: np.ndarray) -> np.ndarray:
    """Return uint8 after the coil's uneven gain, partial volume, and noise of a magnitude image (Rician)."""
    gain = rng.uniform(0.6, 1.0) * (1 + 0.06 * canvas.noise(rng, 3))
    blurred = canvas.blur(plane * gain * (1 + 0.03 * canvas.noise(rng, 50)), 0.006)
    real, imaginary = rng.normal(0, 0.012, (2, *plane.shape))
    return np.round(255 * np.hypot(blurred + real, imaginary).clip(0, 1)).astype(np.uint8)

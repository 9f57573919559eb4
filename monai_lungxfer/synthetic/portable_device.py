"""What a portable device and the bedside do to a radiograph.

Images, given and returned, are float32 (H, W) in 0..1, bright where the body absorbs. A ray of grey value g is taken
to have the exposure `exp(-3 g)`: the brightest tissue lets one photon in twenty through (law of Beer and Lambert).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image
from scipy import ndimage

from monai_lungxfer.synthetic.canvas import Canvas
from monai_lungxfer.synthetic.objects import MARKERS, draw_marker_position, electrodes, pacemaker, text_marker, tubes

_ABSORPTION = 3.0

STRENGTHS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "scatter_veil": {"ratio": (0.35, 0.9)},
    "quantum_noise": {"photons": (250, 900)},
    "motion_blur": {"length": (0.0, 0.02), "degrees": (0, 180)},
    "grid_lines": {"period": (2.2, 6.0), "depth": (0.005, 0.03)},
    "low_contrast": {"factor": (0.65, 0.9), "level": (0.45, 0.7)},
    "text_marker": {"height": (0.03, 0.055)},
}
"""The simulated portable device: of each part, the least and the greatest of every strength, drawn uniformly between.

`portable_degraded` draws from it, and so do the single transforms in `monai_lungxfer.transforms.portable_device`.
"""


def strengths(rng: np.random.Generator, ranges: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Draw a strength from each range, in their order."""
    return {name: rng.uniform(*limits) for name, limits in ranges.items()}


def scatter_veil(image: np.ndarray, ratio: float, width: float = 0.12) -> np.ndarray:
    """Add scattered radiation, as without a grid: a blurred share of the exposure veils the dense parts most.

    Parameters
    ----------
    image : numpy.ndarray
        Its total exposure, that of the primary radiation, stays the same.
    ratio : float
        Scatter-to-primary ratio, averaged over the image; 0 changes nothing.
    width : float
        Standard deviation of the blur as a share of the longer side.
    """
    exposure = np.exp(-_ABSORPTION * image)
    scattered = _broad_blur(exposure, width * max(image.shape))
    return _grey((exposure + ratio * scattered) / (1 + ratio))


def _broad_blur(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Blur on a coarse copy, which a blur so broad does not show and which costs a tenth."""
    step = max(1, int(sigma / 6))
    coarse = np.asarray(Image.fromarray(plane).reduce(step))
    blurred = ndimage.gaussian_filter(coarse, sigma / step, mode="nearest")
    return np.asarray(Image.fromarray(blurred).resize(plane.shape[::-1], Image.Resampling.BILINEAR))


def low_contrast(image: np.ndarray, factor: float, level: float = 0.55) -> np.ndarray:
    """Draw grey values towards `level`: a `factor` of 1 changes nothing, 0 leaves `level` everywhere."""
    return (level + factor * (image - level)).clip(0, 1).astype(np.float32)


def quantum_noise(image: np.ndarray, photons: float, rng: np.random.Generator) -> np.ndarray:
    """Count photons: Poisson noise, which is stronger where little gets through.

    The dose is the number of `photons` that reach a pixel where the grey value is 0.
    """
    counted = rng.poisson(photons * np.exp(-_ABSORPTION * image.clip(0, 1)))
    return _grey(counted.clip(1) / photons)


def _grey(exposure: np.ndarray) -> np.ndarray:
    return (-np.log(exposure) / _ABSORPTION).clip(0, 1).astype(np.float32)


def motion_blur(image: np.ndarray, length: float, degrees: float) -> np.ndarray:
    """Smear the image along a line, as a patient who breathes or moves during a long exposure does.

    The `length` of the movement is a share of the longer side; below a pixel it changes nothing. The direction is 0
    degrees along the rows and 90 along the columns.
    """
    steps = round(length * max(image.shape))
    if steps < 1:
        return image.astype(np.float32)
    along = np.linspace(-steps / 2, steps / 2, steps + 1)
    angle = np.deg2rad(degrees)
    path = np.rint(np.stack([along * np.sin(angle), along * np.cos(angle)]) + steps // 2 + 1).astype(int)
    kernel = np.zeros((steps + 3, steps + 3), np.float32)
    np.add.at(kernel, tuple(path), 1 / along.size)
    return ndimage.convolve(image.astype(np.float32), kernel, mode="nearest")


def grid_lines(image: np.ndarray, period: float, depth: float, degrees: float = 0.0) -> np.ndarray:
    """Add the shadow of the lamellae of an anti-scatter grid that stood still or was tilted.

    The lines have a `period` in pixels and a `depth`, their amplitude, in grey values. The direction across them is
    given in degrees: 0 gives vertical lines.
    """
    rows, columns = np.indices(image.shape, dtype=np.float32)
    angle = np.deg2rad(degrees)
    phase = 2 * np.pi * (columns * np.cos(angle) + rows * np.sin(angle)) / period
    return (image + depth * np.sin(phase)).clip(0, 1).astype(np.float32)


def collimation(image: np.ndarray, rng: np.random.Generator, reach: float = 0.06) -> np.ndarray:
    """Lay one to four slightly tilted blades over the borders, each up to `reach` of the image's side deep.

    Most devices blacken what the blades cover; some leave it bright, as film is where no X-rays arrive.
    """
    cover = Canvas(*image.shape)
    shade = np.zeros(image.shape, np.float32)
    for side in rng.permutation(4)[: rng.integers(1, 5)]:
        near, far = 1 - 2 * rng.uniform(0, reach, 2)
        # A blade at the right, turned to one of the four sides by exchanging and mirroring the axes.
        blade = np.array([(near, -1.2), (1.5, -1.2), (1.5, 1.2), (far, 1.2)]) * (1 if side % 2 else -1)
        shade = np.maximum(shade, cover.fill(blade[:, ::-1] if side < 2 else blade))
    value = 0.02 if rng.random() < 0.7 else 0.95
    return (image + cover.blur(shade, 0.008) * (value - image)).astype(np.float32)


def rotated_pair(image: np.ndarray, mask: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotate an image (H, W) and its mask alike about the centre, counter-clockwise; what comes in is black."""
    turned = ndimage.rotate(image, degrees, reshape=False, order=1, mode="constant", cval=0.0)
    inside = ndimage.rotate(mask.astype(np.float32), degrees, reshape=False, order=1, mode="constant", cval=0.0)
    return turned.astype(np.float32), inside > 0.5


def portable_degraded(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Degrade a radiograph the way a portable device at the bedside does; nothing moves, so a mask stays valid.

    In the order of the physics: tubes and leads lie on the patient, scatter and few photons make the image, the
    blades bound it, and the display lowers its contrast before text is burnt in. The generator decides on the strength
    and the place of everything.
    """
    image = _with_objects(image, rng)
    image = ndimage.gaussian_filter(image, rng.uniform(0.002, 0.004) * max(image.shape), mode="nearest")
    if rng.random() < 0.3:
        image = motion_blur(image, **strengths(rng, STRENGTHS["motion_blur"]))
    image = scatter_veil(image, **strengths(rng, STRENGTHS["scatter_veil"]))
    image = quantum_noise(image, **strengths(rng, STRENGTHS["quantum_noise"]), rng=rng)
    if rng.random() < 0.15:
        image = grid_lines(image, **strengths(rng, STRENGTHS["grid_lines"]), degrees=rng.choice([0.0, 90.0]))
    image = low_contrast(image, **strengths(rng, STRENGTHS["low_contrast"]))
    image = collimation(image, rng)
    for text in map(str, rng.choice(MARKERS, int(rng.integers(1, 3)), replace=False)):
        place = draw_marker_position(rng, text)
        image = text_marker(image, text, place, **strengths(rng, STRENGTHS["text_marker"]))
    return image


def _with_objects(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    image = tubes(image, rng, int(rng.integers(0, 3)))
    image = electrodes(image, rng, int(rng.integers(0, 5)))
    return pacemaker(image, rng) if rng.random() < 0.08 else image

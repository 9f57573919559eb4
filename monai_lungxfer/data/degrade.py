"""What a portable device and the bedside do to a radiograph.

Images are float32 (H, W) in 0..1, bright where the body absorbs. A ray of grey value g is taken to have the exposure
`exp(-3 g)`: the brightest tissue lets one photon in twenty through (law of Beer and Lambert).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from monai_lungxfer.data.phantom_canvas import Canvas, curve, ellipse

__all__ = [
    "collimation",
    "electrodes",
    "low_contrast",
    "portable_degraded",
    "quantum_noise",
    "rotated_pair",
    "scatter_veil",
    "text_marker",
    "tubes",
]

MARKERS = ("AP", "PORTABLE", "SUPINE", "AP PORTABLE", "R", "L")
_ABSORPTION = 3.0


def scatter_veil(image: np.ndarray, ratio: float, width: float = 0.12) -> np.ndarray:
    """Add scattered radiation, as without a grid: a blurred share of the exposure veils the dense parts most.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W) in 0..1.
    ratio : float
        Scatter-to-primary ratio, averaged over the image; 0 changes nothing.
    width : float
        Standard deviation of the blur as a share of the longer side.

    Returns
    -------
    numpy.ndarray
        float32 (H, W), at the exposure of the primary radiation in total.
    """
    exposure = np.exp(-_ABSORPTION * image)
    scattered = ndimage.gaussian_filter(exposure, width * max(image.shape), mode="nearest")
    return _grey((exposure + ratio * scattered) / (1 + ratio))


def low_contrast(image: np.ndarray, factor: float, level: float = 0.55) -> np.ndarray:
    """Draw grey values towards `level`: a `factor` of 1 changes nothing, 0 leaves `level` everywhere."""
    return (level + factor * (image - level)).clip(0, 1).astype(np.float32)


def quantum_noise(image: np.ndarray, photons: float, rng: np.random.Generator) -> np.ndarray:
    """Count photons: Poisson noise, which is stronger where little gets through.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W) in 0..1.
    photons : float
        The dose: photons that reach a pixel where the grey value is 0.
    rng : numpy.random.Generator
        Source of the noise.
    """
    counted = rng.poisson(photons * np.exp(-_ABSORPTION * image.clip(0, 1)))
    return _grey(counted.clip(1) / photons)


def _grey(exposure: np.ndarray) -> np.ndarray:
    return (-np.log(exposure) / _ABSORPTION).clip(0, 1).astype(np.float32)


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


def text_marker(image: np.ndarray, text: str, place: Sequence[float], height: float = 0.05) -> np.ndarray:
    """Lay a lead marker or burnt-in text over the image.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W) in 0..1.
    text : str
        For instance `AP` or `PORTABLE`.
    place : sequence of float
        Row and column of its upper left corner as shares of the image's height and width; moved to where it fits.
    height : float
        Of the letters, as a share of the image's height.
    """
    font = ImageFont.load_default()
    left, top, right, bottom = (int(edge) for edge in font.getbbox(text))
    letters = Image.new("L", (right - left + 2, bottom - top + 2))
    ImageDraw.Draw(letters).text((1 - left, 1 - top), text, fill=255, font=font)
    # The default font has one size only where Pillow comes without FreeType, hence the resizing.
    rows = min(max(6, round(height * image.shape[0])), image.shape[0])
    columns = min(round(rows * letters.width / letters.height), image.shape[1])
    alpha = np.asarray(letters.resize((columns, rows), Image.Resampling.BICUBIC), dtype=np.float32) / 255
    row, column = (
        min(round(share * side), side - need)
        for share, side, need in zip(place, image.shape, (rows, columns), strict=True)
    )
    result = image.astype(np.float32)
    part = result[row : row + rows, column : column + columns]
    part += alpha * (0.97 - part)
    return result


def tubes(image: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """Lay endotracheal or gastric tubes and central lines over the image: they come from above, near the midline."""
    canvas = Canvas(*image.shape)
    lines = []
    for _ in range(count):
        end = (rng.uniform(-0.15, 0.25), rng.uniform(-0.35, 0.85))
        start = (rng.uniform(-0.2, 0.2), -1.1)
        bend = (rng.uniform(-0.12, 0.12), (end[1] - 1.1) / 2)
        path, width = curve([start, bend, end]), rng.uniform(0.016, 0.04)
        lines += [(path, width, 1.0), (path, width / 3, 0.45)]  # the wall absorbs, the lumen less
    return _over(image, 0.2 * canvas.blur(canvas.strokes(lines), 0.004))


def electrodes(image: np.ndarray, rng: np.random.Generator, count: int) -> np.ndarray:
    """Lay ECG electrodes on the chest, each with a thin lead that leaves over the nearer side."""
    canvas = Canvas(*image.shape)
    lines = []
    for _ in range(count):
        place = rng.uniform((-0.75, -0.6), (0.75, 0.6))
        beyond = np.array([np.copysign(1.1, place[0]), place[1] + rng.uniform(-0.5, 0.5)])
        bend = (place + beyond) / 2 + rng.normal(0, 0.12, 2)
        lines += [(curve(np.array([place, bend, beyond])), 0.014, 0.8)]
        lines += [(ellipse((place[0], place[1]), (0.018, 0.018)), 0.03, 1.0)]
    return _over(image, 0.28 * canvas.blur(canvas.strokes(lines), 0.004))


def _over(image: np.ndarray, absorption: np.ndarray) -> np.ndarray:
    return (image + absorption).clip(0, 1).astype(np.float32)


def rotated_pair(image: np.ndarray, mask: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Rotate an image and its mask alike about the centre, in their own frame; what comes in is black.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W).
    mask : numpy.ndarray
        bool (H, W).
    degrees : float
        Counter-clockwise on the screen.
    """
    turned = ndimage.rotate(image, degrees, reshape=False, order=1, mode="constant", cval=0.0)
    inside = ndimage.rotate(mask.astype(np.float32), degrees, reshape=False, order=1, mode="constant", cval=0.0)
    return turned.astype(np.float32), inside > 0.5


def portable_degraded(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Degrade a radiograph the way a portable device at the bedside does; nothing moves, so a mask stays valid.

    In the order of the physics: tubes and leads lie on the patient, scatter and few photons make the image, the
    blades bound it, and the display lowers its contrast before text is burnt in.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W) in 0..1.
    rng : numpy.random.Generator
        Decides on the strength and the place of everything.

    Returns
    -------
    numpy.ndarray
        float32 (H, W) in 0..1.
    """
    image = tubes(image, rng, int(rng.integers(0, 3)))
    image = electrodes(image, rng, int(rng.integers(0, 5)))
    image = ndimage.gaussian_filter(image, rng.uniform(0.002, 0.004) * max(image.shape), mode="nearest")
    image = scatter_veil(image, rng.uniform(0.35, 0.9))
    image = quantum_noise(image, rng.uniform(250, 900), rng)
    image = low_contrast(image, rng.uniform(0.65, 0.9), rng.uniform(0.45, 0.7))
    image = collimation(image, rng)
    for text in rng.choice(MARKERS, int(rng.integers(1, 3)), replace=False):
        place = (rng.choice([0.02, 0.92]) + rng.uniform(0, 0.05), rng.uniform(0.02, 0.9))
        image = text_marker(image, str(text), place, rng.uniform(0.03, 0.055))
    return image

"""What a portable device and its circumstances do to a radiograph, on grey values from 0 (air) to 1 (metal)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

__all__ = ["collimated", "low_contrast", "marked", "portable_degraded", "quantum_noise", "scattered", "tubed", "turned"]

Grey = NDArray[np.float32]


def low_contrast(image: Grey, factor: float, level: float = 0.55) -> Grey:
    """Draw grey values together: less penetrating radiation, and no grid against scatter.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W) in 0..1.
    factor : float
        1 changes nothing, 0 leaves `level` everywhere.
    level : float
        The value that stays.
    """
    return (level + factor * (image - level)).astype(np.float32)


def scattered(image: Grey, fraction: float, width: float = 0.05) -> Grey:
    """Add the veil of scattered radiation: a part of the signal arrives blurred.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W) in 0..1.
    fraction : float
        Share of scattered radiation, 0..1.
    width : float
        Standard deviation of the blur as a share of the image's longer side.
    """
    veil = ndimage.gaussian_filter(image, width * max(image.shape), mode="nearest")
    return ((1 - fraction) * image + fraction * veil).astype(np.float32)


def quantum_noise(image: Grey, photons: float, rng: np.random.Generator) -> Grey:
    """Replace each pixel by what so many photons would show: Poisson noise, stronger where little gets through.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W) in 0..1; bright is where the body absorbs.
    photons : float
        Photons a pixel in air: the dose.
    rng : numpy.random.Generator
        Source of the noise.
    """
    absorbed = 3.0 * image.clip(0, 1)  # metal lets one photon in twenty through
    counted = rng.poisson(photons * np.exp(-absorbed))
    return (np.log(photons / counted.clip(1)) / 3.0).clip(0, 1).astype(np.float32)


def collimated(image: Grey, margins: tuple[float, float, float, float]) -> Grey:
    """Blacken the margins that the collimator covers.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W) in 0..1.
    margins : tuple of float
        Top, bottom, left and right, as shares of height and width.
    """
    height, width = image.shape
    top, bottom, left, right = (
        round(share * side) for share, side in zip(margins, (height, height, width, width), strict=True)
    )
    field = np.zeros_like(image)
    field[top : height - bottom, left : width - right] = 1
    return (image * ndimage.uniform_filter(field, 3)).astype(np.float32)


def marked(image: Grey, text: str, place: tuple[float, float]) -> Grey:
    """Lay a bright text marker over the image.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W) in 0..1.
    text : str
        For instance ``"AP"``.
    place : tuple of float
        Upper left corner, as shares of (height, width).
    """
    height, width = image.shape
    marker = Image.new("L", (width, height))
    font = ImageFont.load_default(size=max(8, round(0.05 * height)))
    ImageDraw.Draw(marker).text((place[1] * width, place[0] * height), text, fill=255, font=font)
    return np.maximum(image, np.asarray(marker, dtype=np.float32) / 255 * 0.95)


def tubed(image: Grey, rng: np.random.Generator) -> Grey:
    """Lay a tube or cable, a bright thin curve from the upper edge into the chest, over the image."""
    height, width = image.shape
    along = np.linspace(0, 1, 80)
    start, end, bow = rng.uniform(0.3, 0.7), rng.uniform(0.25, 0.75), rng.uniform(-0.25, 0.25)
    across = start + (end - start) * along + bow * np.sin(np.pi * along)
    points = [(float(x * width), float(y * height)) for x, y in zip(across, along * rng.uniform(0.4, 0.95), strict=True)]
    drawing = Image.new("L", (width, height))
    ImageDraw.Draw(drawing).line(points, fill=255, width=max(1, round(0.008 * width)))
    return (image + 0.25 * np.asarray(drawing, dtype=np.float32) / 255).clip(0, 1).astype(np.float32)


def turned(image: NDArray, degrees: float, order: int) -> NDArray:
    """Rotate an image (order 1) or a mask (order 0) about its centre, counter-clockwise, in its own frame."""
    return ndimage.rotate(image, degrees, reshape=False, order=order, mode="constant", cval=0)


def portable_degraded(
    image: Grey, mask: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Grey, NDArray[np.bool_]]:
    """Degrade a radiograph the way a portable device at the bedside does.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (H, W) in 0..1, air dark.
    mask : numpy.ndarray
        bool (H, W), rotated with the image.
    rng : numpy.random.Generator
        Decides on strength and place of everything.

    Returns
    -------
    image, mask : numpy.ndarray
        Of the same shapes.
    """
    degrees = rng.uniform(-10, 10)
    image = scattered(image, rng.uniform(0.3, 0.6))
    image = low_contrast(image, rng.uniform(0.5, 0.8), rng.uniform(0.45, 0.65))
    image, mask = turned(image, degrees, 1), turned(mask, degrees, 0)
    for _ in range(rng.integers(0, 3)):
        image = tubed(image, rng)
    image = quantum_noise(image, rng.uniform(150, 600), rng)
    image = collimated(image, tuple(rng.uniform(0, 0.06, size=4)))
    if rng.random() < 0.7:
        image = marked(image, str(rng.choice(["AP", "PORTABLE", "R", "SUPINE"])), tuple(rng.uniform(0.02, 0.15, size=2)))
    return image, mask

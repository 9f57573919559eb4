"""Two decoders that share no code with pydicom: GDCM, inside ITK, and DCMTK's dcm2pnm with its sisters."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["HAS_DCMTK", "TOOLS", "deviation", "read_by_dcmtk", "read_by_gdcm"]

HAS_DCMTK = all(shutil.which(name) for name in ("dcm2pnm", "dcmj2pnm", "dcml2pnm"))

TOOLS = {
    "1.2.840.10008.1.2.4.50": "dcmj2pnm",
    "1.2.840.10008.1.2.4.70": "dcmj2pnm",
    "1.2.840.10008.1.2.4.81": "dcml2pnm",
    "1.2.840.10008.1.2.4.90": "",
    "1.2.840.10008.1.2.4.91": "",
}
"""Which of DCMTK's programs decodes a transfer syntax, dcm2pnm if none is named; none does JPEG 2000."""


def read_by_gdcm(path: Path) -> np.ndarray:
    """Return (H, W) or (3, H, W): rescaled and with MONOCHROME1 inverted, but without look-up tables and window."""
    import itk

    image = itk.imread(str(path), imageio=itk.GDCMImageIO.New())
    values = np.squeeze(itk.array_from_image(image)).astype(np.float64)
    return np.moveaxis(values, -1, 0) if values.ndim == 3 else values


def read_by_dcmtk(path: Path, tool: str = "dcm2pnm", arguments: Sequence[str] = ()) -> np.ndarray:
    """Return (H, W) of 16 bits or (3, H, W) of 8 bits, after the modality LUT and a VOI step if asked for."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out"
        depth = "+on" if _is_colour(path) else "+on2"
        subprocess.run([tool, *arguments, depth, str(path), str(target)], check=True, capture_output=True)
        with Image.open(target) as image:
            values = np.asarray(image).astype(np.float64)
    return np.moveaxis(values, -1, 0) if values.ndim == 3 else values


def _is_colour(path: Path) -> bool:
    import pydicom

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
    except Exception:  # noqa: BLE001 - the header may be wrong about everything, and is one of a grey picture then
        return False
    return not header.get("PhotometricInterpretation", "MONOCHROME2").startswith("MONO")


def deviation(ours: np.ndarray, theirs: np.ndarray, where: np.ndarray | None = None) -> float:
    """Return how far two pictures differ at most, relative to the range of ours, with their scales brought in line.

    Each decoder spreads grey values over a range of its own; the line that fits best must rise.
    """
    if ours.shape != theirs.shape:
        return np.inf
    x, y = (picture[..., where] if where is not None else picture.ravel() for picture in (theirs, ours.astype(float)))
    x, y = x.ravel(), y.ravel()
    slope, offset = np.polyfit(x, y, 1)
    return float(np.abs(slope * x + offset - y).max() / np.ptp(y)) if slope > 0 else np.inf

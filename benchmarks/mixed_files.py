"""Folders of files of every kind that is read, and of files that are broken in every way, drawn from phantoms."""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from PIL import Image
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers" / "formats"))
from dicom_writing import by_pillow, compressed
from dicom_writing import write as write_dicom

from monai_lungxfer.synthetic.chest import FINDINGS, portable_radiograph

__all__ = ["BROKEN", "WHOLE", "write_mixed_files"]

Writer = Callable[[Path, np.ndarray], Any]

_PHANTOMS = 16


def write_mixed_files(
    folder: Path, count: int, broken: int, *, heights: tuple[int, int] = (300, 1500), seed: int = 0
) -> list[str]:
    """Write files of mixed kinds and sizes into nested folders.

    Parameters
    ----------
    folder : pathlib.Path
        Receives ``wardNN/patientNNNN/NNNNNN*``; it must not exist.
    count, broken : int
        Files in all, and how many of these are broken: each of the `BROKEN` kinds in turn, spread over the folder.
    heights : tuple of int
        Of the radiographs in pixels, the least and the greatest.
    seed : int
        Of the phantoms, sizes and kinds.

    Returns
    -------
    list of str
        The broken files, relative to the folder.
    """
    rng = np.random.default_rng(seed)
    size = (heights[1], int(0.9 * heights[1]))
    phantoms = [portable_radiograph(rng, *size, str(rng.choice(FINDINGS)))[0] for _ in range(_PHANTOMS)]
    places = set(rng.choice(count, broken, replace=False).tolist())
    kinds = [*BROKEN] * (broken // len(BROKEN) + 1)
    spoilt = []
    for number in range(count):
        kind = kinds[len(spoilt)] if number in places else list(WHOLE)[number % len(WHOLE)]
        write, suffix = (BROKEN if number in places else WHOLE)[kind]
        path = folder / f"ward{number % 7:02}" / f"patient{number // 3:04}" / f"{number:06}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, _varied(phantoms[number % _PHANTOMS], heights, rng))
        if number in places:
            spoilt.append(path.relative_to(folder).as_posix())
    return spoilt


def _varied(phantom: np.ndarray, heights: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return a radiograph of another size and brightness, uint8 (H, W)."""
    height = int(rng.integers(*heights, endpoint=True))
    width = int(height * rng.uniform(0.7, 1.3))
    resized = Image.fromarray(phantom).resize((width, height), Image.Resampling.BILINEAR)
    return (np.asarray(resized) * rng.uniform(0.7, 1)).astype(np.uint8)


def _as16(pixels: np.ndarray) -> np.ndarray:
    return pixels.astype(np.uint16) * 16


def _by_pillow(path: Path, pixels: np.ndarray, **options: Any) -> None:
    Image.fromarray(pixels).save(path, **options)


def _png16(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(_as16(pixels)).save(path, format="PNG")


def _nifti(path: Path, pixels: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(_as16(pixels).astype(np.int16).T, np.diag([-0.3, -0.3, 1, 1])), path)


def _dicom(path: Path, pixels: np.ndarray, **options: Any) -> None:
    write_dicom(path, _as16(pixels), BitsStored=12, PixelSpacing=[0.2, 0.2], **options)


def _dicom8(path: Path, pixels: np.ndarray, **options: Any) -> None:
    write_dicom(path, pixels, **options)


WHOLE: dict[str, tuple[Writer, str]] = {
    "PNG, 8 bits": (partial(_by_pillow, format="PNG"), ".png"),
    "PNG, 16 bits": (_png16, ".png"),
    "PNG without a suffix": (partial(_by_pillow, format="PNG"), ""),
    "JPEG": (partial(_by_pillow, format="JPEG", quality=90), ".jpg"),
    "TIFF": (partial(_by_pillow, format="TIFF"), ".tif"),
    "TIFF, LZW": (partial(_by_pillow, format="TIFF", compression="tiff_lzw"), ".tiff"),
    "NIfTI": (_nifti, ".nii"),
    "NIfTI, compressed": (_nifti, ".nii.gz"),
    "DICOM, implicit": (partial(_dicom, syntax=ImplicitVRLittleEndian), ".dcm"),
    "DICOM, explicit, without a suffix": (partial(_dicom, syntax=ExplicitVRLittleEndian), ""),
    "DICOM, MONOCHROME1": (partial(_dicom, PhotometricInterpretation="MONOCHROME1"), ".dcm"),
    "DICOM, big endian": (partial(_dicom, syntax=ExplicitVRBigEndian), ".dcm"),
    "DICOM, deflated": (partial(_dicom, syntax=DeflatedExplicitVRLittleEndian), ".dcm"),
    "DICOM, RLE": (partial(_dicom8, finish=compressed(RLELossless)), ".dcm"),
    "DICOM, JPEG baseline": (partial(_dicom8, finish=by_pillow), ".dcm"),
    "DICOM, JPEG-LS": (partial(_dicom, finish=compressed(JPEGLSLossless)), ".dcm"),
    "DICOM, JPEG 2000": (partial(_dicom, finish=compressed(JPEG2000Lossless)), ".dcm"),
}
"""What is to be segmented: how each kind is written, and the suffix of its name."""


def _cut(write: Writer, path: Path, pixels: np.ndarray) -> None:
    write(path, pixels)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _nan(path: Path, pixels: np.ndarray) -> None:
    values = pixels.astype(np.float32)
    values[0, 0] = np.nan
    nib.save(nib.Nifti1Image(values.T, np.eye(4)), path)


def _bomb(path: Path, _: np.ndarray) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">2I5B", 60_000, 60_000, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1_000_000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def _two_frames(path: Path, pixels: np.ndarray) -> None:
    write_dicom(path, pixels[: len(pixels) // 2], NumberOfFrames=2)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = dataset.PixelData * 2
    dataset.save_as(path)


BROKEN: dict[str, tuple[Writer, str]] = {
    "empty": (lambda path, _: path.write_bytes(b""), ".jpg"),
    "cut JPEG": (partial(_cut, WHOLE["JPEG"][0]), ".jpg"),
    "cut PNG": (partial(_cut, WHOLE["PNG, 8 bits"][0]), ".png"),
    "text": (lambda path, _: path.write_text("no picture"), ".png"),
    "constant": (lambda path, pixels: _by_pillow(path, np.full_like(pixels, 42), format="PNG"), ".png"),
    "one pixel": (lambda path, pixels: _by_pillow(path, pixels[:1, :1], format="PNG"), ".png"),
    "NaN": (_nan, ".nii.gz"),
    "cut DICOM": (partial(_cut, _dicom), ".dcm"),
    "DICOM of two frames": (_two_frames, ".dcm"),
    "decompression bomb": (_bomb, ".png"),
}
"""What is to be reported."""

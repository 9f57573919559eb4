"""DICOM files of every kind that is read, written from known values, and what they should look like.

`test_dicom_cases` and `docs/generate/dicom_table.py` run through them.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from dicom_writing import by_pillow, compressed, lut, short_lut, with_overlay, write
from PIL import Image
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

__all__ = ["CASES", "Case"]

_ROWS, _COLUMNS = 48, 70
# Asymmetric, smooth enough for lossy JPEG, 0 to 200; a corner tells every flip and turn apart.
GREY = np.rint(np.add.outer(1.6 * np.arange(_ROWS), 0.9 * np.arange(_COLUMNS))).astype(np.uint8)
GREY[:8, :16] = 200
COLOUR = np.stack([GREY, GREY // 2 + 40, 220 - GREY], axis=-1)


@dataclass(frozen=True)
class Case:
    """A kind of file.

    Attributes
    ----------
    kind : str
        A group of the table.
    name : str
        What is special about it.
    values : numpy.ndarray
        As stored.
    expected : numpy.ndarray
        As `read_radiograph` should return them: (H, W), or (3, H, W).
    attributes : dict
        Of the header, or arguments of `write`.
    tolerance : float
        What lossy compression may change.
    dcmtk : tuple of str
        Arguments by which dcm2pnm shows the same.
    tool : str
        One of dcm2pnm's sisters for compressed pixels; empty where DCMTK has no decoder.
    gdcm : bool
        Whether GDCM does all the steps.
    compared : numpy.ndarray or None
        (H, W), where others are to agree; everywhere, if ``None``.
    encoder : tuple of str
        A command of DCMTK that compresses the file.
    warns : bool
        Whether something of it is wrong, which a remark tells.
    """

    kind: str
    name: str
    values: np.ndarray
    expected: np.ndarray
    attributes: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 0
    dcmtk: tuple[str, ...] = ()
    tool: str = "dcm2pnm"
    gdcm: bool = True
    compared: np.ndarray | None = None
    encoder: tuple[str, ...] = ()
    warns: bool = False

    def is_writable(self) -> bool:
        return not self.encoder or shutil.which(self.encoder[0]) is not None

    def write(self, folder: Path) -> Path:
        path = write(folder / "plain.dcm", self.values, **self.attributes)
        if self.encoder:
            done = folder / "encoded.dcm"
            subprocess.run([*self.encoder, str(path), str(done)], check=True, capture_output=True)
            return done
        return path


U16, I16 = GREY.astype(np.uint16), GREY.astype(np.int16)
PLANES = np.moveaxis(COLOUR, -1, 0)
PADDED = U16 + 100
PADDED[:, 60:] = 4000  # MONOCHROME2: would be white
LIGHTER = (np.arange(4096.0) ** 0.5 * 63).astype(np.uint16)  # 0 to 4031
WINDOWED = np.clip((GREY - 49.5) / 100 + 0.5, 0, 1) * 4095  # centre 50, width 101, over 12 bits


def _encodings() -> list[Case]:
    twelve = {"BitsStored": 12}
    u12 = U16 * 20
    jpeg, jls = "dcmj2pnm", "dcml2pnm"
    cases = [
        ("explicit little endian", {"syntax": ExplicitVRLittleEndian}, {}),
        ("implicit little endian", {"syntax": ImplicitVRLittleEndian}, {}),
        ("explicit big endian", {"syntax": ExplicitVRBigEndian}, {}),
        ("deflated", {"syntax": DeflatedExplicitVRLittleEndian}, {}),
        ("RLE", {"finish": compressed(RLELossless)}, {}),
        ("JPEG-LS lossless", {"finish": compressed(JPEGLSLossless)}, {"tool": jls}),
        (
            "JPEG-LS near-lossless",
            {"finish": compressed(JPEGLSNearLossless, jls_error=3)},
            {"tool": "dcml2pnm", "tolerance": 3},
        ),
        ("JPEG 2000 lossless", {"finish": compressed(JPEG2000Lossless)}, {"tool": ""}),
        ("JPEG 2000 lossy", {"finish": compressed(JPEG2000, j2k_psnr=[90])}, {"tool": "", "tolerance": 4}),
        ("JPEG lossless, first-order", {}, {"tool": jpeg, "encoder": ("dcmcjpeg", "+e1")}),
        ("JPEG lossless, process 14", {}, {"tool": jpeg, "encoder": ("dcmcjpeg", "+el")}),
        ("JPEG extended, 12 bits", {}, {"tool": jpeg, "encoder": ("dcmcjpeg", "+ee", "+q", "100"), "tolerance": 12}),
    ]
    encodings = [Case("encoding", name, u12, u12, twelve | how, **more) for name, how, more in cases]
    baseline = Case("encoding", "JPEG baseline, 8 bits", GREY, GREY, {"finish": by_pillow}, tolerance=4, tool=jpeg)
    return [*encodings, baseline]


def _values() -> list[Case]:
    bits = [
        Case("values", f"{bits} bits stored", U16 << (bits - 8), U16 << (bits - 8), {"BitsStored": bits})
        for bits in range(8, 17)
    ]
    mono1 = {"PhotometricInterpretation": "MONOCHROME1"}
    return [
        *bits,
        Case("values", "8 bits allocated", GREY, GREY),
        Case("values", "signed, 16 bits", I16 * 20 - 2000, I16 * 20 - 2000, warns=True),  # DX images are not signed
        Case("values", "signed, 12 bits", (I16 * 10 - 1000) & 0x0FFF, I16 * 10 - 1000, {"BitsStored": 12}, warns=True),
        Case("values", "overlay in an unused bit", U16 | (U16 > 90) * np.uint16(0x8000), U16, {"BitsStored": 12},
             warns=True),  # nothing says that it is one
        Case("values", "overlay in a plane of its own", GREY, GREY, {"finish": with_overlay}, dcmtk=("-O",)),
        Case("values", "MONOCHROME1, unsigned", 255 - GREY, GREY, mono1),
        Case("values", "MONOCHROME1, signed", -1 - I16, I16, mono1, warns=True),
        Case("values", "MONOCHROME1, Presentation LUT Shape INVERSE", 255 - GREY, GREY,
             mono1 | {"PresentationLUTShape": "INVERSE"}),
        Case("values", "MONOCHROME2, Presentation LUT Shape INVERSE", 255 - GREY, GREY,
             {"PresentationLUTShape": "INVERSE"}, warns=True, gdcm=False),
        Case("values", "MONOCHROME1, Presentation LUT Shape IDENTITY", GREY, GREY,
             mono1 | {"PresentationLUTShape": "IDENTITY"}, warns=True, gdcm=False),
        Case("values", "FOR PROCESSING, sign 1: air has high values", 255 - GREY, GREY,
             {"PresentationIntentType": "FOR PROCESSING", "PixelIntensityRelationshipSign": 1}, warns=True,
             tool="", gdcm=False),
        Case("values", "Pixel Padding Value", PADDED, np.where(PADDED == 4000, PADDED.min(), PADDED),
             {"BitsStored": 12, "PixelPaddingValue": 4000}, compared=PADDED != 4000),
        Case("values", "Pixel Padding Range Limit", PADDED, np.where(PADDED > 280, PADDED[PADDED <= 280].min(), PADDED),
             {"BitsStored": 12, "PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 281}, compared=PADDED <= 280),
    ]  # fmt: skip


def _steps() -> list[Case]:
    twelve = {"BitsStored": 12}
    window = {"WindowCenter": 50, "WindowWidth": 101}
    steep = np.minimum(np.arange(256) * 2, 255)
    curve = 4095 / (1 + np.exp(-4 * (GREY - 50.0) / 100))
    return [
        Case("grey scale", "rescale", U16, U16 * 2.5 - 100, twelve | {"RescaleSlope": 2.5, "RescaleIntercept": -100}),
        Case("grey scale", "rescale, negative slope", U16, 300.0 - U16,
             twelve | {"RescaleSlope": -1, "RescaleIntercept": 300}),
        Case("grey scale", "modality LUT, 16 bits", U16, LIGHTER[U16],
             twelve | {"ModalityLUTSequence": [lut(LIGHTER, 0, 16)]}, gdcm=False),
        Case("grey scale", "modality LUT, 12 bits, OW", U16, LIGHTER[U16],
             twelve | {"ModalityLUTSequence": [lut(LIGHTER, 0, 12, "OW")]}, gdcm=False),
        Case("grey scale", "VOI LUT, from -20, of rescaled values", U16, LIGHTER[U16],
             twelve | {"VOILUTSequence": [lut(LIGHTER, -20, 12)], "RescaleSlope": 1, "RescaleIntercept": -20},
             dcmtk=("+Wl", "1"), gdcm=False),
        Case("grey scale", "VOI LUT, 8 bits for 4,096 values", U16 * 20, (np.arange(4096) // 16)[U16 * 20],
             twelve | {"VOILUTSequence": [lut(np.arange(4096) // 16, 0, 8)]}, dcmtk=("+Wl", "1"), gdcm=False),
        Case("grey scale", "VOI LUT, two entries a word", GREY, steep[GREY],
             {"VOILUTSequence": [lut(steep, 0, 8, "OW")]}, dcmtk=("+Wl", "1"), gdcm=False),
        Case("grey scale", "VOI LUT, one entry less than it declares", U16, LIGHTER[U16],
             twelve | {"VOILUTSequence": [short_lut(LIGHTER, 1)]}, dcmtk=("+Wl", "1"), gdcm=False, warns=True),
        Case("grey scale", "VOI LUT and window: the LUT", U16, LIGHTER[U16],
             twelve | window | {"VOILUTSequence": [lut(LIGHTER, 0, 12), lut(LIGHTER[::-1], 0, 12)]},
             dcmtk=("+Wl", "1"), gdcm=False),
        Case("grey scale", "window", U16, WINDOWED, twelve | window, dcmtk=("+Wi", "1"), gdcm=False),
        Case("grey scale", "several windows: the first", U16, WINDOWED,
             twelve | {"WindowCenter": [50, 90], "WindowWidth": [101, 10]}, dcmtk=("+Wi", "1"), gdcm=False),
        Case("grey scale", "several windows: the first of use", U16, WINDOWED,
             twelve | {"WindowCenter": [3000, 50], "WindowWidth": [10, 101]}, dcmtk=("+Wi", "2"), gdcm=False),
        Case("grey scale", "window, SIGMOID", U16, curve,
             twelve | {"WindowCenter": 50, "WindowWidth": 100, "VOILUTFunction": "SIGMOID"},
             dcmtk=("+Wi", "1", "+Wfs"), gdcm=False),
        Case("grey scale", "window, LINEAR_EXACT", U16, np.clip((U16 - 50.0) / 100 + 0.5, 0, 1) * 4095,
             twelve | {"WindowCenter": 50, "WindowWidth": 100, "VOILUTFunction": "LINEAR_EXACT"}, tool="", gdcm=False),
        Case("grey scale", "window and MONOCHROME1", 4095 - U16, np.clip((GREY - 50.5) / 100 + 0.5, 0, 1) * 4095,
             twelve | {"WindowCenter": 4045, "WindowWidth": 101, "PhotometricInterpretation": "MONOCHROME1"},
             dcmtk=("+Wi", "1"), gdcm=False),
    ]  # fmt: skip


def _colour() -> list[Case]:
    ybr = np.asarray(Image.fromarray(COLOUR).convert("YCbCr"))
    palette: dict[str, Any] = {"PhotometricInterpretation": "PALETTE COLOR"}
    index = np.arange(256)
    for name, plane in {"Red": index, "Green": index // 2 + 40, "Blue": 220 - index}.items():
        palette[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 8]
        palette[f"{name}PaletteColorLookupTableData"] = (plane & 0xFF).astype(np.uint8).tobytes()
    planar = PLANES.reshape(_ROWS, _COLUMNS, 3)  # the bytes of three planes
    return [
        Case("colour", "RGB by pixel", COLOUR, PLANES),
        Case("colour", "RGB by plane", planar, PLANES, {"PlanarConfiguration": 1}),
        Case("colour", "YBR_FULL", ybr, PLANES, {"PhotometricInterpretation": "YBR_FULL"}, tolerance=3),
        Case(
            "colour", "YBR_FULL in JPEG baseline", COLOUR, PLANES, {"finish": by_pillow}, tolerance=6, tool="dcmj2pnm"
        ),
        Case("colour", "RGB in RLE", COLOUR, PLANES, {"finish": compressed(RLELossless)}),
        Case("colour", "RGB in JPEG 2000", COLOUR, PLANES, {"finish": compressed(JPEG2000Lossless)}, tool=""),
        Case("colour", "PALETTE COLOR", GREY, PLANES, palette),
    ]  # fmt: skip


CASES = [*_encodings(), *_values(), *_steps(), *_colour()]

"""DICOM files whose header is wrong about the pixels, or silent, and the picture that they should show.

`test_dicom_odd` and `docs/generate/dicom_table.py` run through them.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from dicom_elements import renamed
from dicom_witness import TOOLS, read_by_dcmtk, read_by_gdcm
from dicom_writing import compressed, lut, short_lut, write
from pydicom import uid

from monai_lungxfer.synthetic.chest import chest_radiograph

__all__ = ["ODD_CASES", "OddCase", "compare", "show_by_dcmtk", "show_by_gdcm"]

GREY = chest_radiograph(np.random.default_rng(0), 120, 100, "normal")[0] / 255.0
ALIKE = 0.99  # correlation of a picture with another of the same values, up to a window or a curve


@dataclass(frozen=True)
class OddCase:
    """A file that is wrong in one way.

    Attributes
    ----------
    kind, name : str
        A group of the table, and what is wrong.
    values : numpy.ndarray
        (H, W) As stored.
    attributes : dict
        Of the header, or arguments of `write`.
    removed : str
        The keyword of an attribute that is left out.
    called : str or None
        The transfer syntax that the file names; the true one, if ``None``.
    is_told : bool
        Whether the reader must say something.
    stored : numpy.ndarray
        (H, W) The picture as it lies in the file; `GREY` is how it stands upright.
    """

    kind: str
    name: str
    values: np.ndarray
    attributes: dict[str, Any] = field(default_factory=dict)
    removed: str = ""
    called: str | None = None
    is_told: bool = True
    stored: np.ndarray = field(default_factory=lambda: GREY)

    def write(self, folder: Path) -> Path:
        path = write(folder / "odd.dcm", self.values, **({"BitsStored": 12} | self.attributes))
        if self.removed:
            dataset = pydicom.dcmread(path)
            delattr(dataset, self.removed)
            dataset.save_as(path)
        if self.called is not None:
            path.write_bytes(renamed(path.read_bytes(), self.called)[1])
        return path


def compare(pixels: np.ndarray, case: OddCase) -> str:
    """Return "right", "inverted", "not turned" or "wrong"."""
    for name, picture in {"right": GREY, "not turned": case.stored}.items():
        if pixels.shape == picture.shape and np.ptp(pixels) > 0:
            correlation = np.corrcoef(pixels.ravel(), picture.ravel())[0, 1]
            if abs(correlation) >= ALIKE:
                return "inverted" if correlation < 0 else name
    return "wrong"


def show_by_gdcm(path: Path, case: OddCase) -> str:
    try:
        return compare(read_by_gdcm(path), case)
    except RuntimeError:
        return "refused"


def show_by_dcmtk(path: Path, case: OddCase) -> str:
    """Return what dcm2pnm shows, with the first window or VOI LUT, as a viewer would."""
    voi = ("+Wl", "1") if "VOILUTSequence" in case.attributes else ("+Wi", "1")
    arguments = voi if "WindowCenter" in case.attributes or voi[0] == "+Wl" else ()
    meta = pydicom.filereader.read_file_meta_info(path)
    tool = TOOLS.get(meta.get("TransferSyntaxUID"), "dcm2pnm") or "dcm2pnm"
    try:
        return compare(read_by_dcmtk(path, tool, arguments), case)
    except (subprocess.CalledProcessError, OSError):
        return "refused"


def levels(bits: int = 12) -> np.ndarray:
    return np.rint(GREY * (2**bits - 1)).astype("<u2")


U12, I16 = levels(), (levels().astype(np.int32) - 2048).astype("<i2")
MONO1 = {"PhotometricInterpretation": "MONOCHROME1"}
RAW = {"PresentationIntentType": "FOR PROCESSING", "PixelIntensityRelationship": "LIN"}
LINE = np.arange(4096).astype(np.uint16)


def _polarity() -> list[OddCase]:
    raw = np.rint(np.exp(-3.5 * GREY) * 16383).astype("<u2")
    sign = {"PixelIntensityRelationshipSign": 1, "BitsStored": 14}
    return [
        OddCase("polarity", "MONOCHROME2, Presentation LUT Shape INVERSE", 4095 - U12,
                {"PresentationLUTShape": "INVERSE"}),
        OddCase("polarity", "MONOCHROME1, Presentation LUT Shape IDENTITY", U12,
                MONO1 | {"PresentationLUTShape": "IDENTITY"}),
        OddCase("polarity", "FOR PROCESSING, LIN, sign 1, MONOCHROME2", raw, RAW | sign),
        OddCase("polarity", "FOR PROCESSING, LIN, sign 1, MONOCHROME1", raw, RAW | sign | MONO1, is_told=False),
    ]  # fmt: skip


def _orientation() -> list[OddCase]:
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "L\\H": lambda upright: upright[::-1],
        "R\\F": lambda upright: upright[:, ::-1],
        "R\\H": lambda upright: upright[::-1, ::-1],
        "F\\L": lambda upright: upright.T,
    }
    return [
        OddCase("orientation", f"Patient Orientation {name}", np.ascontiguousarray(turn(U12)),
                {"PatientOrientation": name.split("\\")}, stored=turn(GREY))
        for name, turn in ways.items()
    ]  # fmt: skip


def _tables() -> list[OddCase]:
    return [
        OddCase("LUT", "VOI LUT, 4,095 of 4,096 entries", U12, {"VOILUTSequence": [short_lut(LINE, 1)]}),
        OddCase("LUT", "VOI LUT, 4,091 of 4,096 entries", U12, {"VOILUTSequence": [short_lut(LINE, 5)]}),
        OddCase("LUT", "modality LUT, 4,095 of 4,096 entries", U12, {"ModalityLUTSequence": [short_lut(LINE, 1)]}),
        OddCase("LUT", "VOI LUT for 4,095 values", U12, {"VOILUTSequence": [lut(LINE[:-1], 0, 12)]}, is_told=False),
        OddCase("LUT", "Rescale Slope -1 without Intercept", 4095 - U12, {"RescaleSlope": -1}),
        OddCase("LUT", "Rescale Intercept without Slope", U12, {"RescaleIntercept": -1024}),
    ]  # fmt: skip


def _bits() -> list[OddCase]:
    high = {"HighBit": 15}
    return [
        OddCase("bits", "14 bits, Bits Stored 12", levels(14)),
        OddCase("bits", "12 bits in the upper ones, High Bit 15", U12 << 4, high),
        OddCase("bits", "12 bits in the lower ones, High Bit 15", U12, high),
        OddCase("bits", "12 bits, called signed", U12, {"PixelRepresentation": 1}),
        OddCase("bits", "16 bits, called signed", levels(16), {"PixelRepresentation": 1, "BitsStored": 16}),
        OddCase("bits", "signed, called unsigned", I16.view("<u2"), {"BitsStored": 16}),
        OddCase("bits", "the other byte order", (levels(16) // 7).byteswap(), {"BitsStored": 16}),
        OddCase("bits", "Bits Stored 0", U12, {"BitsStored": 0, "HighBit": 11}),
    ]  # fmt: skip


def _windows() -> list[OddCase]:
    return [
        OddCase("window", "128/256 for 12 bits", U12, {"WindowCenter": 128, "WindowWidth": 256}),
        OddCase("window", "40/400, then 2048/4096", U12, {"WindowCenter": [40, 2048], "WindowWidth": [400, 4096]}),
        OddCase("window", "600/1200 for 12 bits", U12, {"WindowCenter": 600, "WindowWidth": 1200}),
        OddCase("window", "16384/32768 for 12 bits", U12, {"WindowCenter": 16384, "WindowWidth": 32768}, is_told=False),
        OddCase("window", "centre without width", U12, {"WindowCenter": 40}),
    ]  # fmt: skip


def _missing() -> list[OddCase]:
    keywords = ("PixelRepresentation", "BitsStored", "HighBit", "BitsAllocated", "SamplesPerPixel")
    native = [OddCase("missing", name, U12, removed=name) for name in (*keywords, "PhotometricInterpretation")]
    jls = {"finish": compressed(uid.JPEGLSLossless)}
    lossless = [OddCase("missing", f"{name}, JPEG-LS", U12, jls, removed=name) for name in ("BitsStored", "Rows")]
    signed = OddCase("missing", "PixelRepresentation, of signed pixels", I16, {"BitsStored": 16}, "PixelRepresentation")
    return [*native, signed, *lossless]


def _syntaxes() -> list[OddCase]:
    explicit, implicit = uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian
    codecs = {"RLE": uid.RLELossless, "JPEG-LS": uid.JPEGLSLossless, "JPEG 2000": uid.JPEG2000Lossless}
    finished = {name: {"finish": compressed(syntax)} for name, syntax in codecs.items()}
    return [
        *(OddCase("transfer syntax", f"{name}, called explicit little endian", U12, how, called=explicit)
          for name, how in finished.items()),
        *(OddCase("transfer syntax", f"uncompressed, called {name}", U12, called=syntax)
          for name, syntax in codecs.items()),
        OddCase("transfer syntax", "JPEG-LS, called JPEG 2000", U12, finished["JPEG-LS"], called=uid.JPEG2000Lossless),
        OddCase("transfer syntax", "JPEG 2000, called JPEG-LS", U12, finished["JPEG 2000"], called=uid.JPEGLSLossless),
        OddCase("transfer syntax", "implicit, called explicit", U12, {"syntax": implicit}, called=explicit),
        OddCase("transfer syntax", "explicit, called implicit", U12, called=implicit),
        OddCase("transfer syntax", "explicit little endian, called big", U12, called=uid.ExplicitVRBigEndian),
        OddCase("transfer syntax", "explicit big endian, called little", U12, {"syntax": uid.ExplicitVRBigEndian},
                called=explicit),
        OddCase("transfer syntax", "not deflated, called deflated", U12, called=uid.DeflatedExplicitVRLittleEndian),
        OddCase("transfer syntax", "none named", U12, called=""),
        OddCase("transfer syntax", "JPEG-LS, none named", U12, finished["JPEG-LS"], called=""),
    ]  # fmt: skip


ODD_CASES = [*_polarity(), *_orientation(), *_tables(), *_bits(), *_windows(), *_missing(), *_syntaxes()]

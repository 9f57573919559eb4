"""Headers of a radiograph with known pixels are broken: is what is read still that radiograph?

Every input ends in one of four ways: the known picture, a picture with a remark, an error, or, silently, something
else. The pixel data stay as they are, since a file with other pixels is another radiograph, which no reader can tell.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from dicom_elements import mutated_header
from dicom_odd import GREY, OddCase, levels
from dicom_writing import compressed, lut
from fuzz_outcome import read_as_prediction
from pydicom import uid

from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.utils.errors import InputFileError

__all__ = ["ENDS", "REFUSED", "REMARKED", "RIGHT", "SILENT", "broken_header", "end_of", "meaning_seeds"]

RIGHT, REMARKED, REFUSED, SILENT = "read right", "read with a remark", "refused", "read silently wrong"
ENDS = (RIGHT, REMARKED, REFUSED, SILENT)

_ALIKE = 0.99  # correlation with the known picture
_ROUNDING = 0.01  # of the range, by which a darker pixel may become brighter than another
_SHOWN = 0.8  # correlation of a picture that a window clips, but whose order of grey values is kept


@cache
def meaning_seeds() -> tuple[bytes, ...]:
    """Return DICOM files of one radiograph, which all are read right and without a remark."""
    twelve, eight = levels(), levels(8).astype("u1")
    signed = (twelve.astype(np.int32) - 2048).astype("<i2")
    codecs = (uid.RLELossless, uid.JPEGLSLossless, uid.JPEG2000Lossless)
    plain = (uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian)
    table = (np.arange(4096) ** 0.9 * 2).astype(np.uint16)
    cases = [
        *(OddCase("", "", twelve, {"syntax": syntax}) for syntax in plain),
        *(OddCase("", "", twelve, {"finish": compressed(syntax)}) for syntax in codecs),
        OddCase("", "", eight, {"BitsStored": 8}),
        OddCase("", "", signed, {"BitsStored": 16, "SOPClassUID": uid.ComputedRadiographyImageStorage}),
        OddCase("", "", 4095 - twelve, {"PhotometricInterpretation": "MONOCHROME1"}),
        OddCase("", "", twelve, {"RescaleSlope": 2, "RescaleIntercept": -1000, "PixelSpacing": [0.2, 0.2]}),
        OddCase("", "", twelve, {"WindowCenter": [2048, 1500], "WindowWidth": [4096, 3000]}),
        OddCase("", "", twelve, {"VOILUTSequence": [lut(table, 0, 12)]}),
    ]
    with tempfile.TemporaryDirectory() as folder:
        return tuple(case.write(Path(folder)).read_bytes() for case in cases)


def broken_header(random: Random) -> bytes:
    """Return one of the seeds with its header changed, in elements or in bytes, and with its own pixel data."""
    return mutated_header(random.choice(meaning_seeds()), random)


def end_of(path: Path) -> str:
    """Return which of `ENDS` reading a file comes to.

    Raises
    ------
    FindingError
        When anything else came of the file.
    """
    radiograph = read_as_prediction(path)
    if isinstance(radiograph, InputFileError):
        return REFUSED
    if radiograph.remarks:
        return REMARKED
    return RIGHT if _is_known(radiograph) else SILENT


def _is_known(radiograph: Radiograph) -> bool:
    """Tell whether the picture, upright, is the known one, up to a grey scale that rises."""
    pixels = radiograph.turn.apply(radiograph.pixels)
    pixels = pixels.mean(axis=0) if pixels.ndim == 3 else pixels
    if pixels.shape != GREY.shape or np.ptp(pixels) == 0:
        return False
    correlation = float(np.corrcoef(pixels.ravel(), GREY.ravel())[0, 1])
    if correlation >= _ALIKE:
        return True
    rising = pixels.ravel()[np.argsort(GREY, axis=None, kind="stable")]
    falls = np.maximum.accumulate(rising) - rising
    return correlation >= _SHOWN and float(falls.max()) <= _ROUNDING * float(np.ptp(pixels))

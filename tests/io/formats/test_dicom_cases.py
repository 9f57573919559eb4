"""Every kind of DICOM file against the values that it was written from, and against two other decoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3", reason="pydicom 2 cannot write most of the encodings")

from dicom_cases import CASES, Case
from dicom_witness import HAS_DCMTK, deviation, read_by_dcmtk, read_by_gdcm

from monai_lungxfer.io.radiograph import read_radiograph

EXACT = 1 / 20_000
ROUNDED = 1 / 500  # DCMTK rounds after every step
LOSSY = 0.03


@pytest.fixture(params=CASES, ids=lambda case: f"{case.kind}-{case.name}")
def case(request: pytest.FixtureRequest) -> Case:
    if not request.param.is_writable():
        pytest.skip(f"{request.param.encoder[0]} of DCMTK is not installed")
    return request.param


def read(case: Case, path: Path) -> np.ndarray:
    return read_radiograph(path, "rgb" if case.kind == "colour" else "grey").pixels


def test_values(case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pixels = read(case, case.write(tmp_path))
    if case.encoder and case.tolerance:  # lossy, and DCMTK also spreads the values
        assert deviation(pixels, case.expected) <= LOSSY
        return
    np.testing.assert_allclose(pixels, case.expected, rtol=1e-5, atol=max(case.tolerance, 1e-3))
    told = [record for record in caplog.records if record.name.startswith("monai_lungxfer")]
    assert bool(told) == (case.warns or "first of use" in case.name)


def test_agrees_with_gdcm(case: Case, tmp_path: Path) -> None:
    if not case.gdcm:
        pytest.skip("GDCM leaves look-up tables and windows out")
    path = case.write(tmp_path)
    assert deviation(read(case, path), read_by_gdcm(path), case.compared) <= (LOSSY if case.tolerance else EXACT)


@pytest.mark.skipif(not HAS_DCMTK, reason="dcm2pnm of DCMTK is not installed")
def test_agrees_with_dcmtk(case: Case, tmp_path: Path) -> None:
    if not case.tool:
        pytest.skip("DCMTK decodes no JPEG 2000, and knows no LINEAR_EXACT")
    path = case.write(tmp_path)
    theirs = read_by_dcmtk(path, case.tool, case.dcmtk)
    assert deviation(read(case, path), theirs, case.compared) <= (LOSSY if case.tolerance else ROUNDED)


def test_deviation_tells_pictures_apart() -> None:
    picture = CASES[0].expected.astype(float)
    assert deviation(picture, 3 * picture - 5) < EXACT
    assert deviation(picture, picture[::-1]) > LOSSY
    assert deviation(picture, -picture) == np.inf
    assert deviation(picture, picture.T) == np.inf

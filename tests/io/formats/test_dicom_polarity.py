"""What a header says of the grey scale."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from monai_lungxfer.io.formats.dicom_polarity import attenuation, is_linear, is_reversed


@pytest.mark.parametrize(
    ("interpretation", "shape", "sign", "expected", "is_told"),
    [
        ("MONOCHROME2", None, None, False, False),
        ("MONOCHROME2", "IDENTITY", None, False, False),
        ("MONOCHROME1", None, None, True, False),
        ("MONOCHROME1", "INVERSE", None, True, False),
        ("MONOCHROME2", "INVERSE", None, True, True),
        ("MONOCHROME1", "IDENTITY", None, False, True),
        ("MONOCHROME2", None, 1, True, True),
        ("MONOCHROME1", None, 1, True, False),
        ("MONOCHROME2", None, -1, False, False),
        ("MONOCHROME1", None, -1, False, True),
    ],
)
def test_each_row_of_the_table(interpretation, shape, sign, expected, is_told) -> None:
    header, remarks = Dataset(), []
    if shape is not None:
        header.PresentationLUTShape = shape
    if sign is not None:
        header.PresentationIntentType, header.PixelIntensityRelationshipSign = "FOR PROCESSING", sign
    assert is_reversed(header, interpretation, remarks) is expected
    assert bool(remarks) == is_told


def test_linear_intensities_become_attenuation() -> None:
    header = Dataset()
    header.PresentationIntentType, header.PixelIntensityRelationshipSign = "FOR PROCESSING", 1
    assert not is_linear(header)
    header.PixelIntensityRelationship = "LIN"
    assert is_linear(header)
    thickness = np.linspace(0, 6, 7)
    intensity = (10_000 * np.exp(-thickness)).astype(np.float32)
    found = attenuation(intensity, 10_000)
    np.testing.assert_allclose(found, thickness * 10_000 / np.log(10_000), rtol=1e-4, atol=0.01)

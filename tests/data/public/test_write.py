"""Pixels of any range are brought into 16 bits."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.data.public.write import convert_to_16_bits


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0, 7], [65535, 3]], [[0, 7], [65535, 3]]),
        ([[-1000, 7], [3000, 3]], [[0, 1007], [4000, 1003]]),
        ([[70000, 70007], [70001, 70003]], [[0, 7], [1, 3]]),
        ([[0, 0.5], [1, 0.25]], [[0, 32768], [65535, 16384]]),
        ([[0, 131070], [2, 4]], [[0, 65535], [1, 2]]),
        ([[0.5, 0.5]], [[0, 0]]),
    ],
)
def test_convert_to_16_bits(values, expected):
    made = convert_to_16_bits(np.array(values, np.float32))
    assert made.dtype == np.uint16
    np.testing.assert_array_equal(made, expected)

"""Runs of painted regions; how they become masks is tested with the files that hold them."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.data.public.darwin_raster import decode_runs, painted_regions


def test_runs_are_the_values_of_the_pixels() -> None:
    np.testing.assert_array_equal(decode_runs([0, 2, 7, 3, 0, 0, 1, 1], 6), [0, 0, 7, 7, 7, 1])


def test_rows_come_one_after_the_other_and_layers_add_up() -> None:
    first = {"dense_rle": [0, 1, 1, 3, 2, 2], "mask_annotation_ids_mapping": {"a": 1, "b": 2}}
    second = {"dense_rle": [1, 1, 0, 5], "mask_annotation_ids_mapping": {"a": 1}}
    regions = painted_regions([{"raster_layer": first}, {"mask": {}}, {"raster_layer": second}], 2, 3)
    np.testing.assert_array_equal(regions["a"], [[True, True, True], [True, False, False]])
    np.testing.assert_array_equal(regions["b"], [[False, False, False], [False, True, True]])


def test_other_numbers_of_pixels_are_refused() -> None:
    with pytest.raises(ValueError, match="dense_rle has 5 pixels, and the image 6"):
        decode_runs([0, 5], 6)

"""The ceiling of a grid: what a drawn mask loses on its way there and back."""

from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.metrics.grid_ceiling import measure_ceiling, send_through_grid


def oval(height: int, width: int) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return (((rows - height * 0.4) / height * 3) ** 2 + ((columns - width * 0.6) / width * 4) ** 2 <= 1).astype(
        np.uint8
    )


def test_a_mask_of_the_grids_own_size_loses_nothing() -> None:
    found = measure_ceiling(oval(64, 64), (64, 64))
    assert {values["DICE_HARD"] for values in found.values()} == {1}
    assert {values["BIOU"] for values in found.values()} == {1}


def test_a_mask_comes_back_in_blocks_and_a_probability_smooth() -> None:
    truth = oval(320, 200)
    blocks, smooth = (send_through_grid(truth, (32, 20), way) for way in ("mask", "probability"))
    small = blocks[5::10, 5::10]
    np.testing.assert_array_equal(blocks, small.repeat(10, axis=0).repeat(10, axis=1))
    assert smooth.shape == truth.shape
    assert np.count_nonzero(smooth != truth) < np.count_nonzero(blocks != truth) / 2


def test_the_finer_grid_and_the_probability_keep_more() -> None:
    truth = oval(300, 400)
    coarse, fine = (measure_ceiling(truth, (side, side)) for side in (32, 128))
    for found in (coarse, fine):
        assert found["probability"]["DICE_HARD"] > found["mask"]["DICE_HARD"]
        assert found["probability"]["BIOU"] > found["mask"]["BIOU"]
    assert fine["mask"]["DICE_HARD"] > coarse["mask"]["DICE_HARD"]


def test_distances_are_in_mm_where_a_spacing_is_given() -> None:
    truth = oval(100, 100)
    pixels, mm = (measure_ceiling(truth, (16, 16), spacing)["mask"]["ASD"] for spacing in (None, (0.5, 0.5)))
    assert mm == pytest.approx(pixels / 2)


def test_another_way_is_refused() -> None:
    with pytest.raises(ValueError, match="mask, probability"):
        send_through_grid(oval(40, 40), (16, 16), "logit")

"""Windows that say nothing of the picture, and windows that do."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from monai_lungxfer.io.formats.dicom_display import choose_display
from monai_lungxfer.io.formats.dicom_pixels import _apply
from monai_lungxfer.synthetic.chest import chest_radiograph

GREY = chest_radiograph(np.random.default_rng(0), 300, 260, "normal")[0].astype(float)
TWELVE = np.rint(GREY / 255 * 4095).astype(np.uint16)
RANGE = np.array([0, 4095])


def shown(values: np.ndarray = TWELVE, padding: np.ndarray | None = None, **header: Any) -> tuple[np.ndarray, str]:
    dataset = Dataset()
    for keyword, value in header.items():
        setattr(dataset, keyword, value)
    remarks: list[str] = []
    step = choose_display(dataset, values, RANGE, padding, remarks)
    return np.asarray(step(values)), "; ".join(remarks)


@pytest.mark.parametrize("window", [(128, 256), (40, 400), (127, 255), (16000, 32000), (5000, 10)])
def test_a_stale_window_is_left_out_and_named(window: tuple[int, int]) -> None:
    pixels, remark = shown(WindowCenter=window[0], WindowWidth=window[1])
    if window == (16000, 32000):  # all is seen, if darkly
        assert np.corrcoef(pixels.ravel(), TWELVE.ravel())[0, 1] > 0.9999
        assert not remark
        return
    np.testing.assert_array_equal(pixels, TWELVE)
    assert remark == (
        f"its window {window[0]}/{window[1]} shows less than half of the picture; "
        "the full range of values is shown instead"
    )


def test_the_next_window_is_tried() -> None:
    pixels, remark = shown(WindowCenter=[40, 2048], WindowWidth=[400, 4096])
    assert remark == "its window 40/400 shows less than half of the picture; its window 2048/4096 is used instead"
    np.testing.assert_allclose(pixels, TWELVE, atol=2)


def test_a_stale_window_of_rescaled_values_is_left_out() -> None:
    pixels, remark = shown(RescaleSlope=-1, RescaleIntercept=4095, WindowCenter=128, WindowWidth=256)
    np.testing.assert_array_equal(pixels, 4095.0 - TWELVE)
    assert "128/256" in remark


@pytest.mark.parametrize("part", [(5, 95), (20, 90), (30, 90)])
def test_a_window_of_the_middle_is_used(part: tuple[int, int]) -> None:
    low, high = np.percentile(TWELVE, part)
    pixels, remark = shown(WindowCenter=(low + high) / 2, WindowWidth=high - low, VOILUTFunction="LINEAR_EXACT")
    np.testing.assert_allclose(pixels, np.clip((TWELVE - low) / (high - low), 0, 1) * 4095, atol=1e-6)
    assert not remark


def test_borders_and_padding_do_not_count() -> None:
    values = np.zeros((600, 520), np.uint16)
    values[:300, :260] = TWELVE // 2 + 500
    values[300:, 260:] = 4000
    window = {"WindowCenter": 1500, "WindowWidth": 2400}
    for padding in (None, values == 4000):
        pixels, remark = shown(values, padding, **window)
        assert not remark
        assert np.ptp(pixels[:300, :260]) > 3000


def test_a_picture_of_two_values_keeps_its_window() -> None:
    pixels, remark = shown(np.where(GREY > 99, 3000, 100), WindowCenter=1500, WindowWidth=1000)
    assert set(np.unique(pixels)) == {0, 4095}
    assert not remark


def test_a_window_without_its_width_is_told() -> None:
    pixels, remark = shown(WindowCenter=2048)
    np.testing.assert_array_equal(pixels, TWELVE)
    assert "WindowWidth" in remark


@pytest.mark.parametrize("kind", ["u1", "u2", "i2", ">i2", "i4"])
@pytest.mark.parametrize("size", [(40, 40), (500, 300)])  # fewer pixels than values, and more
def test_a_table_of_all_values_shows_what_each_pixel_would(kind: str, size: tuple[int, int]) -> None:
    ends = (np.iinfo(kind).min // 2, np.iinfo(kind).max // 2) if kind != "i4" else (-9000, 90000)
    stored = np.random.default_rng(0).integers(*ends, size).astype(kind)
    window = partial(np.interp, xp=[ends[0], 0.3 * ends[1], ends[1]], fp=[0, 7, 4095])
    np.testing.assert_array_equal(_apply(window, stored), window(stored).astype(np.float32))

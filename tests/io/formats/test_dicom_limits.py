"""Malformed grey-scale steps and padding, which are left out and reported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from monai_lungxfer.io.formats.dicom_lut import MALFORMED, modality_step, voi_steps
from monai_lungxfer.io.radiograph import read_radiograph

DicomWriter = Callable[..., Path]


def table(descriptor: list[int], data: list[int]) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", "US", data)
    return item


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"RescaleSlope": 0, "RescaleIntercept": 5}, "rescale slope is malformed"),
        ({"ModalityLUTSequence": [table([256, 0, 16], [1, 2, 3])]}, "modality LUT or rescale"),
        ({"ModalityLUTSequence": [table([4, 0, 40], [1, 2, 3, 4])]}, "modality LUT or rescale"),
        ({"ModalityLUTSequence": [Dataset()], "WindowCenter": 40, "WindowWidth": 9}, "modality LUT or rescale"),
        ({"VOILUTSequence": [table([256, 0, 16], [1, 2, 3])]}, "its VOI LUT is malformed"),
        ({"WindowCenter": 40, "WindowWidth": 9, "VOILUTFunction": "CUBIC"}, "its window 40/9 is malformed"),
        ({"VOILUTSequence": [table([2, 1000, 8], [7, 9])]}, "shows less than half of the picture; the full range"),
    ],
)
def test_malformed_steps_are_left_out(
    write_dicom: DicomWriter, picture: np.ndarray, caplog: pytest.LogCaptureFixture, attributes: dict, reason: str
) -> None:
    path = write_dicom(picture, **attributes)
    np.testing.assert_array_equal(read_radiograph(path).pixels, picture)
    assert reason in caplog.text


@pytest.mark.parametrize(
    ("given", "missing", "expected"),
    [
        ({"RescaleIntercept": 100}, "RescaleSlope, and 1", (1, 100)),
        ({"RescaleSlope": -2}, "RescaleIntercept, and 0", (-2, 0)),
    ],
)
def test_half_a_rescale_is_completed(
    write_dicom: DicomWriter, picture: np.ndarray, given: dict, missing: str, expected: tuple[int, int]
) -> None:
    radiograph = read_radiograph(write_dicom(picture, **given))
    np.testing.assert_array_equal(radiograph.pixels, picture * float(expected[0]) + expected[1])
    assert radiograph.remarks == (f"its header gives no usable {missing} was taken: look at the mask",)


def step_of(**attributes: Any) -> Callable:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    ((_, make),) = voi_steps(dataset, (0.0, 200.0), [])
    return make()


def test_window_of_one_step_is_a_threshold() -> None:
    step = step_of(WindowCenter=100, WindowWidth=1)
    # PS3.3, C.11.2.1.2.1: at most centre - 0.5 is the lowest, above that the highest.
    np.testing.assert_array_equal(step(np.array([99, 99.5, 100])), [0, 0, 200])
    with pytest.raises(MALFORMED):
        step_of(WindowCenter=100, WindowWidth=0.5)
    with pytest.raises(MALFORMED):
        step_of(WindowCenter="nan", WindowWidth=5)


def test_window_after_a_negative_slope_still_rises() -> None:
    dataset = Dataset()
    dataset.RescaleSlope, dataset.RescaleIntercept = -2, 10
    step, limits = modality_step(dataset, np.array([0, 255], np.uint8), [])
    assert limits == (-500, 10)
    assert step is not None
    np.testing.assert_array_equal(step(np.array([0, 255], np.uint8)), [10, -500])


@pytest.mark.parametrize("value", [900, -2000])
def test_signed_padding(write_dicom: DicomWriter, picture: np.ndarray, value: int) -> None:
    values = picture.astype(np.int16) + 7
    values[:, 50:] = value
    path = write_dicom(values, PixelPaddingValue=value)
    # Some write it as unsigned.
    path.write_bytes(path.read_bytes().replace(b"\x28\x00\x20\x01SS", b"\x28\x00\x20\x01US"))
    pixels = read_radiograph(path).pixels
    np.testing.assert_array_equal(pixels[:, :50], values[:, :50])
    np.testing.assert_array_equal(pixels[:, 50:], values[:, :50].min())


def test_padding_of_monochrome1_becomes_dark(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    values = 250 - picture // 2
    values[:, 50:] = 0  # would be white
    pixels = read_radiograph(write_dicom(values, PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0)).pixels
    np.testing.assert_array_equal(pixels[:, :50], 255.0 - values[:, :50])
    np.testing.assert_array_equal(pixels[:, 50:], 255.0 - values[:, :50].max())


def test_padding_with_more_bits_than_are_stored(write_dicom: DicomWriter, picture: np.ndarray) -> None:
    values = picture.astype(np.uint16) + 9
    values[30:] = 0xFFFF
    pixels = read_radiograph(write_dicom(values, BitsStored=12, PixelPaddingValue=0xFFFF)).pixels
    np.testing.assert_array_equal(pixels[30:], values[:30].min())


def test_a_picture_of_nothing_but_padding_stays_as_it_is(write_dicom: DicomWriter) -> None:
    values = np.full((40, 60), 77, np.uint8)
    np.testing.assert_array_equal(read_radiograph(write_dicom(values, PixelPaddingValue=77)).pixels, values)


def test_another_high_bit_is_reported(
    write_dicom: DicomWriter, picture: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_dicom(picture.astype(np.uint16), BitsStored=12)
    right = b"\x28\x00\x02\x01US\x02\x00\x0b\x00"
    assert path.read_bytes().count(right) == 1
    read_radiograph(path)
    assert "High Bit" not in caplog.text
    path.write_bytes(path.read_bytes().replace(right, right[:-2] + b"\x0f\x00"))
    np.testing.assert_array_equal(read_radiograph(path).pixels, picture)
    assert "High Bit is not Bits Stored - 1" in caplog.text


def test_a_table_cut_in_half_is_no_packed_table(
    write_dicom: DicomWriter, picture: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    curve = (16 * np.arange(256)).tolist()
    path = write_dicom(picture, VOILUTSequence=[table([256, 0, 12], curve[:128])])
    np.testing.assert_array_equal(read_radiograph(path).pixels, 16.0 * np.minimum(picture, 127))
    assert "128 of the 256 entries" in caplog.text

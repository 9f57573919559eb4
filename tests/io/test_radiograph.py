from __future__ import annotations

import logging
import pickle
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.io.radiograph import Radiograph, read_mask, read_radiograph
from monai_lungxfer.utils.errors import InputFileError

# --- radiographs ---


def test_grey_and_rgb(png: Path, colour: Path, grey: np.ndarray) -> None:
    assert read_radiograph(png).pixels.shape == (40, 60)
    np.testing.assert_array_equal(read_radiograph(png, "rgb").pixels, [grey, grey, grey])
    rgb = read_radiograph(colour, "rgb")
    np.testing.assert_array_equal(rgb.pixels, [grey, grey // 2, grey // 5])
    assert rgb.pixels.flags.c_contiguous
    assert (rgb.is_colour, read_radiograph(colour).is_colour, read_radiograph(png, "rgb").is_colour) == (
        True,
        True,
        False,
    )


def test_wrong_channels(png: Path) -> None:
    with pytest.raises(ValueError, match=r"'grey', 'rgb', .* or 'post', not 'gray'"):
        read_radiograph(png, "gray")  # type: ignore[arg-type]


def test_values_beyond_float32_are_reported(tmp_path: Path) -> None:
    values = np.ones((60, 40))
    values[3, 4] = 1e300
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "image.nii")
    with pytest.raises(InputFileError, match=r"infinity in 1 pixel\."):
        read_radiograph(tmp_path / "image.nii")


def test_real_images(shared_data: Path) -> None:
    path = next(iter(sorted((shared_data / "native" / "images").iterdir())))
    with Image.open(path) as image:
        np.testing.assert_array_equal(read_radiograph(path).pixels, np.asarray(image.convert("L")))
    path = next(iter(sorted((shared_data / "lgg" / "kaggle_3m").glob("TCGA_*/*_10.tif"))))
    with Image.open(path) as image:
        np.testing.assert_array_equal(read_radiograph(path, "rgb").pixels, np.moveaxis(np.asarray(image), -1, 0))


# --- masks ---


def assert_is(mask: np.ndarray, expected: np.ndarray) -> None:
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) <= {0, 1}
    np.testing.assert_array_equal(mask, expected)


@pytest.mark.parametrize("factor", [1, 255, 7])
def test_masks_of_two_levels(tmp_path: Path, mask: np.ndarray, factor: int) -> None:
    values = mask.astype(np.uint8) * np.uint8(factor)
    Image.fromarray(values).save(tmp_path / "mask.png")
    Image.fromarray(values).convert("RGBA").save(tmp_path / "rgba.png")
    Image.fromarray(values.astype(np.float32) / 255).save(tmp_path / "mask.tif")
    nib.save(nib.Nifti1Image(values.T, np.eye(4)), tmp_path / "mask.nii.gz")
    for name in ("mask.png", "rgba.png", "mask.tif", "mask.nii.gz"):
        assert_is(read_mask(tmp_path / name), mask)


def test_masks_of_one_bit_and_one_level(tmp_path: Path, mask: np.ndarray) -> None:
    Image.fromarray(mask).save(tmp_path / "bits.png")
    assert_is(read_mask(tmp_path / "bits.png"), mask)
    for level in (0, 1, 255):
        Image.fromarray(np.full((40, 60), level, np.uint8)).save(tmp_path / "level.png")
        assert_is(read_mask(tmp_path / "level.png"), np.full((40, 60), level > 0))


@pytest.mark.parametrize("quality", [30, 75, 98])
def test_jpeg_ringing_is_thresholded(
    tmp_path: Path, mask: np.ndarray, quality: int, caplog: pytest.LogCaptureFixture
) -> None:
    Image.fromarray(mask).convert("L").save(tmp_path / "mask.jpg", quality=quality)
    assert_is(read_mask(tmp_path / "mask.jpg"), mask)
    assert not caplog.messages


def test_jpeg_of_few_levels_near_two(tmp_path: Path, mask: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where edges meet the blocks of 8 x 8 pixels, JPEG leaves a handful of levels; 1 is background then."""
    levels = mask * np.float32(254)
    levels[0, 0], levels[20, 10] = 1, 255
    radiograph = Radiograph(levels, "jpeg")
    monkeypatch.setattr("monai_lungxfer.io.radiograph.read_radiograph", lambda path: radiograph)
    assert_is(read_mask(tmp_path / "mask.jpg"), mask)


def test_labels_are_all_foreground(tmp_path: Path, mask: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    labels = mask * np.uint8(127)
    labels[:, 32:] = mask[:, 32:] * np.uint8(255)
    Image.fromarray(labels).save(tmp_path / "labels.png")
    with caplog.at_level(logging.WARNING):
        assert_is(read_mask(tmp_path / "labels.png"), mask)
    assert f"{tmp_path / 'labels.png'}: the mask has the levels 0, 127, 255" in caplog.text


def test_smooth_edges_are_thresholded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ramp = np.tile(np.linspace(0, 200, 60).astype(np.uint8), (40, 1))
    Image.fromarray(ramp).save(tmp_path / "smooth.png")
    assert_is(read_mask(tmp_path / "smooth.png"), ramp > 100)
    assert not caplog.messages


def test_real_masks(shared_data: Path) -> None:
    path = next(iter(sorted((shared_data / "native" / "masks").iterdir())))
    with Image.open(path) as image:
        assert_is(read_mask(path), np.asarray(image))


def test_errors_can_be_sent_to_workers(tmp_path: Path) -> None:
    with pytest.raises(InputFileError) as caught:
        read_radiograph(tmp_path / "absent.png")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_library_is_imported_only_for_its_format(png: Path) -> None:
    heavy = ("monai", "nibabel", "openjpeg", "pydicom", "requests", "scipy", "torch")
    code = "import sys; from monai_lungxfer.io.radiograph import read_radiograph; read_radiograph(sys.argv[1])"
    code += f"; print(*sys.modules.keys() & {set(heavy)!r})"
    done = subprocess.run([sys.executable, "-c", code, str(png)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []

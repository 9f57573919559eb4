from __future__ import annotations

import logging
import pickle
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch, list_data_collate
from monai.transforms import Compose, Invertd, LoadImaged, Resized
from PIL import Image

from monai_lungxfer.io.radiograph import (
    MaskReader,
    Radiograph,
    RadiographReader,
    as_meta_tensor,
    read_mask,
    read_radiograph,
)
from monai_lungxfer.utils.errors import InputFileError


@pytest.fixture
def grey() -> np.ndarray:
    """8 bits, 40 rows and 60 columns, with a bright upper left corner."""
    values = np.add.outer(2 * np.arange(40), np.arange(60)).astype(np.uint8)
    values[:10, :15] = 250
    return values


@pytest.fixture
def mask() -> np.ndarray:
    """One lung on the left that reaches further down than the one on the right."""
    values = np.zeros((48, 64), bool)
    values[8:40, 8:24], values[8:32, 40:56] = True, True
    return values


@pytest.fixture
def png(tmp_path: Path, grey: np.ndarray) -> Path:
    Image.fromarray(grey).save(tmp_path / "grey.png")
    return tmp_path / "grey.png"


@pytest.fixture
def nifti(tmp_path: Path, grey: np.ndarray) -> Path:
    image = nib.Nifti1Image(grey.T.astype(np.int16) * 10, np.diag([0.2, 0.3, 1, 1]))
    image.header.set_xyzt_units("mm")
    nib.save(image, tmp_path / "grey.nii.gz")
    return tmp_path / "grey.nii.gz"


@pytest.fixture
def colour(tmp_path: Path, grey: np.ndarray) -> Path:
    Image.fromarray(np.stack([grey, grey // 2, grey // 5], axis=-1)).save(tmp_path / "colour.tif")
    return tmp_path / "colour.tif"


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
    with pytest.raises(ValueError, match="'grey' or 'rgb', not 'gray'"):
        read_radiograph(png, "gray")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'grey' or 'rgb', not 'gray'"):
        RadiographReader(channels="gray")  # type: ignore[arg-type]


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


# --- MONAI ---


def as_dict(meta: dict[str, Any]) -> dict[str, Any]:
    return {str(key): np.asarray(value).tolist() for key, value in meta.items()}


def test_metadata(png: Path, nifti: Path, colour: Path) -> None:
    reader = RadiographReader()
    pixels, meta = reader.get_data(reader.read(nifti))
    assert pixels.shape == (40, 60)
    assert meta["filename_or_obj"] == str(nifti)
    assert meta["spatial_shape"].tolist() == [40, 60]
    assert meta["original_channel_dim"] == "no_channel"
    np.testing.assert_allclose(meta["affine"], np.diag([0.3, 0.2, 1, 1]), rtol=1e-6)
    np.testing.assert_allclose(meta["pixel_spacing"], [0.3, 0.2], rtol=1e-6)
    assert meta["spacing_source"] == "pixdim"

    _, unknown = reader.get_data(reader.read(str(png)))
    assert np.isnan(unknown["pixel_spacing"]).all()
    assert unknown["spacing_source"] == ""
    np.testing.assert_array_equal(unknown["affine"], np.eye(4))

    reader = RadiographReader("rgb")
    pixels, meta = reader.get_data(reader.read([colour]))
    assert (pixels.shape, meta["original_channel_dim"], meta["spatial_shape"].tolist()) == ((3, 40, 60), 0, [40, 60])


@pytest.mark.parametrize("channels", ["grey", "rgb"])
@pytest.mark.parametrize("name", ["png", "nifti", "colour"])
def test_meta_tensor_from_memory_is_that_of_the_file(request: pytest.FixtureRequest, channels: Any, name: str) -> None:
    path = request.getfixturevalue(name)
    load = LoadImaged(keys="image", reader=RadiographReader, channels=channels, ensure_channel_first=True)
    loaded = load({"image": path})["image"]
    made = as_meta_tensor(read_radiograph(path, channels), path)
    assert isinstance(made, MetaTensor)
    assert made.shape == ((1, 40, 60) if channels == "grey" else (3, 40, 60))
    assert made.dtype == loaded.dtype == torch.float32
    assert torch.equal(made.as_tensor(), loaded.as_tensor())
    assert torch.equal(made.affine, loaded.affine)
    assert made.affine.dtype == loaded.affine.dtype
    np.testing.assert_equal(as_dict(made.meta), as_dict(loaded.meta))
    assert made.applied_operations == loaded.applied_operations


@pytest.mark.parametrize(
    "reader", [RadiographReader, RadiographReader("rgb"), "monai_lungxfer.io.radiograph.RadiographReader"]
)
def test_load_imaged_takes_class_instance_and_name(colour: Path, grey: np.ndarray, reader: Any) -> None:
    loaded = LoadImaged(keys="image", reader=reader, channels="rgb")({"image": str(colour)})["image"]
    np.testing.assert_array_equal(loaded.numpy(), [grey, grey // 2, grey // 5])


def test_mask_reader(tmp_path: Path, mask: np.ndarray) -> None:
    Image.fromarray(mask).save(tmp_path / "mask.png")
    load = LoadImaged(keys="label", reader="monai_lungxfer.io.radiograph.MaskReader", ensure_channel_first=True)
    label = load({"label": tmp_path / "mask.png"})["label"]
    np.testing.assert_array_equal(label.numpy(), mask[None])
    load = LoadImaged(keys="label", reader=MaskReader, dtype=None)
    assert load({"label": tmp_path / "mask.png"})["label"].dtype == torch.uint8


@pytest.mark.parametrize("workers", [0, 1])
def test_batches_and_inversion(png: Path, nifti: Path, mask: np.ndarray, tmp_path: Path, workers: int) -> None:
    """Files with and without a spacing, of different sizes, meet in one batch, and find back to their own size."""
    Image.fromarray(mask.astype(np.uint8) * 200).save(tmp_path / "other.png")
    load = Compose(
        [
            LoadImaged(keys="image", reader=RadiographReader, ensure_channel_first=True),
            Resized(keys="image", spatial_size=(32, 32), mode="nearest"),
        ]
    )
    records = [{"image": str(path)} for path in (png, nifti, tmp_path / "other.png")]
    loader = DataLoader(Dataset(records, load), batch_size=3, num_workers=workers, collate_fn=list_data_collate)
    (batch,) = loader
    assert batch["image"].shape == (3, 1, 32, 32)
    assert batch["image"].meta["pixel_spacing"].shape == (3, 2)
    batch["pred"] = batch["image"].clone()
    invert = Invertd(keys="pred", transform=load, orig_keys="image", nearest_interp=True)
    preds = [invert(item)["pred"] for item in decollate_batch(batch)]
    assert [tuple(pred.shape) for pred in preds] == [(1, 40, 60), (1, 40, 60), (1, 48, 64)]
    torch.testing.assert_close(preds[1].affine, torch.diag(torch.tensor([0.3, 0.2, 1, 1], dtype=torch.float64)))
    assert (preds[0][0, :8, :12] == 250).all()


def test_no_other_reader_takes_over(tmp_path: Path) -> None:
    """MONAI's own readers would read the NaN, and the first of several slices, without a word."""
    values = np.ones((60, 40), np.float32)
    values[0, 0] = np.nan
    nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / "nan.nii")
    nib.save(nib.Nifti1Image(np.ones((60, 40, 3), np.float32), np.eye(4)), tmp_path / "volume.nii")
    load = LoadImaged(keys="image", reader=RadiographReader)
    for name, problem in {"nan.nii": "NaN", "volume.nii": "3 slices", "absent.nii": "does not exist"}.items():
        with pytest.raises(InputFileError, match=problem):
            load({"image": str(tmp_path / name)})


def test_several_files_are_refused(png: Path) -> None:
    reader = RadiographReader()
    assert reader.verify_suffix("anything")
    with pytest.raises(InputFileError, match="2 files were given as one image"):
        reader.get_data(reader.read([png, png]))


def test_reader_and_errors_can_be_sent_to_workers(tmp_path: Path) -> None:
    assert pickle.loads(pickle.dumps(RadiographReader("rgb"))).channels == "rgb"
    with pytest.raises(InputFileError) as caught:
        read_radiograph(tmp_path / "absent.png")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)

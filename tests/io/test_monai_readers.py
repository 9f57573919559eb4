"""What MONAI's transforms and loaders get of radiographs and masks."""

from __future__ import annotations

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

from monai_lungxfer.io.monai_readers import MaskReader, RadiographReader, as_meta_tensor
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError


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
    "reader", [RadiographReader, RadiographReader("rgb"), "monai_lungxfer.io.monai_readers.RadiographReader"]
)
def test_load_imaged_takes_class_instance_and_name(colour: Path, grey: np.ndarray, reader: Any) -> None:
    loaded = LoadImaged(keys="image", reader=reader, channels="rgb")({"image": str(colour)})["image"]
    np.testing.assert_array_equal(loaded.numpy(), [grey, grey // 2, grey // 5])


def test_mask_reader(tmp_path: Path, mask: np.ndarray) -> None:
    Image.fromarray(mask).save(tmp_path / "mask.png")
    load = LoadImaged(keys="label", reader="monai_lungxfer.io.monai_readers.MaskReader", ensure_channel_first=True)
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


def test_wrong_channels() -> None:
    with pytest.raises(ValueError, match="'flair' or 'post', not 'gray'"):
        RadiographReader(channels="gray")  # type: ignore[arg-type]


def test_reader_can_be_sent_to_workers() -> None:
    assert pickle.loads(pickle.dumps(RadiographReader("rgb"))).channels == "rgb"

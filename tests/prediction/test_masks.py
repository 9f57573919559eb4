"""Masks on the disk, read back by other libraries: not shifted, mirrored or transposed, and with their spacing."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.data.radiograph import read_mask, read_radiograph
from monai_lungxfer.errors import OutputError
from monai_lungxfer.prediction.masks import save_mask

MASK = np.zeros((40, 60), np.uint8)
MASK[2:9, 5:11] = 1
MASK[20:, 48] = 1


def test_png(tmp_path) -> None:
    save_mask(tmp_path / "m.png", MASK)
    with Image.open(tmp_path / "m.png") as picture:
        assert picture.mode == "L"
        assert np.array_equal(np.asarray(picture), MASK * 255)
    assert np.array_equal(read_mask(tmp_path / "m.png"), MASK)


def test_nifti_by_nibabel(tmp_path) -> None:
    save_mask(tmp_path / "m.nii.gz", MASK, spacing=(0.2, 0.5))
    image = nib.load(tmp_path / "m.nii.gz")
    assert image.shape == (60, 40)
    assert image.get_data_dtype() == np.uint8
    assert np.array_equal(np.asarray(image.dataobj).T, MASK)
    assert np.allclose(image.affine, np.diag([-0.5, -0.2, 1, 1]))
    assert image.header.get_xyzt_units()[0] == "mm"
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (1, 1)


def test_nifti_by_itk(tmp_path) -> None:
    import itk

    save_mask(tmp_path / "m.nii.gz", MASK, spacing=(0.2, 0.5))
    image = itk.imread(str(tmp_path / "m.nii.gz"))
    assert image.GetImageDimension() == 2
    assert np.array_equal(itk.array_from_image(image), MASK)
    assert tuple(image.GetSpacing()) == pytest.approx((0.5, 0.2))
    assert np.allclose(np.asarray(image.GetDirection()), np.eye(2))


def test_nifti_by_our_reader(tmp_path) -> None:
    save_mask(tmp_path / "m.nii.gz", MASK, spacing=(0.2, 0.5))
    assert np.array_equal(read_mask(tmp_path / "m.nii.gz"), MASK)
    assert read_radiograph(tmp_path / "m.nii.gz").spacing == pytest.approx((0.2, 0.5))


def test_itk_writes_the_same_array_and_affine(tmp_path) -> None:
    import itk

    image = itk.image_from_array(MASK)
    image.SetSpacing((0.5, 0.2))
    itk.imwrite(image, str(tmp_path / "itk.nii.gz"))
    save_mask(tmp_path / "ours.nii.gz", MASK, spacing=(0.2, 0.5))
    theirs, ours = nib.load(tmp_path / "itk.nii.gz"), nib.load(tmp_path / "ours.nii.gz")
    assert np.allclose(ours.affine, theirs.affine)
    assert np.array_equal(np.asarray(ours.dataobj), np.asarray(theirs.dataobj))


def test_nifti_without_spacing_claims_no_unit(tmp_path) -> None:
    save_mask(tmp_path / "m.nii.gz", MASK)
    header = nib.load(tmp_path / "m.nii.gz").header
    assert header.get_xyzt_units()[0] == "unknown"
    assert tuple(header.get_zooms()) == (1, 1)


def test_the_same_mask_is_the_same_file(tmp_path) -> None:
    for name in ("a.nii.gz", "b.nii.gz"):
        save_mask(tmp_path / name, MASK, spacing=(0.2, 0.5))
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.nii.gz").read_bytes())[:4] == (348).to_bytes(4, "little")


def test_other_suffixes_and_unwritable_folders(tmp_path) -> None:
    with pytest.raises(ValueError, match=r"m\.jpg ends with none of"):
        save_mask(tmp_path / "m.jpg", MASK)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        save_mask(tmp_path / "file" / "m.png", MASK)

"""Masks on the disk, read back by other libraries: not shifted, mirrored or transposed, and with their spacing."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.data import MetaTensor
from monai.transforms import LoadImage, SaveImage
from PIL import Image

from monai_lungxfer.io.mask_writer import encode_png, save_mask
from monai_lungxfer.io.monai_readers import RadiographReader
from monai_lungxfer.io.monai_writer import MaskWriter
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.utils.errors import InputFileError, OutputError

MASK = np.zeros((40, 60), np.uint8)
MASK[2:9, 5:11] = 1
MASK[20:, 48] = 1


def test_png(tmp_path) -> None:
    save_mask(tmp_path / "m.png", MASK)
    with Image.open(tmp_path / "m.png") as picture:
        assert picture.mode == "L"
        assert np.array_equal(np.asarray(picture), MASK * 255)
    assert np.array_equal(read_mask(tmp_path / "m.png"), MASK)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (97, 61)])
def test_png_is_what_pillow_reads(shape: tuple[int, int]) -> None:
    for share in (0, 0.1, 0.9, 1):
        mask = (np.random.default_rng(1).random(shape) < share).astype(np.uint8)
        with Image.open(io.BytesIO(encode_png(mask))) as image:
            image.verify()  # the checksums
        with Image.open(io.BytesIO(encode_png(np.asfortranarray(mask)))) as image:
            assert image.mode == "L"
            assert np.array_equal(image, 255 * mask)


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


OBLIQUE = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.1, 0.2, 1.3) * (0.2, 0.3, 4), (50, -60, 7))
RAS = np.diag([0.2, 0.3, 1, 1])


def radiograph_like(
    path: Path, shape: tuple[int, ...], qform=None, sform=None, unit: str = "mm", kind: type = nib.Nifti1Image
) -> Path:
    """Write a radiograph of MASK's size, or as many pixels."""
    image = kind(np.zeros(shape, np.int16), None)
    image.header.set_zooms((0.2, 0.3, 4, 1)[: len(shape)])
    image.set_qform(qform, code=0 if qform is None else 1)
    image.set_sform(sform, code=0 if sform is None else 2)
    image.header.set_xyzt_units(unit)
    image.header["descrip"] = b"Smith, John"
    nib.save(image, path)
    return path


@pytest.mark.parametrize(("qform", "sform"), [(OBLIQUE, OBLIQUE), (RAS, None), (None, RAS), (RAS, OBLIQUE)])
@pytest.mark.parametrize("shape", [(60, 40), (60, 40, 1), (60, 40, 1, 1)])
def test_nifti_lies_where_its_radiograph_does(tmp_path, shape, qform, sform) -> None:
    path = radiograph_like(tmp_path / "x.nii", shape, qform, sform)
    save_mask(tmp_path / "m.nii.gz", MASK, (9, 9), path)
    mask, radiograph = nib.load(tmp_path / "m.nii.gz"), nib.load(path)
    assert (mask.shape, mask.get_data_dtype()) == (shape, np.uint8)
    assert np.array_equal(np.asarray(mask.dataobj).reshape(60, 40).T, MASK)
    assert np.array_equal(mask.affine, radiograph.affine)
    for ours, theirs in zip(_forms(mask), _forms(radiograph), strict=True):
        assert np.array_equal(ours, theirs)
    assert mask.header.get_zooms() == radiograph.header.get_zooms()
    assert b"Smith" not in gzip.decompress((tmp_path / "m.nii.gz").read_bytes())


def _forms(image: nib.Nifti1Image) -> list:
    return [image.get_qform(), image.header["qform_code"], image.get_sform(), image.header["sform_code"]]


@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("unit", ["unknown", "mm", "micron"])
def test_nifti_has_the_units_and_version_of_its_radiograph(tmp_path, kind, unit) -> None:
    path = radiograph_like(tmp_path / "x.nii.gz", (60, 40, 1), unit=unit, kind=kind)
    save_mask(tmp_path / "m.nii.gz", MASK, radiograph=path)
    mask = nib.load(tmp_path / "m.nii.gz")
    assert type(mask) is kind
    assert mask.header.get_xyzt_units()[0] == unit
    assert mask.header.get_zooms() == pytest.approx((0.2, 0.3, 4))


def test_nifti_of_a_radiograph_with_channels_has_none(tmp_path) -> None:
    path = radiograph_like(tmp_path / "x.nii", (60, 40, 1, 3))
    save_mask(tmp_path / "m.nii.gz", MASK, radiograph=path)
    assert nib.load(tmp_path / "m.nii.gz").shape == (60, 40, 1)


def test_nifti_is_as_without_a_radiograph_where_that_has_another_size_or_format(tmp_path) -> None:
    save_mask(tmp_path / "expected.nii.gz", MASK, (0.2, 0.5))
    save_mask(tmp_path / "x.png", MASK)
    for path in (tmp_path / "x.png", radiograph_like(tmp_path / "x.nii", (40, 60))):
        save_mask(tmp_path / "m.nii.gz", MASK, (0.2, 0.5), path)
        assert (tmp_path / "m.nii.gz").read_bytes() == (tmp_path / "expected.nii.gz").read_bytes()


def test_a_radiograph_that_is_gone_is_told(tmp_path) -> None:
    with pytest.raises(InputFileError, match=r"x\.nii: cannot be read any more"):
        save_mask(tmp_path / "m.nii.gz", MASK, radiograph=tmp_path / "x.nii")


def test_monai_saves_a_mask_where_its_radiograph_lies(tmp_path) -> None:
    path = radiograph_like(tmp_path / "x.nii", (60, 40, 1), sform=OBLIQUE)
    loaded = LoadImage(RadiographReader, ensure_channel_first=True, image_only=True)(path)
    save = SaveImage(tmp_path, "mask", ".nii.gz", separate_folder=False, writer=MaskWriter, resample=False)
    save(MetaTensor(MASK[None], meta=loaded.meta))
    mask = nib.load(tmp_path / "x_mask.nii.gz")
    assert np.array_equal(np.asarray(mask.dataobj)[..., 0].T, MASK)
    assert np.array_equal(mask.affine, nib.load(path).affine)


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

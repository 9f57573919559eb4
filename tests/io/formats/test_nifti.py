from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from monai_lungxfer.io.orientation import AS_STORED, UPSIDE_DOWN
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError


def save(values: np.ndarray, path: Path, affine: np.ndarray | None = None, unit: str = "mm", kind=nib.Nifti1Image):
    image = kind(values, np.eye(4) if affine is None else affine)
    image.header.set_xyzt_units(unit)
    nib.save(image, path)
    return path


@pytest.mark.parametrize("shape", [(60, 40), (60, 40, 1), (60, 40, 1, 1)])
@pytest.mark.parametrize("name", ["image.nii", "image.nii.gz"])
def test_first_index_is_the_column(tmp_path: Path, picture: np.ndarray, shape: tuple[int, ...], name: str) -> None:
    path = save(picture.T.reshape(shape), tmp_path / name, np.diag([-0.2, -0.3, 1, 1]))
    radiograph = read_radiograph(path)
    assert radiograph.format == "nifti"
    np.testing.assert_array_equal(radiograph.pixels, picture)  # the affine flips nothing
    assert radiograph.spacing == pytest.approx((0.3, 0.2))
    assert radiograph.spacing_source == "pixdim"


def test_version_2(tmp_path: Path, picture: np.ndarray) -> None:
    path = save(picture.T, tmp_path / "image.nii", kind=nib.Nifti2Image)
    np.testing.assert_array_equal(read_radiograph(path).pixels, picture)


@pytest.mark.parametrize(("unit", "spacing"), [("unknown", None), ("meter", (0.3, 0.2)), ("micron", (0.3, 0.2))])
def test_unit_of_the_spacing(tmp_path: Path, picture: np.ndarray, unit: str, spacing: tuple | None) -> None:
    scale = {"meter": 1e-3, "micron": 1e3}.get(unit, 1)
    affine = np.diag([0.2 * scale, 0.3 * scale, 1, 1])
    radiograph = read_radiograph(save(picture.T, tmp_path / "image.nii", affine, unit))
    assert radiograph.spacing == (spacing and pytest.approx(spacing))
    assert radiograph.spacing_source == (spacing and "pixdim")


UP, DOWN = (
    np.array([[-0.2, 0, 0, 50], [0, 0, 1, 0], [0, rows, 0, 0], [0, 0, 0, 1]]) for rows in (0.3, -0.3)
)  # of the rows of a frontal radiograph


@pytest.mark.parametrize(
    ("affine", "form", "is_told"),
    [
        (UP, "sform", True),
        (UP, "qform", True),
        (UP, None, False),  # which says nothing of the axes
        (DOWN, "sform", False),
        (np.eye(4), "sform", False),
        (np.diag([-0.2, -0.3, 1, 1]), "qform", False),
    ],
)
def test_a_header_by_which_rows_run_upwards_is_told(
    tmp_path: Path, picture: np.ndarray, caplog, affine: np.ndarray, form: str | None, is_told: bool
) -> None:
    image = nib.Nifti1Image(picture.T[:, :, None], None)
    if form is not None:
        getattr(image, f"set_{form}")(affine, code=1)
    nib.save(image, tmp_path / "x.nii.gz")
    radiograph = read_radiograph(tmp_path / "x.nii.gz", name="x.nii.gz")
    np.testing.assert_array_equal(radiograph.pixels, picture)
    assert radiograph.turn == (UPSIDE_DOWN if is_told else AS_STORED)
    assert [*caplog.messages] == [f"x.nii.gz: {remark}" for remark in radiograph.remarks]
    assert ["upside down" in remark for remark in radiograph.remarks] == [True] * is_told


@pytest.mark.parametrize(("signs", "is_turned"), [((-1, 1), True), ((-1, -1), False), ((1, 1), False)])
def test_without_codes_the_signs_tell_the_program(
    tmp_path: Path, picture: np.ndarray, signs: tuple[int, int], is_turned: bool
) -> None:
    """Of dcm2niix, which stores radiographs upside down, of ITK, and of MONAI."""
    affine = np.diag([0.2 * signs[0], 0.3 * signs[1], 1, 1])
    image = nib.Nifti1Image(picture.T[:, :, None], affine)
    image.set_sform(affine, code=0)
    image.set_qform(affine, code=0)
    nib.save(image, tmp_path / "x.nii.gz")
    assert read_radiograph(tmp_path / "x.nii.gz").turn == (UPSIDE_DOWN if is_turned else AS_STORED)


def test_a_header_whose_axes_make_no_sense_is_read(tmp_path: Path, picture: np.ndarray, caplog) -> None:
    image = nib.Nifti1Image(picture.T, None)
    image.header["qform_code"], image.header["quatern_b"] = 1, 3
    nib.save(image, tmp_path / "x.nii")
    np.testing.assert_array_equal(read_radiograph(tmp_path / "x.nii").pixels, picture)
    assert caplog.messages == []


def test_slope_and_intercept_are_applied(tmp_path: Path, picture: np.ndarray) -> None:
    image = nib.Nifti1Image(picture.T, np.eye(4))
    image.header.set_slope_inter(2.5, -100)
    nib.save(image, tmp_path / "image.nii.gz")
    np.testing.assert_array_equal(read_radiograph(tmp_path / "image.nii.gz").pixels, picture * 2.5 - 100)


def test_channels(tmp_path: Path, picture: np.ndarray) -> None:
    colours = np.stack([picture, picture // 2, picture // 5], axis=-1)
    path = save(np.swapaxes(colours, 0, 1)[:, :, None], tmp_path / "last.nii")
    np.testing.assert_array_equal(read_radiograph(path, "rgb").pixels, np.moveaxis(colours, -1, 0))

    records = np.zeros((60, 40), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    for index, name in enumerate("RGB"):
        records[name] = colours[..., index].T
    path = save(records, tmp_path / "records.nii")
    np.testing.assert_array_equal(read_radiograph(path, "rgb").pixels, np.moveaxis(colours, -1, 0))


@pytest.mark.parametrize(("shape", "slices"), [((60, 40, 3), 3), ((60, 40, 2, 3), 2), ((60, 40, 1, 5), 5)])
def test_volume_is_refused(tmp_path: Path, shape: tuple[int, ...], slices: int) -> None:
    path = save(np.zeros(shape, np.uint8), tmp_path / "volume.nii.gz")
    with pytest.raises(InputFileError, match=f"{slices} slices"):
        read_radiograph(path)


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    path = save(np.ones((60, 40), np.complex64), tmp_path / "complex.nii")
    with pytest.raises(InputFileError, match="complex numbers"):
        read_radiograph(path)


def test_one_dimension_is_refused(tmp_path: Path) -> None:
    path = save(np.ones(60, np.uint8), tmp_path / "line.nii")
    with pytest.raises(InputFileError, match="is not a picture"):
        read_radiograph(path)


def test_values_that_are_no_numbers_are_counted(tmp_path: Path, picture: np.ndarray) -> None:
    values = picture.T.astype(np.float32)
    values[3, 5], values[7, 9], values[8, 9] = np.nan, np.inf, -np.inf
    with pytest.raises(InputFileError, match="NaN or infinity in 3 pixels"):
        read_radiograph(save(values, tmp_path / "image.nii"))
    with pytest.raises(InputFileError, match="NaN or infinity in 3 pixels"):
        read_radiograph(save(values, tmp_path / "image.nii"), "rgb")


def test_what_stands_before_and_behind_the_pixels(tmp_path: Path, picture: np.ndarray) -> None:
    image = nib.Nifti1Image(picture.T, np.eye(4))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"text " * 1000))
    whole = image.to_bytes()
    for name, content in {"x.nii": whole, "x.nii.gz": gzip.compress(whole + bytes(512))}.items():
        (tmp_path / name).write_bytes(content)
        np.testing.assert_array_equal(read_radiograph(tmp_path / name).pixels, picture)
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(whole + bytes(2_000_000)))
    with pytest.raises(InputFileError, match="more than its header"):
        read_radiograph(tmp_path / "x.nii.gz")


def test_members_of_gzip_are_joined(tmp_path: Path, picture: np.ndarray) -> None:
    whole = nib.Nifti1Image(picture.T, np.eye(4)).to_bytes()
    (tmp_path / "x.nii.gz").write_bytes(gzip.compress(whole[:400]) + gzip.compress(whole[400:]))
    np.testing.assert_array_equal(read_radiograph(tmp_path / "x.nii.gz").pixels, picture)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 40), dtype=np.uint8)
    whole = save(noise, tmp_path / "whole.nii").read_bytes()
    compressed = bytearray(gzip.compress(whole))
    compressed[-6] ^= 1  # in the checksum, behind all the data
    damaged = {
        "short.nii": whole[:-10],
        "short.nii.gz": gzip.compress(whole)[:-200],
        "head.nii.gz": gzip.compress(whole)[:40],
        "checksum.nii.gz": bytes(compressed),
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputFileError):
            read_radiograph(tmp_path / name)


@pytest.mark.parametrize("name", ["image.nii", "image.nii.gz"])
def test_a_file_that_is_cut_off_is_refused_without_its_folder(tmp_path: Path, picture: np.ndarray, name: str) -> None:
    folder = tmp_path / "SMITH_JOHN"
    folder.mkdir()
    save(picture.T, folder / "image.nii")
    content = (folder / "image.nii").read_bytes()
    assert len(content) == 352 + 2400
    (folder / name).write_bytes(gzip.compress(content[:1000]) if name.endswith("gz") else content[:1000])
    with pytest.raises(InputFileError) as caught:
        read_radiograph(folder / name)
    assert "1000 of the 2752 bytes" in caught.value.problem

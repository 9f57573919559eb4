"""What holds for MetaImage and NRRD alike, against ITK as an independent reader of valid files."""

from __future__ import annotations

import itertools
import zlib
from pathlib import Path

import numpy as np
import pytest
from raster_writing import mha, nrrd

from monai_lungxfer.io.formats.attached import TURNED, parse_integers, parse_numbers
from monai_lungxfer.io.orientation import AS_STORED
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError

itk = pytest.importorskip("itk")

SUFFIXES = (".mha", ".nrrd")
TYPES = ("u1", "i1", "<u2", ">u2", "<i2", ">i2", "<i4", ">u4", "<f4", ">f4", "<f8")


def by_itk(path: Path) -> tuple[np.ndarray, tuple[float, float]]:
    """Return the values (H, W) or (H, W, channels) and the spacing of (rows, columns)."""
    image = itk.imread(str(path), itk.F)
    spacing = itk.spacing(image)
    values = itk.array_from_image(image)
    return values.reshape([side for side in values.shape if side > 1]), (spacing[1], spacing[0])


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("pack", [False, True])
def test_types_byte_orders_and_packing_are_those_of_itk(
    tmp_path: Path, picture: np.ndarray, kind: str, pack: bool
) -> None:
    values = (picture // 2).astype(kind)
    (tmp_path / "x.mha").write_bytes(mha(values, pack=pack, ElementSpacing="0.2 0.3"))
    (tmp_path / "x.nrrd").write_bytes(nrrd(values, pack=pack, spacings="0.2 0.3"))
    for suffix in SUFFIXES:
        radiograph = read_radiograph(tmp_path / f"x{suffix}")
        theirs, spacing = by_itk(tmp_path / f"x{suffix}")
        np.testing.assert_array_equal(radiograph.pixels, theirs)
        np.testing.assert_array_equal(radiograph.pixels, picture // 2)
        assert radiograph.spacing == pytest.approx(spacing)
        assert radiograph.spacing_source == "header"
        assert radiograph.turn == AS_STORED


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("compression", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.float32, np.float64])
def test_what_itk_writes(tmp_path: Path, picture: np.ndarray, suffix: str, compression: bool, dtype: type) -> None:
    for values in (picture.astype(dtype), picture.astype(dtype)[None]):
        image = itk.image_from_array(values)
        image.SetSpacing([0.2, 0.3, 1.0][: values.ndim])
        itk.imwrite(image, str(tmp_path / f"x{suffix}"), compression=compression)
        radiograph = read_radiograph(tmp_path / f"x{suffix}")
        np.testing.assert_array_equal(radiograph.pixels, picture)
        assert radiograph.format == {".mha": "metaimage", ".nrrd": "nrrd"}[suffix]
        assert radiograph.spacing == pytest.approx((0.3, 0.2))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_channels_are_those_of_itk(tmp_path: Path, picture: np.ndarray, suffix: str, channels: int) -> None:
    colours = np.stack([picture, picture // 2, picture // 5, picture // 7][:channels], axis=-1)
    itk.imwrite(itk.image_from_array(colours, is_vector=True), str(tmp_path / f"x{suffix}"))
    expected = colours[..., :1] if channels == 2 else colours[..., :3]
    pixels = read_radiograph(tmp_path / f"x{suffix}", "rgb").pixels
    np.testing.assert_array_equal(pixels, np.broadcast_to(np.moveaxis(expected, -1, 0), (3, 40, 60)))


def oriented(picture: np.ndarray, directions: np.ndarray, path: Path) -> np.ndarray:
    """Write one slice with ITK; return where it puts each pixel, (H, W, 3), to the patient's left, back and head."""
    image = itk.image_from_array(picture[None])
    image.SetSpacing((0.2, 0.3, 1.0))
    image.SetDirection(itk.matrix_from_array(directions.T.copy()))
    itk.imwrite(image, str(path))
    again = itk.imread(str(path), itk.UC)
    matrix = itk.array_from_matrix(again.GetDirection()) * np.array(itk.spacing(again))
    rows, columns = np.indices(picture.shape)
    return np.stack([columns, rows, np.zeros_like(rows)], axis=-1) @ matrix.T


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(("left", "head", "is_transposed"), itertools.product((1, -1), (1, -1), (False, True)))
def test_no_frontal_picture_stays_turned_or_mirrored(
    tmp_path: Path, picture: np.ndarray, suffix: str, left: int, head: int, is_transposed: bool
) -> None:
    first, second = np.array([left, 0.1, 0.05]), np.array([-0.05, 0.1, head])  # a little oblique
    directions = np.stack([second, first] if is_transposed else [first, second])
    directions = np.vstack([directions, np.cross(*directions)])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    places = oriented(picture, directions, tmp_path / f"x{suffix}")
    radiograph = read_radiograph(tmp_path / f"x{suffix}")
    np.testing.assert_array_equal(radiograph.pixels, picture)
    places = np.moveaxis(radiograph.turn.apply(np.moveaxis(places, -1, 0)), 0, -1)
    assert np.all(np.diff(places[..., 0], axis=1) > 0), "the patient's left is on the right side"
    assert np.all(np.diff(places[..., 2], axis=0) < 0), "the head is above"
    assert radiograph.remarks == ((TURNED,) if radiograph.turn else ())
    assert radiograph.spacing == pytest.approx((0.3, 0.2))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_other_planes_stay_as_they_are(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    for axes in itertools.permutations(np.eye(3)):
        if {tuple(axis) for axis in axes[:2]} == {(1, 0, 0), (0, 0, 1)}:
            continue  # the frontal plane
        oriented(picture, np.array(axes), tmp_path / f"x{suffix}")
        assert read_radiograph(tmp_path / f"x{suffix}").turn == AS_STORED


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_volumes_are_refused(tmp_path: Path, suffix: str) -> None:
    itk.imwrite(itk.image_from_array(np.zeros((5, 40, 60), np.uint8)), str(tmp_path / f"x{suffix}"))
    with pytest.raises(InputFileError, match="5 slices of 60 x 40"):
        read_radiograph(tmp_path / f"x{suffix}")


@pytest.mark.parametrize("pack", [False, True])
@pytest.mark.parametrize("change", [-500, -1, 1, 5000])
def test_other_lengths_are_refused(tmp_path: Path, picture: np.ndarray, pack: bool, change: int) -> None:
    values = np.random.default_rng(0).integers(0, 256, picture.shape, np.uint8)
    for name, content in {
        "x.mha": mha(values, pack=pack, CompressedDataSize=None),
        "x.nrrd": nrrd(values, pack=pack),
    }.items():
        (tmp_path / name).write_bytes(content[:change] if change < 0 else content + bytes(change))
        with pytest.raises(InputFileError, match=r"bytes of pixels|do not unpack|cannot be read"):
            read_radiograph(tmp_path / name)


@pytest.mark.parametrize("size", [2399, 2401, 10**7])
def test_pixels_that_unpack_to_another_length_are_refused(tmp_path: Path, picture: np.ndarray, size: int) -> None:
    head = mha(picture, pack=True, CompressedDataSize=None).partition(b"LOCAL\n")
    (tmp_path / "x.mha").write_bytes(head[0] + head[1] + zlib.compress(bytes(size)))
    with pytest.raises(InputFileError, match=r"do not unpack|bytes of pixels"):
        read_radiograph(tmp_path / "x.mha")


@pytest.mark.parametrize("side", [31, 0, 100_000, 4_294_967_295, 9_999_999_999])
def test_sizes_are_refused_before_anything_is_read(tmp_path: Path, picture: np.ndarray, side: int) -> None:
    (tmp_path / "x.mha").write_bytes(mha(picture, DimSize=f"{side} {side}"))
    (tmp_path / "x.nrrd").write_bytes(nrrd(picture, sizes=f"{side} {side}"))
    for suffix in SUFFIXES:
        with pytest.raises(InputFileError, match=f"too (small|large): {side} x {side}"):
            read_radiograph(tmp_path / f"x{suffix}")


def test_headers_end(tmp_path: Path) -> None:
    for name, start in {"x.mha": b"ObjectType = Image\n", "x.nrrd": b"NRRD0004\n"}.items():
        (tmp_path / name).write_bytes(start + b"# text\n" * 200_000 + b"\n")
        with pytest.raises(InputFileError, match="no end"):
            read_radiograph(tmp_path / name)


@pytest.mark.parametrize("text", ["", "1", "1 2 3", "-1 2", "1.5 2", "1_0 2", "x 2", "12345678901 2"])
def test_integers(tmp_path: Path, text: str) -> None:
    assert parse_integers(tmp_path, "sizes", "60 40", 2) == (60, 40)
    with pytest.raises(InputFileError, match="sizes in its header is malformed"):
        parse_integers(tmp_path, "sizes", text, 2)


@pytest.mark.parametrize("word", ["", "nan", "inf", "1e999", "0x10", "1_0", "١", "9" * 400])
def test_numbers(tmp_path: Path, word: str) -> None:
    assert parse_numbers(tmp_path, "spacings", ["-0.5", "1.e-2", ".25"], 3) == (-0.5, 0.01, 0.25)
    with pytest.raises(InputFileError, match="spacings in its header is malformed"):
        parse_numbers(tmp_path, "spacings", ["1", word], 2)

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from png_writing import png16
from tiff_writing import tiff_of

from monai_lungxfer.io.formats import decode
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError


@pytest.mark.parametrize(
    ("name", "dtype", "factor"),
    [
        ("grey8.png", np.uint8, 1),
        ("grey16.png", np.uint16, 257),
        ("grey8.tif", np.uint8, 1),
        ("grey16.tif", np.uint16, 257),
        ("float.tif", np.float32, 0.25),
        ("signed.tif", np.int32, -70_000),
    ],
)
def test_values_are_those_of_the_file(
    tmp_path: Path, picture: np.ndarray, name: str, dtype: type, factor: float
) -> None:
    values = (picture.astype(np.float64) * factor).astype(dtype)
    Image.fromarray(values).save(tmp_path / name)
    pixels = read_radiograph(tmp_path / name).pixels
    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, values.astype(np.float32))
    assert (pixels[0, 0], pixels[39, 59], pixels[0, 59]) == (250 * factor, 137 * factor, 59 * factor)


def set_sample_format(path: Path, before: int, after: int) -> None:
    """Change the tag SampleFormat (339, one number of 16 bits) in a little-endian TIFF file."""
    tag = struct.pack("<HHI", 339, 3, 1)
    content = path.read_bytes()
    assert content.count(tag + struct.pack("<H", before)) == 1
    path.write_bytes(content.replace(tag + struct.pack("<H", before), tag + struct.pack("<H", after)))


def test_unsigned_32_bits_do_not_turn_negative(tmp_path: Path, picture: np.ndarray) -> None:
    values = picture.astype(np.uint32) * 16_000_000
    Image.fromarray(values.view(np.int32)).save(tmp_path / "image.tif")
    set_sample_format(tmp_path / "image.tif", before=2, after=1)
    np.testing.assert_array_equal(read_radiograph(tmp_path / "image.tif").pixels, values.astype(np.float32))


def test_one_bit_is_0_and_1(tmp_path: Path, picture: np.ndarray) -> None:
    for name in ("bits.png", "bits.tif"):
        Image.fromarray(picture == 250).save(tmp_path / name)
        np.testing.assert_array_equal(read_radiograph(tmp_path / name).pixels, picture == 250)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_white_is_zero_is_inverted(tmp_path: Path, picture: np.ndarray, dtype: type) -> None:
    highest = np.iinfo(dtype).max
    # Pillow saves 8 bits inverted when it is told that white is zero, 16 bits as they are.
    values = picture.astype(dtype) if dtype == np.uint8 else highest - picture.astype(dtype)
    Image.fromarray(values).save(tmp_path / "white.tif", tiffinfo={262: 0})
    with Image.open(tmp_path / "white.tif") as image:
        assert image.tag_v2[262] == 0
    np.testing.assert_array_equal(read_radiograph(tmp_path / "white.tif").pixels, picture)


def test_jpeg_is_close(tmp_path: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "image.jpg", quality=98)
    radiograph = read_radiograph(tmp_path / "image.jpg")
    assert radiograph.format == "jpeg"
    assert np.abs(radiograph.pixels - picture).max() < 12


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_equal_channels_give_one_of_them_exactly(tmp_path: Path, picture: np.ndarray, mode: str) -> None:
    image = Image.fromarray(picture).convert(mode)
    if "A" in mode:
        image.putalpha(Image.fromarray(picture.T.copy()).resize((60, 40)))
    image.save(tmp_path / "image.png")
    radiograph = read_radiograph(tmp_path / "image.png")
    np.testing.assert_array_equal(radiograph.pixels, picture)
    assert not radiograph.is_colour


def test_colour_becomes_luma(tmp_path: Path, picture: np.ndarray) -> None:
    colours = np.stack([picture, picture // 2, picture // 5], axis=-1)
    Image.fromarray(colours).save(tmp_path / "image.png")
    radiograph = read_radiograph(tmp_path / "image.png")
    assert radiograph.is_colour
    expected = 0.299 * colours[..., 0] + 0.587 * colours[..., 1] + 0.114 * colours[..., 2]
    np.testing.assert_allclose(radiograph.pixels, expected, rtol=1e-5)


def test_palette_is_resolved(tmp_path: Path) -> None:
    indices = np.zeros((40, 60), np.uint8)
    indices[:10, :15] = 1
    image = Image.fromarray(indices).convert("P")
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.save(tmp_path / "palette.png")
    pixels = read_radiograph(tmp_path / "palette.png", "rgb").pixels
    assert pixels[:, 0, 0].tolist() == [200, 100, 50]
    assert pixels[:, 39, 59].tolist() == [10, 20, 30]


def test_slice_with_three_sequences_keeps_their_order(tmp_path: Path) -> None:
    sequences = np.zeros((256, 256, 3), np.uint8)
    sequences[:10, :, 0], sequences[:, :20, 1], sequences[-5:, :, 2] = 100, 150, 200
    Image.fromarray(sequences).save(tmp_path / "TCGA_CS_4941_19960909_1.tif")
    radiograph = read_radiograph(tmp_path / "TCGA_CS_4941_19960909_1.tif", "rgb")
    assert radiograph.pixels.shape == (3, 256, 256)
    np.testing.assert_array_equal(radiograph.pixels, np.moveaxis(sequences, -1, 0))


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_16_bits_of_colour_and_alpha_are_not_cut(
    tmp_path: Path, picture: np.ndarray, colour_type: int, channels: int
) -> None:
    grey = picture.astype(np.uint16) * 259
    values = np.stack([grey] * channels, axis=-1)
    if channels % 2 == 0:
        values[..., -1] = 65_535
    path = tmp_path / "image.png"
    path.write_bytes(png16(values, colour_type))
    np.testing.assert_array_equal(read_radiograph(path).pixels, grey)


def test_exif_orientation_is_applied(tmp_path: Path, picture: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the first row is the right side
    for name in ("photo.png", "photo.tif"):
        Image.fromarray(picture).save(tmp_path / name, exif=exif)
        np.testing.assert_array_equal(read_radiograph(tmp_path / name).pixels, np.rot90(picture, -1))
    Image.fromarray(picture).save(tmp_path / "photo.jpg", exif=exif, quality=98)
    pixels = read_radiograph(tmp_path / "photo.jpg").pixels
    assert pixels.shape == (60, 40)
    assert np.abs(pixels - np.rot90(picture, -1)).max() < 12


def test_broken_exif_is_no_hindrance(tmp_path: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "photo.jpg", exif=b"Exif\0\0garbage garbage")
    assert read_radiograph(tmp_path / "photo.jpg").pixels.shape == (40, 60)


def test_several_pages_are_refused(tmp_path: Path, picture: np.ndarray) -> None:
    page = Image.fromarray(picture)
    page.save(tmp_path / "pages.tif", save_all=True, append_images=[page, page])
    with pytest.raises(InputFileError, match="holds several pages"):
        read_radiograph(tmp_path / "pages.tif")


@pytest.mark.parametrize("name", ["image.jpg", "image.png", "image.tif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files_are_refused(tmp_path: Path, picture: np.ndarray, name: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (100, 140), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputFileError) as caught:
        read_radiograph(tmp_path / name)
    assert caught.value.source == str(tmp_path / name)
    assert caught.value.remedy


def test_damaged_png_is_refused(tmp_path: Path, picture: np.ndarray) -> None:
    # Not compressed, so that only the checksum tells the damage.
    Image.fromarray(picture).save(tmp_path / "image.png", compress_level=0)
    content = bytearray((tmp_path / "image.png").read_bytes())
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "image.png").write_bytes(bytes(content))
    with pytest.raises(InputFileError, match="checksum"):
        read_radiograph(tmp_path / "image.png")


def test_unknown_kind_of_tiff_is_refused(tmp_path: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture.astype(np.float32)).save(tmp_path / "image.tif")
    set_sample_format(tmp_path / "image.tif", before=3, after=6)  # complex floating point
    with pytest.raises(InputFileError, match="kind that is not read"):
        read_radiograph(tmp_path / "image.tif")


def test_tile(tmp_path: Path, picture: np.ndarray) -> None:
    tile = np.pad(picture, ((0, 24), (0, 4)))
    path = tmp_path / "tile.tif"
    tags = {"t273": None, "t278": None, "t279": None, "t324": 0, "t325": tile.size}
    path.write_bytes(tiff_of(60, 40, tile.tobytes(), t322=64, t323=64, **tags))
    np.testing.assert_array_equal(read_radiograph(path).pixels, picture)
    path.write_bytes(tiff_of(60, 40, tile.tobytes(), t322=16_000, t323=16_000, **tags))
    with pytest.raises(InputFileError, match="16000 x 16000"):
        read_radiograph(path)


def test_there_is_no_spacing(tmp_path: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "image.png", dpi=(72, 72))
    name, content = decode(tmp_path / "image.png")
    assert (name, content.spacing, content.spacing_source) == ("png", None, None)


def test_deep_colours_keep_every_bit(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for colour_type, channels in ((2, 3), (6, 4), (4, 2)):
        values = generator.integers(0, 65_536, (40, 60, channels)).astype(np.uint16)
        (tmp_path / "image.png").write_bytes(png16(values, colour_type))
        expected = values[..., 0] if channels == 2 else values[..., :3]
        np.testing.assert_array_equal(decode(tmp_path / "image.png")[1].pixels, expected)
    values = generator.integers(0, 65_536, (40, 60, 4)).astype("<u2")
    for channels, extra in ((3, {}), (4, {"t338": 0}), (4, {"t338": 1}), (4, {"t338": 2})):
        for compression, pack in ((1, bytes), (8, zlib.compress)):
            data = pack(np.ascontiguousarray(values[..., :channels]).tobytes())
            tags = {"t258": [16] * channels, "t259": compression, "t262": 2, "t277": channels} | extra
            (tmp_path / "image.tif").write_bytes(tiff_of(60, 40, data, **tags))
            np.testing.assert_array_equal(decode(tmp_path / "image.tif")[1].pixels, values[..., :3])


def test_deep_colours_that_itk_writes_or_that_are_turned(tmp_path: Path) -> None:
    itk = pytest.importorskip("itk")
    values = np.random.default_rng(1).integers(0, 65_536, (40, 60, 3)).astype(np.uint16)
    for suffix in (".png", ".tif"):
        itk.imwrite(itk.image_from_array(values, is_vector=True), str(tmp_path / f"image{suffix}"))
        np.testing.assert_array_equal(decode(tmp_path / f"image{suffix}")[1].pixels, values)
    turned = tiff_of(60, 40, values.astype("<u2").tobytes(), t258=[16] * 3, t262=2, t277=3, t274=6)
    (tmp_path / "turned.tif").write_bytes(turned)
    np.testing.assert_array_equal(decode(tmp_path / "turned.tif")[1].pixels, np.rot90(values, -1))


def test_deep_colours_of_other_kinds_are_refused(tmp_path: Path) -> None:
    tags = {"t258": [16] * 4, "t262": 5, "t277": 4}  # CMYK
    (tmp_path / "image.tif").write_bytes(tiff_of(60, 40, bytes(60 * 40 * 8), **tags))
    with pytest.raises(InputFileError, match="16 bits a sample in a colour space"):
        read_radiograph(tmp_path / "image.tif")


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA"])  # ITK reads no others
def test_bmp_is_that_of_itk(tmp_path: Path, picture: np.ndarray, mode: str) -> None:
    itk = pytest.importorskip("itk")
    colours = np.stack([picture, picture // 2, 255 - picture], axis=-1)
    Image.fromarray(colours if mode in ("P", "RGB", "RGBA") else picture).convert(mode).save(tmp_path / "x.bmp")
    theirs = itk.array_from_image(itk.imread(str(tmp_path / "x.bmp"), itk.RGBPixel[itk.UC]))
    ours = decode(tmp_path / "x.bmp")
    assert ours[0] == "bmp"
    pixels = ours[1].pixels
    np.testing.assert_array_equal(pixels if pixels.ndim == 3 else np.stack([pixels] * 3, axis=-1), theirs)


def test_bmp_of_16_bits_a_pixel(tmp_path: Path, picture: np.ndarray) -> None:
    """Which are six bits of green and five of the others, and no 16 bits a sample."""
    values = picture.astype("<u2") // 8
    pixels = (values << 11 | values << 6 | values)[::-1]  # from the bottom to the top
    fields = struct.pack("<IiiHHIIiiIIIII", 40, 60, 40, 1, 16, 3, pixels.nbytes, 0, 0, 0, 0, 0xF800, 0x7E0, 0x1F)
    head = struct.pack("<2sIHHI", b"BM", 14 + len(fields) + pixels.nbytes, 0, 0, 14 + len(fields))
    (tmp_path / "x.bmp").write_bytes(head + fields + pixels.tobytes())
    pixels = decode(tmp_path / "x.bmp")[1].pixels
    np.testing.assert_allclose(pixels, np.stack([picture] * 3, axis=-1), atol=9)


def test_run_lengths_of_bmp_are_refused(tmp_path: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "x.bmp")
    content = (tmp_path / "x.bmp").read_bytes()
    (tmp_path / "x.bmp").write_bytes(content[:30] + struct.pack("<I", 1) + content[34:])
    with pytest.raises(InputFileError, match="run-length encoded"):
        read_radiograph(tmp_path / "x.bmp")


def test_a_text_is_no_bmp(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("BMW and other makers, in a text that is long enough to be a header of something")
    with pytest.raises(InputFileError, match="not an image of a known format"):
        read_radiograph(tmp_path / "x.txt")

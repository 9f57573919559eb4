from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError

itk = pytest.importorskip("itk")


def save(values: np.ndarray, path: Path, spacing: tuple[float, ...] | None = None, *, is_vector: bool = False) -> Path:
    image = itk.image_from_array(values, is_vector=is_vector)
    if spacing:
        image.SetSpacing(spacing)
    itk.imwrite(image, str(path))
    return path


@pytest.mark.parametrize("suffix", [".mha", ".mhd", ".nrrd", ".bmp"])
def test_values(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    radiograph = read_radiograph(save(picture, tmp_path / f"image{suffix}"))
    assert radiograph.format == "itk"
    np.testing.assert_array_equal(radiograph.pixels, picture)
    assert (radiograph.spacing, radiograph.spacing_source) == (None, None)  # ITK's 1 mm means that none is known


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32, np.float64])
def test_types_and_spacing(tmp_path: Path, picture: np.ndarray, dtype: type) -> None:
    radiograph = read_radiograph(save(picture.astype(dtype) * 100, tmp_path / "image.mha", (0.2, 0.3)))
    np.testing.assert_array_equal(radiograph.pixels, picture * 100.0)
    assert radiograph.spacing == pytest.approx((0.3, 0.2))
    assert radiograph.spacing_source == "header"


def test_one_slice_of_three_dimensions(tmp_path: Path, picture: np.ndarray) -> None:
    np.testing.assert_array_equal(read_radiograph(save(picture[None], tmp_path / "slice.nrrd")).pixels, picture)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_channels(tmp_path: Path, picture: np.ndarray, dtype: type) -> None:
    colours = np.stack([picture, picture // 2, picture // 5], axis=-1).astype(dtype)
    path = save(colours, tmp_path / "image.mha", is_vector=True)
    np.testing.assert_array_equal(read_radiograph(path, "rgb").pixels, np.moveaxis(colours, -1, 0))


def test_alpha_is_dropped(tmp_path: Path, picture: np.ndarray) -> None:
    path = save(np.stack([picture, picture.max() - picture], axis=-1), tmp_path / "image.mha", is_vector=True)
    np.testing.assert_array_equal(read_radiograph(path).pixels, picture)


def test_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="5 slices"):
        read_radiograph(save(np.zeros((5, 40, 60), np.uint8), tmp_path / "volume.mha"))


def test_too_many_channels_are_refused(tmp_path: Path) -> None:
    header = b"NRRD0004\ntype: uchar\ndimension: 3\nsizes: 6 60 40\nkinds: vector domain domain\nencoding: raw\n\n"
    (tmp_path / "image.nrrd").write_bytes(header + bytes(6 * 60 * 40))
    with pytest.raises(InputFileError, match="6 components"):
        read_radiograph(tmp_path / "image.nrrd")


def test_truncated_file_is_refused(tmp_path: Path, picture: np.ndarray) -> None:
    path = save(picture, tmp_path / "image.nrrd")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputFileError, match="is damaged"):
        read_radiograph(path)


def test_warnings_are_off_inside_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    read = itk.imread
    monkeypatch.setattr(
        itk, "imread", lambda *args, **more: shown.append(itk.Object.GetGlobalWarningDisplay()) or read(*args, **more)
    )
    path = save(np.zeros((40, 60), np.uint8), tmp_path / "image.mha")
    assert itk.Object.GetGlobalWarningDisplay()
    read_radiograph(path)
    assert shown == [False]
    assert itk.Object.GetGlobalWarningDisplay()


@pytest.mark.parametrize("suffix", [".vtk", ".gipl", ".h5", ".mrc"])
def test_other_formats_of_itk_are_not_read(tmp_path: Path, picture: np.ndarray, suffix: str) -> None:
    with pytest.raises(InputFileError, match=r"no image of a known format|is in HDF5 format, which is not read"):
        read_radiograph(save(picture, tmp_path / f"image{suffix}"))


def test_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("This is no picture.", encoding="utf-8")
    with pytest.raises(InputFileError, match=r"no image of a known format|is in HDF5 format, which is not read"):
        read_radiograph(tmp_path / "text.png")
    assert itk.Object.GetGlobalWarningDisplay()

"""What holds for every format."""

from __future__ import annotations

import gzip
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import raster_writing
from PIL import Image

from monai_lungxfer.io.formats import check_is_file, decode, nrrd
from monai_lungxfer.io.formats import picture as pictures
from monai_lungxfer.io.formats.colour import is_coloured, to_grey
from monai_lungxfer.io.formats.picture import MAX_BYTES, MAX_PIXELS, check_size, row_blocks, valid_spacing
from monai_lungxfer.io.formats.quiet import quiet
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError

DicomWriter = Callable[..., Path]


WRITERS: dict[str, Callable[[np.ndarray, Path], None]] = {
    "png": lambda values, path: Image.fromarray(values).save(path, "PNG"),
    "tiff": lambda values, path: Image.fromarray(values).save(path, "TIFF", compression="tiff_lzw"),
    "nifti": lambda values, path: nib.save(nib.Nifti1Image(values.T, np.eye(4)), path),
    "metaimage": lambda values, path: path.write_bytes(raster_writing.mha(values)),
    "nrrd": lambda values, path: path.write_bytes(raster_writing.nrrd(values)),
}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_same_picture_from_every_format(
    tmp_path: Path, picture: np.ndarray, write_dicom: DicomWriter, dtype: type
) -> None:
    values = picture.astype(dtype) * dtype(257 if dtype == np.uint16 else 1)
    WRITERS["png"](values, tmp_path / "png")
    WRITERS["tiff"](values, tmp_path / "tiff")
    WRITERS["nifti"](values, tmp_path / "image.nii.gz")
    (tmp_path / "image.nii.gz").rename(tmp_path / "nifti")
    write_dicom(values, "dicom")
    WRITERS["metaimage"](values, tmp_path / "metaimage")
    WRITERS["nrrd"](values, tmp_path / "nrrd")
    for name in (*WRITERS, "dicom"):
        radiograph = read_radiograph(tmp_path / name)
        assert radiograph.format == name
        np.testing.assert_array_equal(radiograph.pixels, values)
        assert radiograph.pixels.flags.c_contiguous
        assert radiograph.pixels.dtype == np.float32


def test_content_counts_and_not_the_name(tmp_path: Path, picture: np.ndarray) -> None:
    Image.fromarray(picture).save(tmp_path / "image.dcm", "PNG")
    assert decode(tmp_path / "image.dcm")[0] == "png"
    (tmp_path / "archive.nii.gz").write_bytes(gzip.compress((tmp_path / "image.dcm").read_bytes()))
    with pytest.raises(InputFileError, match="not an image of a known format"):
        decode(tmp_path / "archive.nii.gz")


@pytest.mark.parametrize(("height", "width"), [(1, 1), (31, 60), (60, 31)])
def test_too_small(tmp_path: Path, write_dicom: DicomWriter, height: int, width: int) -> None:
    values = np.zeros((height, width), np.uint8)
    WRITERS["png"](values, tmp_path / "image.png")
    WRITERS["nifti"](values, tmp_path / "image.nii")
    WRITERS["metaimage"](values, tmp_path / "image.mha")
    write_dicom(values)
    for name in ("image.png", "image.nii", "image.mha", "image.dcm"):
        with pytest.raises(InputFileError, match=f"too small: {width} x {height} pixels") as caught:
            read_radiograph(tmp_path / name)
        assert "32 pixels" in str(caught.value.remedy)


def test_too_large_by_the_header(
    tmp_path: Path, picture: np.ndarray, write_dicom: DicomWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MAX_PIXELS", picture.size - 1)
    WRITERS["png"](picture, tmp_path / "image.png")
    WRITERS["tiff"](picture, tmp_path / "image.tif")
    WRITERS["nifti"](picture, tmp_path / "image.nii")
    WRITERS["metaimage"](picture, tmp_path / "image.mha")
    write_dicom(picture, PixelData=b"")
    for name in ("image.png", "image.tif", "image.nii", "image.mha", "image.dcm"):
        with pytest.raises(InputFileError, match="too large: 60 x 40 pixels"):
            read_radiograph(tmp_path / name)


def test_large_films_are_within_the_limit(tmp_path: Path) -> None:
    check_size(tmp_path, 9000, 12_000)
    check_size(tmp_path, MAX_PIXELS // 1000, 1000)
    with pytest.raises(InputFileError, match="too large"):
        check_size(tmp_path, MAX_PIXELS // 1000 + 1, 1000)


def test_too_many_bytes_a_pixel(tmp_path: Path) -> None:
    check_size(tmp_path, 10_000, 10_000, bytes_each=6)
    with pytest.raises(InputFileError, match="too large: over 600 MB"):
        check_size(tmp_path, 10_001, 10_000, bytes_each=6)


def test_large_files_are_not_opened(tmp_path: Path) -> None:
    for name in ("image.png", "image.dcm", "image"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(MAX_BYTES + 1)  # takes no space on the disk
        with pytest.raises(InputFileError, match="too large: over 600 MB"):
            read_radiograph(tmp_path / name)


def test_pillows_own_limit_is_neither_used_nor_changed(
    tmp_path: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    WRITERS["png"](picture, tmp_path / "image.png")
    WRITERS["tiff"](picture, tmp_path / "image.tif")
    for limit, names in {picture.size - 1: ("image.png", "image.tif"), 100: ("image.png",)}.items():
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)  # a warning above it, an error above twice as much
        for name in names:
            np.testing.assert_array_equal(read_radiograph(tmp_path / name).pixels, picture)
        assert limit == Image.MAX_IMAGE_PIXELS
    assert not recwarn.list


@pytest.mark.parametrize(
    "content",
    [b"not a picture", bytes(1000), b"\x08\x00" + bytes(range(256)) * 4, bytes(128) + b"DICM" + bytes(range(256))],
)
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    for name in ("file.png", "file.dcm", "file"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputFileError) as caught:
            read_radiograph(tmp_path / name)
        assert caught.value.source == str(tmp_path / name)
        assert caught.value.remedy


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    for name, problem in {
        "": "is a folder",
        "absent.png": "does not exist",
        "empty.png": r"is empty \(0 bytes\)",
    }.items():
        with pytest.raises(InputFileError, match=problem):
            read_radiograph(tmp_path / name)
        with pytest.raises(InputFileError, match=problem):
            read_radiograph(str(tmp_path / name))


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for read in (read_radiograph, check_is_file):
        with pytest.raises(InputFileError, match="not a file"):
            read(tmp_path / "pipe.png")


def test_any_exception_of_a_decoder_becomes_ours(
    tmp_path: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"NRRD0004\n")

    def fail(path: Path) -> None:
        raise errors.pop()

    errors = [MemoryError(), ZeroDivisionError("a " + "very " * 100 + "long text"), PermissionError(13, "not allowed")]
    monkeypatch.setattr(nrrd, "decode", fail)
    with pytest.raises(InputFileError, match="not allowed"):
        read_radiograph(tmp_path / "file")
    with pytest.raises(InputFileError, match=r"cannot be read \(a very .*\[\.\.\.\]\)") as caught:
        read_radiograph(tmp_path / "file")
    assert len(caught.value.problem) < 250
    with pytest.raises(InputFileError, match="memory"):
        read_radiograph(tmp_path / "file")


@pytest.mark.parametrize("is_relative", [False, True])
def test_a_librarys_text_with_the_path_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_relative: bool
) -> None:
    folder = tmp_path / "SMITH_JOHN"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    (folder / "file").write_bytes(b"NRRD0004\n")
    monkeypatch.chdir(tmp_path)
    shown = Path("link") if is_relative else tmp_path / "link"

    def fail(path: Path) -> None:
        raise ValueError(errors.pop())

    paths = (shown / "file", tmp_path / "link" / "file", folder / "file", folder)
    errors = ["bad magic number"] + [f"got 3 bytes from {path}" for path in paths]
    monkeypatch.setattr(nrrd, "decode", fail)
    for _ in paths:
        with pytest.raises(InputFileError) as caught:
            decode(shown / "file")
        assert caught.value.problem == "cannot be read (ValueError)"
    with pytest.raises(InputFileError, match="bad magic number"):
        decode(shown / "file")


def test_panic_of_a_decoder_in_rust_becomes_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})
    (tmp_path / "file").write_bytes(b"NRRD0004\n")

    def fail(path: Path) -> None:
        raise errors.pop()

    errors = [KeyboardInterrupt(), panic("index out of bounds")]
    monkeypatch.setattr(nrrd, "decode", fail)
    with pytest.raises(InputFileError, match="index out of bounds"):
        read_radiograph(tmp_path / "file")
    with pytest.raises(KeyboardInterrupt):
        read_radiograph(tmp_path / "file")


def test_chroma_noise_is_no_colour() -> None:
    generator = np.random.default_rng(0)
    grey = generator.integers(10, 246, (100, 80, 1), dtype=np.uint8)
    grey[0, 0] = 255
    noisy = grey + generator.integers(0, 9, (100, 80, 3), dtype=np.uint8) * (grey < 247)
    assert not is_coloured(noisy)
    noisy[90, 70] = [100, 109, 100]
    assert is_coloured(noisy)
    np.testing.assert_allclose(to_grey(noisy)[90, 70], 100 + 9 * 0.587, rtol=1e-6)


def test_colour_beyond_the_first_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_BLOCK", 7 * 80)
    colours = np.full((100, 80, 3), 100, np.uint8)
    colours[-1, -1] = [200, 0, 100]
    assert is_coloured(colours)
    assert to_grey(colours)[-1, -1] == pytest.approx(200 * 0.299 + 11.4)
    assert to_grey(colours)[0, 0] == pytest.approx(100)


def test_row_blocks_cover_every_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_BLOCK", 100)
    rows = [row for block in row_blocks(23, 30) for row in range(23)[block]]
    assert rows == list(range(23))
    assert len(list(row_blocks(23, 30))) == 8
    assert len(list(row_blocks(5, 1000))) == 5


def test_valid_spacing() -> None:
    assert valid_spacing("0.3", 0.2) == (0.3, 0.2)
    nonsense = [(1, 1e-7), (1e7, 1), (1e-320, 1e-320), (1e300, 1e300)]  # whose areas are 0 or infinite
    for row, column in [(0, 1), (1, -1), (float("nan"), 1), (1, float("inf")), (None, 1), ("x", 1), *nonsense]:
        assert valid_spacing(row, column) is None


def test_quiet_is_quiet_only_inside(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("pydicom")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet():
            warnings.warn("inside", stacklevel=1)
            logger.warning("inside")
        warnings.warn("outside", stacklevel=1)
        logger.warning("outside")
    assert [str(warning.message) for warning in caught] == ["outside"]
    assert caplog.messages == ["outside"]


def test_threads_that_are_quiet_together_leave_the_filters_as_they_were() -> None:
    before = list(warnings.filters)
    first_is_in, second_is_in, first_is_out = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with quiet():
            first_is_in.set()
            second_is_in.wait(5)
        first_is_out.set()

    def second() -> None:
        first_is_in.wait(5)
        with quiet():
            second_is_in.set()
            first_is_out.wait(5)

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(warnings.filters) == before

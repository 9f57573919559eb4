"""Pixel data in another transfer syntax than the header names, in every pair of two: known by their bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3", reason="pydicom 2 cannot write most of the encodings")

from dicom_cases import CASES, Case
from dicom_elements import renamed
from dicom_writing import compressed, write
from pydicom import uid
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate, generate_frames

from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.synthetic.chest import chest_radiograph
from monai_lungxfer.utils.errors import InputFileError

GREY = np.rint(chest_radiograph(np.random.default_rng(0), 90, 80, "normal")[0] * 16.0).astype(np.uint16)
PLAIN = (
    *(uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian),
    uid.DeflatedExplicitVRLittleEndian,
)
CALLED = (
    *(*PLAIN, uid.RLELossless, uid.JPEGBaseline8Bit, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000Lossless),
    *(uid.HTJ2K, "1.2.840.113619.5.2", "1.2.3", ""),
)
ALIKE = {
    "JPEG-LS near-lossless": {uid.JPEGLSLossless},
    "JPEG 2000 lossy": {uid.JPEG2000Lossless},
    "JPEG lossless, process 14": {uid.JPEGLosslessSV1},
}
"""Of encodings that are not in the list: the names that fit, since one decoder reads both."""

ENCODINGS = [case for case in CASES if case.kind == "encoding"]


@pytest.mark.parametrize("case", ENCODINGS, ids=lambda case: case.name)
def test_every_pair(case: Case, tmp_path: Path) -> None:
    if not case.is_writable():
        pytest.skip("DCMTK is not installed")
    path = case.write(tmp_path)
    content, truth = path.read_bytes(), read_radiograph(path)
    right, _ = renamed(content, "")
    assert truth.remarks == ()
    for syntax in CALLED:
        path.write_bytes(renamed(content, syntax)[1])
        found = read_radiograph(path)
        np.testing.assert_array_equal(found.pixels, truth.pixels)
        if syntax in {right} | ALIKE.get(case.name, set()):
            assert found.remarks == ()
        else:
            assert found.remarks
            assert all("its header names" in remark and "was read so" in remark for remark in found.remarks)
            assert "1.2.3" not in str(found.remarks)


@pytest.mark.parametrize("syntax", [uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.RLELossless])
@pytest.mark.parametrize("name", [uid.ExplicitVRLittleEndian, uid.JPEGLSLossless])
def test_a_codestream_without_items(syntax: str, name: str, tmp_path: Path) -> None:
    def bare(dataset: FileDataset, values: np.ndarray) -> None:
        compressed(syntax)(dataset, values)
        frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
        dataset.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        dataset.PixelData = frame + bytes(len(frame) % 2)
        dataset["PixelData"].is_undefined_length = False

    path = write(tmp_path / "x", GREY, BitsStored=12, finish=bare)
    path.write_bytes(renamed(path.read_bytes(), name)[1])
    radiograph = read_radiograph(path)
    np.testing.assert_array_equal(radiograph.pixels, GREY)
    assert bool(radiograph.remarks) == (syntax != name)


def test_uncompressed_pixels_in_an_item(tmp_path: Path) -> None:
    def wrapped(dataset: FileDataset, values: np.ndarray) -> None:
        dataset.PixelData = encapsulate([values.tobytes()])

    path = write(tmp_path / "x", GREY, BitsStored=12, finish=wrapped)
    np.testing.assert_array_equal(read_radiograph(path).pixels, GREY)


@pytest.mark.parametrize("start", [b"\xfe\xff\x00\xe0\0\0\0\0", b"\xff\xd8\xff\xc0", b"\xff\x4f\xff\x51"])
def test_pixels_that_begin_like_something_else(start: bytes, tmp_path: Path) -> None:
    stored = GREY.astype("<u2")
    stored.ravel().view(np.uint8)[: len(start)] = np.frombuffer(start, np.uint8)
    radiograph = read_radiograph(write(tmp_path / "x", stored))
    np.testing.assert_array_equal(radiograph.pixels, stored)
    assert radiograph.remarks == ()


def test_what_is_in_items_and_unknown_is_refused(tmp_path: Path) -> None:
    def unknown(dataset: FileDataset, values: np.ndarray) -> None:
        dataset.PixelData = encapsulate([b"\0\0\x01\xb3 an MPEG-2 stream"])

    path = write(tmp_path / "x", GREY, finish=unknown)
    with pytest.raises(InputFileError, match="compressed, in a way that its header does not say"):
        read_radiograph(path)

"""The front door: one file in, its mask, areas and flags out, and every format written by its suffix."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from dicom_radiograph import SHAPE, radiograph, write
from radiograph_folder import save_radiograph

import monai_lungxfer as lx
from monai_lungxfer.inference.batch import predict_files
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.outputs import OutputOptions
from monai_lungxfer.inference.quality import IMAGE_FLAGS
from monai_lungxfer.utils.errors import InputFileError, OutputError, ViewError


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory) -> lx.Segmenter:
    """What is brighter than the image's mean is lung."""
    path = tmp_path_factory.mktemp("weights") / "model.pt"
    torch.save({"weight": torch.full((1, 3, 1, 1), 10 / 3), "bias": torch.zeros(1)}, path)
    network = {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 1, "kernel_size": 1}
    return lx.Segmenter.from_bundle(weights=path, device="cpu", overrides={"network_def": network})


@pytest.fixture
def dicom(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "x.dcm"
    path.parent.mkdir()
    write(path, radiograph("CR", ViewPosition="AP", BodyPartExamined="CHEST"))
    return path


def test_a_result_tells_what_the_table_tells(segmenter: lx.Segmenter, dicom: Path, tmp_path: Path) -> None:
    result = segmenter.segment_file(dicom)
    (row,) = predict_files(segmenter, find_inputs([dicom]), tmp_path / "out")
    assert result.mask.shape == result.probability.shape == SHAPE
    assert result.spacing == row.spacing == (0.2, 0.3)
    assert result.measurements == row.measurements
    assert result.flags == row.flags
    assert set(result.areas) == {
        f"{what}_{unit}" for what in ("lung", "right_lung", "left_lung") for unit in ("px", "cm2")
    }
    assert result.areas["lung_px"] == np.count_nonzero(result.mask) == row.as_row()["lung_px"]
    assert result.areas["lung_cm2"] == pytest.approx(result.areas["lung_px"] * 0.2 * 0.3 / 100)
    assert result.model == segmenter.identity
    result.save(tmp_path / "mask.png")
    assert (tmp_path / "mask.png").read_bytes() == (tmp_path / "out" / "x_mask.png").read_bytes()


def test_every_format_is_written_by_its_suffix(segmenter: lx.Segmenter, dicom: Path, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    result = segmenter.segment_file(dicom)
    for suffix in (".png", ".nii.gz", ".nii"):
        result.save(tmp_path / f"mask{suffix}")
        assert np.array_equal(lx.read_mask(tmp_path / f"mask{suffix}"), result.mask)
    assert nib.load(tmp_path / "mask.nii").header.get_zooms()[:2] == pytest.approx((0.3, 0.2))
    result.save(tmp_path / "mask.dcm")
    predict_files(segmenter, find_inputs([dicom]), tmp_path / "out", OutputOptions("dicom-seg"))
    written, expected = (pydicom.dcmread(tmp_path / name) for name in ("mask.dcm", "out/x_mask.dcm"))
    assert np.array_equal(written.pixel_array, result.mask)
    assert written.SOPInstanceUID == expected.SOPInstanceUID
    assert written.PatientID == "SECRET-ID"


def test_suffixes_may_be_in_capitals_and_the_users_folder_is_found(
    segmenter: lx.Segmenter, dicom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("highdicom")
    monkeypatch.setenv("HOME", str(tmp_path))
    result = segmenter.segment_file("~/in/x.dcm")
    for name in ("mask.PNG", "mask.Nii.GZ", "mask.NII", "mask.DCM"):
        result.save(f"~/{name}")
        assert np.array_equal(lx.read_mask(f"~/{name}") if name != "mask.DCM" else seg_pixels(tmp_path), result.mask)
    assert (tmp_path / "mask.Nii.GZ").read_bytes()[:2] == b"\x1f\x8b"
    (row,) = predict_files(segmenter, find_inputs(["~/in"]), "~/out")
    assert (tmp_path / "out" / str(row.mask)).is_file()


def seg_pixels(folder: Path) -> np.ndarray:
    return pydicom.dcmread(folder / "mask.DCM").pixel_array


def test_a_header_without_an_identifier_is_known_by_its_pixels(segmenter: lx.Segmenter, tmp_path: Path) -> None:
    pytest.importorskip("highdicom")
    image = radiograph("CR", SOPInstanceUID=None)
    del image.file_meta.MediaStorageSOPInstanceUID
    image.save_as(tmp_path / "x.dcm", enforce_file_format=False)
    segmenter.segment_file(tmp_path / "x.dcm").save(tmp_path / "mask.dcm")
    assert pydicom.dcmread(tmp_path / "mask.dcm").SOPInstanceUID.startswith("2.25.")


def test_what_cannot_be_written_is_refused(segmenter: lx.Segmenter, dicom: Path, tmp_path: Path) -> None:
    save_radiograph(tmp_path / "x.png")
    result = segmenter.segment_file(tmp_path / "x.png")
    with pytest.raises(InputFileError, match=r"is a png file, and a DICOM SEG refers to a DICOM image"):
        result.save(tmp_path / "mask.dcm")
    with pytest.raises(ValueError, match=r"mask\.tif ends with none of \.png, \.nii\.gz, \.nii, \.dcm"):
        result.save(tmp_path / "mask.tif")
    result.save(tmp_path / "mask.png")
    with pytest.raises(OutputError, match=r"is there already.*overwrite=True"):
        result.save(tmp_path / "mask.png")
    result.save(tmp_path / "mask.png", overwrite=True)
    with pytest.raises(OutputError, match="radiograph itself"):  # which is never replaced
        result.save(tmp_path / "x.png", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "mask.png", "x.png"]


def test_a_lateral_view_is_refused_unless_it_is_wanted(segmenter: lx.Segmenter, tmp_path: Path) -> None:
    write(tmp_path / "x.dcm", radiograph("CR", ViewPosition="LL"))
    with pytest.raises(ViewError, match=r"its view is not frontal \(lateral\).*any_view"):
        segmenter.segment_file(tmp_path / "x.dcm")
    assert "not_frontal" in segmenter.segment_file(tmp_path / "x.dcm", any_view=True).flags


@pytest.mark.parametrize(("name", "words"), [("array", "is an array, and"), ("png", "is a png file, and")])
def test_what_has_no_header_is_told_by_its_format(segmenter: lx.Segmenter, name: str, words: str) -> None:
    prepared = segmenter.prepare(lx.Radiograph(np.arange(2500, dtype=np.float32).reshape(50, 50), name))
    with pytest.raises(InputFileError, match=words):
        prepared.dicom_source()


def test_strict_refuses_flags_of_the_image_and_no_others(
    segmenter: lx.Segmenter, dicom: Path, tmp_path: Path, shared_data: Path
) -> None:
    save_radiograph(tmp_path / "x.png")  # a drawing
    assert "few_shades" in segmenter.segment_file(tmp_path / "x.png").flags
    with pytest.raises(InputFileError, match=r"strict was asked for: .*few shades .*\(few_shades\)"):
        segmenter.segment_file(tmp_path / "x.png", strict=True)
    real = min((shared_data / "native" / "images").iterdir())
    found = segmenter.segment_file(real, strict=True)  # its mask is wrong: what is bright
    assert found.flags
    assert not IMAGE_FLAGS & set(found.flags)


def test_a_result_names_no_patient_when_it_is_printed(segmenter: lx.Segmenter, tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    write(path, radiograph("CR", ViewPosition="AP", BodyPartExamined="CHEST", PatientName="Roe^Jane"))
    result = segmenter.segment_file(path)
    assert "Roe" in str(result.radiograph.header)
    assert not any(word in repr(result) + repr(lx.read_radiograph(path)) for word in ("Roe", str(tmp_path)))


@pytest.mark.parametrize("name", ["m.png", "m.nii.gz", "m.dcm"])
def test_a_dicom_radiograph_need_not_stay(segmenter: lx.Segmenter, dicom: Path, tmp_path: Path, name: str) -> None:
    result = segmenter.segment_file(dicom)
    dicom.unlink()
    result.save(tmp_path / name)
    assert (tmp_path / name).is_file()

"""`predict` between a real Orthanc's DICOMweb and DICOM services, and what goes wrong on the way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_radiograph import SHAPE, radiograph, write
from dicomweb_server import answer, answering, as_bytes, multipart, series
from orthanc_server import BASIC, free_port
from predict_run import run

from monai_lungxfer.io.radiograph import read_mask

highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed")
pytest.importorskip("dicomweb_client", reason="the extra dicom is not installed")
pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")

from monai_lungxfer.inference.dicom import dicomweb_session  # noqa: E402
from monai_lungxfer.inference.dicom.dicomweb import fetch_study  # noqa: E402
from monai_lungxfer.inference.dicom.dicomweb_session import AUTHORIZATION  # noqa: E402
from monai_lungxfer.inference.dicom.dicomweb_store import store_instances  # noqa: E402

PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2")
UID = "1.2.826.0.1.3680043.8.498.77"


@pytest.fixture(autouse=True)
def settings(monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv(AUTHORIZATION, BASIC)
    monkeypatch.setattr(dicomweb_session, "_BACK_OFF", 1)


def write_study(folder: Path, uid: str) -> list[Path]:
    """Write two radiographs, wider than high, one of each photometric interpretation."""
    folder.mkdir()
    files = []
    for index, photometric in enumerate(PHOTOMETRIC):
        image = radiograph("CR", photometric, 12, StudyInstanceUID=uid, ViewPosition="AP")
        image.SeriesInstanceUID = f"{uid}.{index}"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{uid}.{index}.1"
        files.append(write(folder / f"{photometric}.dcm", image))
    return files


def masks_by_source(files: list[Path]) -> dict[str, np.ndarray]:
    masks = {}
    for segmentation in map(highdicom.seg.segread, files):
        (source,) = segmentation.SourceImageSequence
        masks[source.ReferencedSOPInstanceUID] = segmentation.pixel_array.reshape(SHAPE)
    return masks


@pytest.mark.parametrize("way", ["--to-dicomweb", "--to-pacs"])
def test_round_trip(orthanc: tuple[str, int], weights: Path, tmp_path: Path, way: str) -> None:
    """What is fetched back is what `predict` writes as PNG for the files, pixel for pixel; a repeat adds nothing."""
    url, port = orthanc
    uid = f"{UID}.{len(way)}"
    store_instances(url, write_study(tmp_path / "in", uid))
    assert run(tmp_path / "in", "--out", tmp_path / "png", weights=weights).exit_code == 0
    place = url if way == "--to-dicomweb" else f"ORTHANC@127.0.0.1:{port}"
    results = ("--format", "dicom-seg", "--overlay", "--report", "--presentation")
    exchange = ("--from-dicomweb", url, "--study", uid, *results, way, place)
    for out in ("first", "again"):
        result = run(*exchange, "--out", tmp_path / out, weights=weights)
        assert result.exit_code == 0, result.output
    back = fetch_study(url, uid, tmp_path / "back", modalities=None)
    modalities = sorted(pydicom.dcmread(file).Modality for file in back)
    assert modalities == [modality for modality in ("CR", "OT", "PR", "SEG", "SR") for _ in range(2)]
    masks = masks_by_source(fetch_study(url, uid, tmp_path / "masks", modalities=("SEG",)))
    for index, photometric in enumerate(PHOTOMETRIC):
        expected = read_mask(tmp_path / "png" / f"{photometric}_mask.png")
        assert 0 < expected.sum() < expected.size
        np.testing.assert_array_equal(masks[f"{uid}.{index}.1"], expected)


def test_a_failed_delivery_loses_nothing_and_resume_repeats_it(
    orthanc: tuple[str, int], weights: Path, tmp_path: Path
) -> None:
    url, port = orthanc
    uid = f"{UID}.5"
    write_study(tmp_path / "in", uid)
    job = (tmp_path / "in", "--out", tmp_path / "out", "--format", "dicom-seg", "--json")
    failed = run(*job, "--to-pacs", f"127.0.0.1:{port}", weights=weights)
    assert failed.exit_code == 2
    assert [row["status"] for row in json.loads(failed.stdout)["predictions"]] == ["done", "done"]
    message = " ".join(failed.stderr.split())
    assert "refuses the association (Called AE title not recognised)" in message
    assert "--resume sends them again" in message
    assert "Association Rejected" not in message  # pynetdicom's own words
    masks = sorted((tmp_path / "out").glob("*_mask.dcm"))
    written = [mask.stat().st_mtime_ns for mask in masks]
    assert len(masks) == 2
    repeated = run(*job, "--resume", "--to-pacs", f"ORTHANC@127.0.0.1:{port}", weights=weights)
    assert repeated.exit_code == 0, repeated.output
    assert [mask.stat().st_mtime_ns for mask in masks] == written
    assert len(fetch_study(url, uid, tmp_path / "back", modalities=("SEG",))) == 2


def test_another_patients_image_gets_no_mask(weights: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(dicomweb_session, "_BACK_OFF", 1)
    own = radiograph("CR", StudyInstanceUID=UID, SeriesInstanceUID=f"{UID}.0", SOPInstanceUID=f"{UID}.0.1")
    other = radiograph("CR", StudyInstanceUID="1.2.3", SeriesInstanceUID=f"{UID}.0", SOPInstanceUID=f"{UID}.0.2")
    out = ("--format", "dicom-seg", "--out", tmp_path / "out")
    with answering(series(f"{UID}.0"), answer(multipart(as_bytes(other), as_bytes(own)))) as url:
        result = run("--from-dicomweb", url, "--study", UID, *out, weights=weights)
    assert result.exit_code == 1, result.output
    assert "not of the study and series that were asked for: 1" in " ".join(result.stderr.split())
    assert "Secret" not in result.output
    assert [file.name for file in (tmp_path / "out").glob("*.dcm")] == [f"{UID}.0.1_mask.dcm"]
    with answering(series(f"{UID}.0"), answer(multipart(as_bytes(other)))) as url:
        result = run("--from-dicomweb", url, "--study", UID, *out, "--overwrite", weights=weights)
    assert result.exit_code == 2


def test_one_way_that_fails_does_not_hold_up_the_other(orthanc: tuple[str, int], weights: Path, tmp_path: Path) -> None:
    url, port = orthanc
    uid = f"{UID}.6"
    write_study(tmp_path / "in", uid)
    nobody = f"http://127.0.0.1:{free_port()}/dicom-web"
    ways = ("--to-dicomweb", nobody, "--to-pacs", f"ORTHANC@127.0.0.1:{port}")
    result = run(tmp_path / "in", "--out", tmp_path / "out", "--format", "dicom-seg", *ways, weights=weights)
    assert result.exit_code == 2
    assert "no complete answer" in result.stderr
    assert len(fetch_study(url, uid, tmp_path / "back", modalities=("SEG",))) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to-pacs", "host:104"], "add --format dicom-seg"),
        (["--format", "dicom-seg", "--to-pacs", "host"], "not an address of an archive"),
        (["--format", "dicom-seg", "--to-pacs", "host:104", "--ae-title", "A" * 17], "not an application entity title"),
        (["--ae-title", "ME"], "which is not given"),
        (["--format", "dicom-seg", "--to-dicomweb", "host:8042"], "not a URL of a DICOMweb server"),
    ],
)
def test_wrong_addresses_show_before_the_work(weights: Path, tmp_path: Path, options: list[str], message: str) -> None:
    write_study(tmp_path / "in", UID)
    result = run(tmp_path / "in", "--out", tmp_path / "out", *options, weights=weights)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert not (tmp_path / "out").exists()

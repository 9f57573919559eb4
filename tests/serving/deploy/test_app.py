"""The MONAI Deploy application, run for real: segmentations as of `lungxfer predict`, and nothing of a patient told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from deploy_environment import run_app
from dicom_radiograph import CLASSES, as_dicom, errors_of, write
from PIL import Image
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.synthetic.phantoms import portable_radiograph

pytest.importorskip("highdicom", reason="the extra dicom is not installed")

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("deploy_environment")]

SECRETS = ("Secret", "SECRET", "Referring", "read_row")


def expected(study: Path, out: Path, *options: str) -> list[dict]:
    words = ("predict", str(study), "--out", str(out), "--format", "dicom-seg", "--json", *options)
    return json.loads(CliRunner().invoke(app, words).stdout)["predictions"]


def rows_of(results: Path) -> list[dict]:
    return json.loads((results / "predictions.json").read_text())["predictions"]


def assert_equal(made: Path, wanted: Path) -> None:
    """Pixels, references and UIDs; only the times of creation may differ."""
    one, other = pydicom.dcmread(made), pydicom.dcmread(wanted)
    assert np.array_equal(one.pixel_array, other.pixel_array)
    for element in other:
        if element.VR not in ("DA", "TM", "DT") and element.keyword != "ContributingEquipmentSequence":
            assert one[element.tag] == element, element.keyword


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A frontal view behind a lateral one of its series, a second series, a CT, a broken file, and a picture."""
    folder = tmp_path_factory.mktemp("study") / "Secret^Name"
    pixels, _ = portable_radiograph(np.random.default_rng(5), 150, 118, "pathological")
    other, _ = portable_radiograph(np.random.default_rng(6), 130, 171, "normal")
    (folder / "1").mkdir(parents=True)
    images = {
        "1/a_radiograph_of.dcm": as_dicom(pixels, "MONOCHROME1", ViewPosition="LL", SOPInstanceUID="2.25.1"),
        "1/b_radiograph_of.dcm": as_dicom(pixels, "MONOCHROME1", ViewPosition="PA", SOPInstanceUID="2.25.2"),
        "c.dcm": as_dicom(
            other, "MONOCHROME2", SOPClassUID=CLASSES["DX"], Modality="DX", SOPInstanceUID="2.25.3", SeriesNumber=4
        ),
        "d.dcm": as_dicom(pixels, "MONOCHROME2", Modality="CT", SOPInstanceUID="2.25.4"),
    }
    for name, image in images.items():
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        write(folder / name, image)
    (folder / "e.dcm").write_bytes((folder / "c.dcm").read_bytes()[:2000])
    Image.fromarray(pixels).save(folder / "f.png")
    return folder


def test_a_study(study: Path, tmp_path: Path) -> None:
    done = run_app(study, tmp_path / "results")
    assert done.returncode == 1, done.stderr
    rows = expected(study, tmp_path / "expected")
    assert rows_of(tmp_path / "results") == rows
    statuses = {row["file"]: row["status"] for row in rows}
    assert statuses == {
        "c.dcm": "done",
        "d.dcm": "left out",
        "e.dcm": "skipped",
        "f.png": "skipped",
        "1/a_radiograph_of.dcm": "left out",
        "1/b_radiograph_of.dcm": "done",
    }
    written = sorted(path.relative_to(tmp_path / "results") for path in (tmp_path / "results").rglob("*.dcm"))
    assert written == [Path("1/b_radiograph_of_mask.dcm"), Path("c_mask.dcm")]
    for name in written:
        assert_equal(tmp_path / "results" / name, tmp_path / "expected" / name)
        assert errors_of(tmp_path / "results" / name) == []
    told = done.stdout + done.stderr
    assert "row 2: left out: is no radiograph (Modality CT)" in told
    assert "row 3: skipped: " in told
    assert "row 5: left out: its view is not frontal (lateral)" in told
    assert "2 segmented, 2 skipped, 2 left out" in told
    assert "Not a medical device." in told
    assert [secret for secret in (*SECRETS, str(tmp_path)) if secret in told] == []


def test_settings_and_an_output_folder_that_is_not_empty(study: Path, tmp_path: Path) -> None:
    config = tmp_path / "app.yaml"
    config.write_text("results:\n  sides: true\n  overlay: true\n")
    done = run_app(study / "c.dcm", tmp_path / "results", HOLOSCAN_CONFIG_PATH=str(config))
    assert done.returncode == 0, done.stderr
    expected(study / "c.dcm", tmp_path / "expected", "--sides", "--overlay")
    assert len(pydicom.dcmread(tmp_path / "results" / "c_mask.dcm").SegmentSequence) == 2
    for name in ("c_mask.dcm", "c_overlay.dcm"):
        assert_equal(tmp_path / "results" / name, tmp_path / "expected" / name)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "results").iterdir()}
    again = run_app(study, tmp_path / "results")
    assert again.returncode == 2
    assert "the output folder is not empty" in again.stderr
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "results").iterdir()} == before


def test_settings_that_are_not_understood(study: Path, tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("results: {overlays: true}")
    done = run_app(study, tmp_path / "results", HOLOSCAN_CONFIG_PATH=str(tmp_path / "app.yaml"))
    assert done.returncode == 2
    assert "results of the settings may have sides, overlay, strict" in done.stderr
    assert str(tmp_path) not in done.stderr
    assert not any((tmp_path / "results").iterdir())


def test_nothing_to_segment(study: Path, tmp_path: Path) -> None:
    done = run_app(study / "1" / "a_radiograph_of.dcm", tmp_path / "results")
    assert done.returncode == 2, done.stderr
    assert "0 segmented, 0 skipped, 1 left out" in done.stderr
    assert not list((tmp_path / "results").glob("*.dcm"))


def test_real_files(shared_data: Path, tmp_path: Path) -> None:
    done = run_app(shared_data / "dicom", tmp_path / "results")
    assert done.returncode == 0, done.stderr
    rows = expected(shared_data / "dicom", tmp_path / "expected")
    assert rows_of(tmp_path / "results") == rows
    assert len(rows) == 8
    for row in rows:
        assert_equal(tmp_path / "results" / row["mask"], tmp_path / "expected" / row["mask"])
        assert errors_of(tmp_path / "results" / row["mask"]) == []

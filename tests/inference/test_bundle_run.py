"""The images of a folder for a bundle's inference.yaml: those of `lungxfer predict`, and what if one is damaged."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_radiograph import radiograph, write
from monai.transforms import Compose, LoadImaged
from PIL import Image
from radiograph_folder import save_radiograph
from torch.utils.data import DataLoader

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.inference.bundle_run import ReadableImages, images_in, require_images
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.io.monai_readers import RadiographReader
from monai_lungxfer.utils.errors import InputFileError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, one of which only its content tells, and much else; its name is a pattern by mistake."""
    folder = tmp_path / "in[1]"
    (folder / "below").mkdir(parents=True)
    for name in ("b.png", "a.png", "1.2.840", ".hidden.png", "below/c.png", "a_mask.png", "B_OVERLAY.PNG"):
        Image.fromarray(np.zeros((40, 40), np.uint8)).save(folder / name, format="PNG")
    for name in ("README.txt", "datalist.json"):
        (folder / name).write_text("[]")
    return folder


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A frontal view, which has a raw twin, a lateral one, a CT head, and a segmentation under another name."""
    common: dict[str, Any] = {"BodyPartExamined": "CHEST", "ViewPosition": "AP", "AcquisitionTime": "101010"}
    raw = {"PresentationIntentType": "FOR PROCESSING", "SOPInstanceUID": "2.25.2"}
    write(tmp_path / "frontal.DCM", radiograph("DX", **common))
    write(tmp_path / "twin.dcm", radiograph("DX", **common | raw))
    write(tmp_path / "lateral", radiograph("DX", **common | {"ViewPosition": "LL", "SOPInstanceUID": "2.25.3"}))
    write(tmp_path / "head.dcm", radiograph("SC", Modality="CT", BodyPartExamined="HEAD", SOPInstanceUID="2.25.4"))
    write(tmp_path / "result.dcm", radiograph("SC", Manufacturer="monai_lungxfer", SOPInstanceUID="2.25.5"))
    np.save(tmp_path / "array.npy", np.zeros((4, 4)))
    return tmp_path


def names(paths: list[str]) -> list[str]:
    return [Path(path).name for path in paths]


def test_only_images_are_taken(folder: Path) -> None:
    assert images_in(folder) == [str(folder / name) for name in ("1.2.840", "a.png", "b.png")]
    assert names(images_in(str(folder), "[ab].*")) == ["a.png", "b.png"]
    assert names(images_in(folder, "*/*")) == ["c.png"]


def test_results_are_told_by_their_number(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    images_in(folder)
    assert "Files that were left out: 2 (is named as a result, *_mask or *_overlay)" in caplog.text


def test_what_is_taken_is_what_prediction_takes(mixed: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    assert names(images_in(mixed)) == ["frontal.DCM"]
    for reason in ("its view is not frontal (lateral)", "is no radiograph (Modality CT)", "is in NumPy format"):
        assert f"Files that were left out: 1 ({reason}" in caplog.text
    assert "frontal.DCM" not in caplog.text
    assert {item.path.name for item in find_inputs([mixed]) if item.left_out is None} == {
        "frontal.DCM",
        "lateral",  # whose view is judged when it is read
        "head.dcm",
    }


def test_any_view_takes_other_views_and_no_results(mixed: Path) -> None:
    assert names(images_in(mixed, any_view=True)) == ["frontal.DCM", "head.dcm", "lateral"]


def test_no_images_are_told(folder: Path, tmp_path: Path) -> None:
    require_images(images_in(folder), folder)
    with pytest.raises(InputFileError, match=r"mistyped: there is no such folder\. Check --dataset_dir"):
        require_images(images_in(tmp_path / "mistyped"), tmp_path / "mistyped")
    with pytest.raises(InputFileError, match=r"holds no image that fits '\*\.txt'"):
        require_images(images_in(folder, "*.txt"), folder, "*.txt")
    with pytest.raises(InputFileError, match=r"the folder holds no image\. .*folders below it are not searched"):
        require_images(images_in(tmp_path), tmp_path)


@pytest.fixture
def damaged(tmp_path: Path) -> list[dict[str, str]]:
    """Records of five images, of which the second is cut off and the fourth shows nothing."""
    files = [tmp_path / f"{number}.png" for number in range(5)]
    for file in files:
        save_radiograph(file)
    files[1].write_bytes(files[1].read_bytes()[:80])
    Image.fromarray(np.full((64, 90), 7, np.uint8)).save(files[3])
    return [{"image": str(file)} for file in files]


@pytest.mark.parametrize("workers", [0, 2])
def test_what_cannot_be_read_is_passed_over_and_told_in_the_end(
    damaged: list[dict[str, str]], workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    load = LoadImaged("image", reader=RadiographReader, ensure_channel_first=True)
    dataset = ReadableImages(damaged, Compose([load]))
    loaded = [
        item["image"].meta["filename_or_obj"] for item in DataLoader(dataset, batch_size=None, num_workers=workers)
    ]
    assert sorted(loaded) == [damaged[number]["image"] for number in (0, 2, 4)]
    with pytest.raises(InputFileError, match="2 of 5 images could not be read and have no mask"):
        dataset.require_all()
    if not workers:
        assert "1.png was skipped: cannot be read" in caplog.text
        assert "3.png was skipped: constant image" in caplog.text


def test_other_errors_end_the_run(damaged: list[dict[str, str]]) -> None:
    def fail(record: dict[str, str]) -> None:
        raise ValueError(record["image"])

    with pytest.raises(RuntimeError, match="applying transform"):
        list(ReadableImages(damaged, fail))
    ReadableImages(damaged, fail).require_all()


def test_the_command_ends_with_a_message_that_names_the_file(tmp_path: Path) -> None:
    images = tmp_path / "in"
    for name in ("good.png", "cut.png"):
        save_radiograph(images / name)
    (images / "cut.png").write_bytes((images / "good.png").read_bytes()[:80])
    bundle = bundle_path("portable")
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(bundle / "configs" / "inference.yaml")]
    options = ["--bundle_root", str(bundle), "--dataset_dir", str(images), "--output_dir", str(images)]
    for left_out in (0, 1):  # the second time beside its own result
        done = subprocess.run([*command, *options], check=False, capture_output=True, text=True, cwd=tmp_path)
        said = done.stdout + done.stderr
        assert done.returncode == 1
        assert "cut.png was skipped: cannot be read" in said
        assert "Error: 1 of 2 images could not be read" in done.stderr
        assert "Traceback" not in said
        assert said.count("named as a result") == left_out
        assert sorted(path.name for path in images.iterdir()) == ["cut.png", "good.png", "good_mask.nii.gz"]
    shutil.rmtree(images)
    done = subprocess.run([*command, *options], check=False, capture_output=True, text=True, cwd=tmp_path)
    assert "there is no such folder" in done.stderr
    assert "Traceback" not in done.stderr

"""Corrected masks on disk: formats, the table, and what other parts of the package make of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from correctable_run import HEIGHT, IDENTITY, NAMES, WIDTH, grey_picture, network_mask, open_run, write_run
from dicom_radiograph import errors_of
from PIL import Image
from pydicom import dcmread

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.public.prepare import prepare
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.review.results import read_result_mask, read_results
from monai_lungxfer.io.radiograph import read_mask
from monai_lungxfer.serving.review.corrections import ChangedMeanwhileError, Corrections
from monai_lungxfer.serving.review.page import draw_page
from monai_lungxfer.serving.review.results import ReviewedResults
from monai_lungxfer.utils.csv_tables import read_rows
from monai_lungxfer.utils.errors import InputFileError, LungXferError, OutputError
from monai_lungxfer.utils.file_stamp import sample_file


def drawn() -> np.ndarray:
    """The network's mask without its island, and with a band that the network has missed."""
    mask = network_mask()
    mask[11 * HEIGHT // 12 :] = 0
    mask[10:20, 20:50] = 1
    return mask


def save(corrections: Corrections, mask: np.ndarray, number: int = 0) -> None:
    result = corrections.results.find(number)
    corrections.save(result, mask, corrections.open(result).version)


def test_the_table_says_what_was_changed(tmp_path: Path) -> None:
    corrections = open_run(tmp_path, "  A. Reviewer ")
    save(corrections, drawn())
    save(corrections, network_mask(), 1)
    first, second = sorted(read_rows(corrections.folder / "corrections.csv"), key=lambda row: row["mask"], reverse=True)
    network = network_mask()
    assert int(first["added_px"]) == (drawn() > network).sum() > 0
    assert int(first["removed_px"]) == (drawn() < network).sum() == 12
    common = 2 * (drawn() & network).sum() / (drawn().sum() + network.sum())
    assert float(first["dice"]) == pytest.approx(common, abs=1e-6)
    assert int(first["lung_px"]) == drawn().sum()
    assert int(first["right_lung_px"]) == drawn()[:, : WIDTH // 2].sum()
    assert int(first["left_lung_px"]) == drawn()[:, WIDTH // 2 :].sum()
    assert (first["model"], first["reviewer"]) == (str(IDENTITY), "A. Reviewer")
    assert first["time"].endswith("+00:00")
    assert float(second["dice"]) < 0.9  # the second radiograph is turned: its mask lies the other way round


def test_a_later_start_goes_on_with_the_table(tmp_path: Path) -> None:
    corrections = open_run(tmp_path)
    save(corrections, drawn())
    again = Corrections(ReviewedResults(corrections.results.run, corrections.results.images))
    save(again, network_mask(), 1)
    assert [row["file"] for row in read_rows(again.folder / "corrections.csv")] == sorted(NAMES[:2])
    assert again.open(again.results.find(0)).is_corrected


def test_an_empty_mask_can_be_right(tmp_path: Path) -> None:
    corrections = open_run(tmp_path)
    save(corrections, network_mask() * 0)
    (row,) = read_rows(corrections.folder / "corrections.csv")
    assert (float(row["dice"]), row["lung_px"], row["right_lung_px"]) == (0.0, "0", "")


def test_the_mask_before_is_kept(tmp_path: Path) -> None:
    corrections = open_run(tmp_path)
    save(corrections, drawn())
    first = (corrections.folder / "ward/a_mask.png").read_bytes()
    save(corrections, network_mask())
    assert (corrections.folder / ".previous/ward/a_mask.png").read_bytes() == first
    result = corrections.results.find(0)
    with pytest.raises(ChangedMeanwhileError):
        corrections.save(result, drawn(), 32 * "0")


def test_without_room_for_the_table_no_mask_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, *_: object) -> None:
        raise OutputError("cannot be written (No space left on device)", source=path)

    corrections = open_run(tmp_path)
    with monkeypatch.context() as full:
        full.setattr("monai_lungxfer.serving.review.corrections.write_rows", fail)
        with pytest.raises(OutputError):
            save(corrections, drawn())
    assert not corrections.open(corrections.results.find(0)).is_corrected
    save(corrections, network_mask(), 1)
    assert [row["file"] for row in read_rows(corrections.folder / "corrections.csv")] == [NAMES[1]]


@pytest.mark.parametrize("name", ["a\nb", "a\\b", 65 * "x"])
def test_a_reviewers_name_that_no_file_can_hold_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(LungXferError, match="reviewer's name"):
        open_run(tmp_path, name)


def test_a_segmentation_says_that_a_person_has_corrected_it(tmp_path: Path) -> None:
    corrections = open_run(tmp_path, "Reviewer^Ada", dicom_seg=True)
    upright = drawn()
    save(corrections, upright, 1)
    path = corrections.folder / "b_mask.dcm"
    stored = upright[:, ::-1]
    np.testing.assert_array_equal(read_result_mask(corrections.folder, "b_mask.dcm"), stored)
    made, network = dcmread(path), dcmread(corrections.results.folder / "b_mask.dcm")
    assert [str(segment.SegmentAlgorithmType) for segment in made.SegmentSequence] == 2 * ["SEMIAUTOMATIC"]
    assert str(made.ContentCreatorName) == "Reviewer^Ada"
    assert made.SeriesInstanceUID != network.SeriesInstanceUID
    assert made.SOPInstanceUID != network.SOPInstanceUID
    assert made.StudyInstanceUID == network.StudyInstanceUID
    right, left = made.pixel_array  # the right lung is on the left side upright, so it is stored on the right
    np.testing.assert_array_equal(right, stored * (np.arange(WIDTH) >= WIDTH // 2))
    np.testing.assert_array_equal(left, stored * (np.arange(WIDTH) < WIDTH // 2))
    assert errors_of(path) == []


def test_without_a_name_a_segmentation_has_none(tmp_path: Path) -> None:
    corrections = open_run(tmp_path, dicom_seg=True)
    save(corrections, drawn(), 1)
    assert not dcmread(corrections.folder / "b_mask.dcm").get("ContentCreatorName")


def test_a_nifti_mask_is_corrected_as_nifti(tmp_path: Path) -> None:
    corrections = open_run(tmp_path, suffix=".nii.gz")
    save(corrections, drawn())
    np.testing.assert_array_equal(read_mask(corrections.folder / "ward/a_mask.nii.gz"), drawn())
    prepared = prepare("folder", corrections.results.images, tmp_path / "out", masks=corrections.folder)
    assert (prepared.masks, prepared.skipped) == (1, ())


def test_corrected_masks_are_data_to_train_on(tmp_path: Path) -> None:
    corrections = open_run(tmp_path / "run")
    save(corrections, drawn())
    save(corrections, network_mask(), 1)
    save(corrections, drawn(), 1)
    images = corrections.results.images
    prepared = prepare("folder", images, tmp_path / "out", masks=corrections.folder)
    assert (prepared.images, prepared.masks, prepared.skipped) == (2, 2, ())
    labels = [read_mask(record["label"]) for record in load_datalist(tmp_path / "out")]
    assert {label.tobytes() for label in labels} == {drawn().tobytes(), drawn()[:, ::-1].tobytes()}


def test_corrected_masks_are_no_radiographs(tmp_path: Path) -> None:
    corrections = open_run(tmp_path)
    save(corrections, drawn())
    save(corrections, network_mask())
    names = {item.name for item in find_inputs([tmp_path])}
    assert names == {f"images/{name}" for name in NAMES}


def test_a_run_without_its_radiographs_is_refused(tmp_path: Path) -> None:
    results, images = write_run(tmp_path)
    with pytest.raises(InputFileError, match="none of the radiographs"):
        ReviewedResults(read_results(results), images / "ward")


def test_a_radiograph_that_the_journal_tells_apart_is_refused(tmp_path: Path) -> None:
    results, images = write_run(tmp_path)
    facts = {"input_sample": 64 * "0", "input_device": 1, "input_inode": 1, "input_size": 1, "input_mtime_ns": 1}
    lines = [{"format": "monai_lungxfer journal 2"}, {"file": NAMES[0], **facts}]
    (results / "predictions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    reviewed = ReviewedResults(read_results(results), images)
    with pytest.raises(InputFileError, match="not the radiograph that was segmented"):
        reviewed.read_radiograph(reviewed.find(0))
    assert reviewed.read_radiograph(reviewed.find(1)).pixels.shape == (HEIGHT, WIDTH)


def test_a_mask_that_was_corrected_on_another_radiograph_of_the_name_is_refused(tmp_path: Path) -> None:
    results, images = write_run(tmp_path)

    def reopened() -> Corrections:
        line = {"file": NAMES[0], "input_sample": sample_file(images / NAMES[0])}
        (results / "predictions.jsonl").write_text(f"{{}}\n{json.dumps(line)}\n")
        return Corrections(ReviewedResults(read_results(results), images))

    save(reopened(), drawn())
    again = reopened()
    assert again.open(again.results.find(0)).is_corrected
    Image.fromarray(255 - grey_picture()).save(images / NAMES[0])
    another = reopened()
    with pytest.raises(InputFileError, match="of another radiograph"):
        save(another, drawn())
    assert "another radiograph" in draw_page(another).render().decode()


def test_names_with_escapes_are_found(tmp_path: Path) -> None:
    results, images = write_run(tmp_path)
    (images / "ward/a.png").rename(images / "ward/a\tb\\c.png")
    text = (results / "predictions.json").read_text()
    (results / "predictions.json").write_text(text.replace('"ward/a.png"', json.dumps("ward/a\\u0009b\\\\c.png")))
    reviewed = ReviewedResults(read_results(results), images)
    assert reviewed.read_radiograph(reviewed.find(0)).pixels.shape == (HEIGHT, WIDTH)


def test_a_run_with_masks_where_corrected_ones_go_is_refused(tmp_path: Path) -> None:
    results, images = write_run(tmp_path)
    (results / "ward").rename(results / "corrected")
    (images / "ward").rename(images / "corrected")
    table = results / "predictions.json"
    table.write_text(table.read_text().replace("ward/a", "corrected/a"))
    with pytest.raises(InputFileError, match="another name"):
        ReviewedResults(read_results(results), images)


def test_a_folder_may_be_given_by_the_way_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results, images = write_run(tmp_path)
    monkeypatch.chdir(results)
    reviewed = ReviewedResults(read_results("."), Path("..", images.name))
    assert reviewed.read_radiograph(reviewed.find(0)).pixels.shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize("name", ["../results/ward/a_mask.png", "/etc/hostname"])
def test_a_table_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    results, images = write_run(tmp_path)
    text = (results / "predictions.json").read_text()
    (results / "predictions.json").write_text(text.replace('"ward/a.png"', json.dumps(name)))
    with pytest.raises(InputFileError, match="outside of its folder"):
        ReviewedResults(read_results(results), images).find(0)


def test_a_table_that_somebody_else_wrote_is_refused(tmp_path: Path) -> None:
    corrections = open_run(tmp_path)
    corrections.folder.mkdir()
    (corrections.folder / "corrections.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputFileError, match="Move it away"):
        Corrections(corrections.results)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    corrections = open_run(tmp_path)
    Image.fromarray(np.zeros((50, 50), np.uint8)).save(corrections.results.folder / "ward/a_mask.png")
    with pytest.raises(InputFileError, match="not of its radiograph's size"):
        corrections.open(corrections.results.find(0))

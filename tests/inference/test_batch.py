"""Many files: what is written, what is skipped, and what is refused before any work."""

from __future__ import annotations

import csv
import json
import logging
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import torch
from dicom_radiograph import radiograph, write
from PIL import Image
from radiograph_folder import files_in, save_radiograph

from monai_lungxfer.inference import segmenter as core
from monai_lungxfer.inference.batch import predict_files
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.journal import Journal
from monai_lungxfer.inference.outputs import OutputOptions, plan
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.locks import lock_output


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory) -> Segmenter:
    """What is brighter than the image's mean is lung."""
    path = tmp_path_factory.mktemp("weights") / "model.pt"
    torch.save({"weight": torch.full((1, 3, 1, 1), 10 / 3), "bias": torch.zeros(1)}, path)
    network = {"_target_": "torch.nn.Conv2d", "in_channels": 3, "out_channels": 1, "kernel_size": 1}
    overrides = {"network_def": network, "precision": "float32"}
    return Segmenter.from_bundle(weights=path, device="cpu", overrides=overrides)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve files, two of which are broken."""
    root = tmp_path / "in"
    for number in range(10):
        save_radiograph(root / f"ward{number % 2}" / f"x{number}.png", width=80 + 10 * number)
    save_radiograph(root / "cut.jpg")
    content = (root / "cut.jpg").read_bytes()
    (root / "cut.jpg").write_bytes(content[: len(content) // 2])
    (root / "empty.png").write_bytes(b"")
    return root


def test_twelve_files_two_broken(segmenter: Segmenter, folder: Path, tmp_path: Path) -> None:
    out, seen = tmp_path / "out", []
    predictions = predict_files(
        segmenter, find_inputs([folder]), out, OutputOptions(overlay=True), batch_size=3, on_done=seen.append
    )
    names = [f"ward{n % 2}/x{n}" for n in (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)]
    assert [p.file for p in predictions] == ["cut.jpg", "empty.png", *(f"{name}.png" for name in names)]
    assert seen == predictions
    assert [p.status for p in predictions] == ["skipped"] * 2 + ["done"] * 10
    expected = [f"{name}{suffix}" for name in names for suffix in ("_mask.png", "_overlay.png")]
    assert files_in(out) == sorted([*expected, "predictions.csv", "predictions.json", "predictions.jsonl"])
    for number in range(10):
        mask = read_mask(out / f"ward{number % 2}" / f"x{number}_mask.png")
        alone = segmenter.segment(read_radiograph(folder / f"ward{number % 2}" / f"x{number}.png"))
        assert np.array_equal(mask, alone.mask)
        assert mask.shape == (64, 80 + 10 * number)


def test_tables_name_files_relative_to_the_input(segmenter: Segmenter, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    predict_files(segmenter, find_inputs([folder]), out)
    for name in ("predictions.csv", "predictions.json"):
        assert str(tmp_path) not in (out / name).read_text(encoding="utf-8")
    with (out / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    row = rows["ward1/x3.png"]
    mask = read_mask(out / row["mask"])
    assert (int(row["width"]), int(row["height"])) == (110, 64)
    assert int(row["lung_px"]) == mask.sum()
    assert int(row["right_lung_px"]) == mask[:, :55].sum()
    assert int(row["left_lung_px"]) == mask[:, 55:].sum()
    assert row["lung_cm2"] == row["pixel_spacing_source"] == ""
    assert row["flags"].startswith("asymmetric") or "asymmetric" in row["flags"].split(";")
    assert rows["empty.png"]["reason"] != ""
    assert rows["empty.png"]["mask"] == ""


def test_the_donor_is_given_colours(tmp_path: Path) -> None:
    slices = write_phantoms(tmp_path, donor=3, general=0, portable=0, size=64) / "lgg"
    path = next(file for file in sorted(slices.rglob("*.tif")) if not file.stem.endswith("_mask"))
    donor = Segmenter.from_bundle("donor", device="cpu")
    (row,) = predict_files(donor, find_inputs([path]), tmp_path / "out")
    expected = donor.segment(read_radiograph(path, "rgb"))
    assert row.status == "done"
    assert np.array_equal(read_mask(tmp_path / "out" / row.mask), expected.mask)


def test_nifti_with_spacing(segmenter: Segmenter, tmp_path: Path) -> None:
    from monai_lungxfer.io.mask_writer import save_mask

    save_radiograph(tmp_path / "x.png")
    bright = (np.asarray(Image.open(tmp_path / "x.png")) > 100).astype(np.uint8)
    save_mask(tmp_path / "in" / "x.nii.gz", bright, spacing=(0.4, 0.2))
    out = tmp_path / "out"
    (row,) = predict_files(segmenter, find_inputs([tmp_path / "in"]), out, OutputOptions("nifti"))
    assert files_in(out) == ["predictions.csv", "predictions.json", "predictions.jsonl", "x_mask.nii.gz"]
    assert row.spacing == pytest.approx((0.4, 0.2))
    written = read_radiograph(out / "x_mask.nii.gz")
    assert written.spacing == pytest.approx((0.4, 0.2))
    assert written.pixels.shape == bright.shape
    assert (written.pixels != bright).mean() < 0.05
    assert row.measurements.lung_cm2 == pytest.approx(row.measurements.lung_px * 0.08 / 100)


def test_nifti_lies_where_its_radiograph_does(segmenter: Segmenter, tmp_path: Path) -> None:
    save_radiograph(tmp_path / "x.png")
    affine = np.array([[0.2, 0, 0, -50], [0, 0, 1, 0], [0, -0.3, 0, 60], [0, 0, 0, 1]])
    image = nib.Nifti1Image(np.asarray(Image.open(tmp_path / "x.png")).T[:, :, None], affine)
    nib.save(image, tmp_path / "x.nii")
    out = tmp_path / "out"
    predict_files(segmenter, find_inputs([tmp_path / "x.nii", tmp_path / "x.png"]), out, OutputOptions("nifti"))
    placed, plain = (nib.load(out / f"x.{suffix}_mask.nii.gz") for suffix in ("nii", "png"))
    assert placed.shape == (*plain.shape, 1) == image.shape
    assert np.allclose(placed.affine, affine)
    assert np.array_equal(np.asarray(placed.dataobj)[..., 0], np.asarray(plain.dataobj))


def test_no_two_inputs_share_a_result(segmenter: Segmenter, tmp_path: Path) -> None:
    for width, name in enumerate(("a/x.png", "b/x.png", "a/x.tif"), start=70):
        save_radiograph(tmp_path / "in" / name, width=width)
    out = tmp_path / "out"
    predict_files(segmenter, find_inputs([tmp_path / "in"]), out)
    widths = {name: read_mask(out / name).shape[1] for name in files_in(out) if name.endswith("_mask.png")}
    assert widths == {"a/x.png_mask.png": 70, "b/x_mask.png": 71, "a/x.tif_mask.png": 72}


def test_results_in_the_input_folder_are_not_read_again(segmenter: Segmenter, tmp_path: Path) -> None:
    save_radiograph(tmp_path / "x.png")
    for _ in range(2):
        found = find_inputs([tmp_path])
        assert [item.name for item in found] == ["x.png"]
        predict_files(segmenter, found, tmp_path, OutputOptions(overlay=True), overwrite=True)
    assert files_in(tmp_path) == [
        "predictions.csv",
        "predictions.json",
        "predictions.jsonl",
        "x.png",
        "x_mask.png",
        "x_overlay.png",
    ]


def test_existing_results_are_refused_before_any_work(segmenter: Segmenter, tmp_path: Path, monkeypatch) -> None:
    for name in ("x.png", "y.png"):
        save_radiograph(tmp_path / "in" / name)
    out = tmp_path / "out"
    out.mkdir()
    (out / "y_mask.png").write_bytes(b"precious")
    found = find_inputs([tmp_path / "in"])
    with monkeypatch.context() as patch:
        patch.setattr(core, "read_radiograph", lambda *_, **__: pytest.fail("work began"))
        with pytest.raises(OutputError, match=r"y_mask\.png: 1 of the 5 results.*--overwrite") as refused:
            predict_files(segmenter, found, out)
        assert "y_mask" not in refused.value.without_source  # which a log file gets
    assert files_in(out) == ["y_mask.png"]
    predict_files(segmenter, found, out, overwrite=True)
    assert read_mask(out / "y_mask.png").shape == (64, 90)


@pytest.mark.parametrize("resume", [False, True])
def test_results_without_a_journal_are_not_resumed(segmenter: Segmenter, tmp_path: Path, resume: bool) -> None:
    save_radiograph(tmp_path / "x.png")
    (tmp_path / "x_mask.png").write_bytes(b"drawn by hand")
    found = find_inputs([tmp_path / "x.png"])
    with pytest.raises(OutputError, match="exist already") as refused:
        predict_files(segmenter, found, tmp_path, resume=resume)
    assert "--resume" not in str(refused.value)
    assert (tmp_path / "x_mask.png").read_bytes() == b"drawn by hand"
    predict_files(segmenter, found, tmp_path, overwrite=True)
    with pytest.raises(OutputError, match="--resume"):
        predict_files(segmenter, found, tmp_path)


def test_an_input_is_never_replaced(segmenter: Segmenter, tmp_path: Path) -> None:
    save_radiograph(tmp_path / "x.png")
    save_radiograph(tmp_path / "x_mask.png")
    before = (tmp_path / "x_mask.png").read_bytes()
    found = find_inputs([tmp_path / "x.png", tmp_path / "x_mask.png"])
    with pytest.raises(OutputError, match="it is an input"):
        predict_files(segmenter, found, tmp_path, overwrite=True)
    assert (tmp_path / "x_mask.png").read_bytes() == before


@pytest.mark.parametrize("how", [{}, {"overwrite": True}, {"resume": True}], ids=str)
def test_a_folder_that_another_run_writes_into_is_left_alone(
    segmenter: Segmenter, tmp_path: Path, how: dict[str, bool]
) -> None:
    save_radiograph(tmp_path / "x.png")
    found = find_inputs([tmp_path / "x.png"])
    predict_files(segmenter, found, tmp_path / "out")
    before = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in files_in(tmp_path / "out")}
    with lock_output(tmp_path / "out"), pytest.raises(LungXferError, match="another run writes into this folder"):
        predict_files(segmenter, found, tmp_path / "out", **how)
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in files_in(tmp_path / "out")} == before


@pytest.mark.parametrize("resume", [False, True])
def test_output_folder_that_is_a_file(segmenter: Segmenter, tmp_path: Path, resume: bool) -> None:
    save_radiograph(tmp_path / "x.png")
    with pytest.raises(OutputError, match="a file, not a folder"):
        predict_files(segmenter, find_inputs([tmp_path / "x.png"]), tmp_path / "x.png", resume=resume)


BAD = {
    "zero.png": b"",
    "text.png": b"this is no picture\n",
    "constant.png": None,
    "pixel.png": None,
    "cut.jpg": None,
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_skipped_with_a_reason(segmenter: Segmenter, tmp_path: Path, name: str) -> None:
    path = tmp_path / "in" / name
    save_radiograph(path)
    if BAD[name] is not None:
        path.write_bytes(BAD[name])
    elif name == "cut.jpg":
        path.write_bytes(path.read_bytes()[:400])
    else:
        Image.new("L", (1, 1) if name == "pixel.png" else (60, 40), 42).save(path)
    (row,) = predict_files(segmenter, find_inputs([path]), tmp_path / "out")
    assert row.status == "skipped"
    assert len(row.reason) > 20
    assert str(tmp_path) not in row.reason
    if name == "constant.png":
        assert "every pixel is 42" in row.reason
    assert files_in(tmp_path / "out") == ["predictions.csv", "predictions.json", "predictions.jsonl"]


def test_colour_photograph_is_flagged(segmenter: Segmenter, tmp_path: Path) -> None:
    random = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    (tmp_path / "in").mkdir()
    Image.fromarray(random).save(tmp_path / "in" / "holiday.png")
    (row,) = predict_files(segmenter, find_inputs([tmp_path / "in"]), tmp_path / "out")
    assert row.status == "done"
    assert row.flags[-3:] == ("colour_image", "no_chest", "damaged_picture")


def test_reading_ahead_is_bounded(segmenter: Segmenter, tmp_path: Path, monkeypatch) -> None:
    for number in range(20):
        save_radiograph(tmp_path / "in" / f"x{number:02}.png")
    read, done, ahead = [], [], []
    monkeypatch.setattr(core, "read_radiograph", lambda path, *_, **__: (read.append(path), read_radiograph(path))[1])

    def on_done(prediction) -> None:
        done.append(prediction)
        ahead.append(len(read) - len(done))

    predict_files(segmenter, find_inputs([tmp_path / "in"]), tmp_path / "out", batch_size=2, on_done=on_done)
    assert len(done) == 20
    assert max(ahead) <= 2 + 2 * 2  # the batch, and two batches waiting


def test_interruption_stops_the_reading(segmenter: Segmenter, tmp_path: Path, monkeypatch) -> None:
    for number in range(20):
        save_radiograph(tmp_path / "in" / f"x{number:02}.png")
    read = []
    monkeypatch.setattr(core, "read_radiograph", lambda path, *_, **__: (read.append(path), read_radiograph(path))[1])

    def on_done(prediction) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_files(segmenter, find_inputs([tmp_path / "in"]), tmp_path / "out", batch_size=2, on_done=on_done)
    assert len(read) <= 8
    assert files_in(tmp_path / "out") == ["predictions.jsonl", "x00_mask.png"]


def test_real_radiographs(segmenter: Segmenter, shared_data: Path, tmp_path: Path) -> None:
    native = min((shared_data / "native" / "images").iterdir(), key=lambda path: path.stat().st_size)
    dicom = [shared_data / "dicom" / name for name in ("gdcm_CR_MONO1_10_chest.dcm", "nema_RG1_J2KI.dcm")]
    found = find_inputs([native, *dicom])
    predictions = predict_files(segmenter, found, tmp_path / "out", OutputOptions(overlay=True))
    for item, row in zip(found, predictions, strict=True):
        radiograph = read_radiograph(item.path)
        assert row.status == "done", row.reason
        assert read_mask(tmp_path / "out" / row.mask).shape == radiograph.pixels.shape
        assert (row.spacing, row.spacing_source) == (radiograph.spacing, radiograph.spacing_source)
        with Image.open(tmp_path / "out" / row.overlay) as picture:
            assert max(picture.size) <= 1024 + 16
    document = json.loads((tmp_path / "out" / "predictions.json").read_text(encoding="utf-8"))
    assert len(document["predictions"]) == len(found)


def test_an_interrupted_run_does_only_what_is_left(
    segmenter: Segmenter, folder: Path, tmp_path: Path, monkeypatch
) -> None:
    found, whole, parts = find_inputs([folder]), tmp_path / "whole", tmp_path / "parts"
    expected = predict_files(segmenter, found, whole)
    done = []

    def stop_after_five(prediction) -> None:
        done.append(prediction)
        if len(done) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_files(segmenter, found, parts, batch_size=3, on_done=stop_after_five)
    assert not (parts / "predictions.csv").exists()
    read = []
    monkeypatch.setattr(core, "read_radiograph", lambda path, *_, **__: (read.append(path), read_radiograph(path))[1])
    assert predict_files(segmenter, found, parts, resume=True) == expected
    assert sorted(read) == sorted(
        item.path for item in (*found[:2], *found[5:])
    )  # the two broken ones may have been mended
    assert files_in(parts) == files_in(whole)
    for name in ("predictions.csv", "predictions.json"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()


def test_a_finished_run_takes_what_was_added(segmenter: Segmenter, folder: Path, tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / "out"
    predict_files(segmenter, find_inputs([folder]), out)
    save_radiograph(folder / "ward0" / "new.png")
    read = []
    monkeypatch.setattr(
        core, "read_radiograph", lambda path, *_, **__: (read.append(path.name), read_radiograph(path))[1]
    )
    assert len(predict_files(segmenter, find_inputs([folder]), out, resume=True)) == 13
    assert sorted(read) == ["cut.jpg", "empty.png", "new.png"]


def test_a_folder_with_another_image_of_the_same_name_is_segmented(segmenter: Segmenter, tmp_path: Path) -> None:
    for day, width in (("mon", 90), ("tue", 120)):
        save_radiograph(tmp_path / day / "x.png", width=width)
    out = tmp_path / "out"
    predict_files(segmenter, find_inputs([tmp_path / "mon"]), out)
    (row,) = predict_files(segmenter, find_inputs([tmp_path / "tue"]), out, resume=True)
    assert row.width == 120
    assert read_mask(out / "x_mask.png").shape == (64, 120)


def test_no_two_inputs_share_a_result_after_one_was_added(segmenter: Segmenter, tmp_path: Path) -> None:
    save_radiograph(tmp_path / "in" / "x.png", width=90)
    predict_files(segmenter, find_inputs([tmp_path / "in"]), tmp_path / "out")
    save_radiograph(tmp_path / "x.png", width=120)
    (tmp_path / "x.png").rename(tmp_path / "in" / "x")  # known by its content
    predictions = predict_files(segmenter, find_inputs([tmp_path / "in"]), tmp_path / "out", resume=True)
    assert {row.file: row.mask for row in predictions} == {"x": "x_mask.png", "x.png": "x.png_mask.png"}
    for row in predictions:
        assert read_mask(tmp_path / "out" / str(row.mask)).shape == (row.height, row.width)


def test_what_is_left_out_is_listed(segmenter: Segmenter, tmp_path: Path) -> None:
    save_radiograph(tmp_path / "in" / "x.png")
    write(tmp_path / "in" / "lateral.dcm", radiograph("CR", ViewPosition="LL"))
    (first, second) = predict_files(segmenter, find_inputs([tmp_path / "in"]), tmp_path / "out")
    assert (first.status, first.reason) == ("left out", "its view is not frontal (lateral)")
    assert second.status == "done"
    assert files_in(tmp_path / "out") == ["predictions.csv", "predictions.json", "predictions.jsonl", "x_mask.png"]


def test_the_log_names_files_as_the_table_does(
    segmenter: Segmenter, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch
) -> None:
    inputs = tmp_path / "Roe^Jane" / "a"
    save_radiograph(inputs / "x_mask.png")
    (inputs / "notes.txt").write_text("no image")
    (inputs / "SER1").mkdir()
    write(inputs / "SER1" / "IM1", radiograph("CR", WindowCenter=100, WindowWidth=0))
    monkeypatch.chdir(inputs)
    with caplog.at_level(logging.INFO):
        (row,) = predict_files(segmenter, find_inputs(["."]), tmp_path / "out")
    assert (row.file, row.status) == ("SER1/IM1", "done")
    assert [record.getMessage() for record in caplog.records if record.name.startswith("monai_lungxfer")] == [
        "1 files named *_mask or *_overlay were left out",
        "Files in the folders that were passed over, since they are no images: 1",
        "SER1/IM1: it may be no frontal chest radiograph: its header does not say the body part",
        "SER1/IM1: its window 100/0 is malformed; the full range of values is shown instead",
        "SER1/IM1: the picture looks damaged: a part is noise",
    ]
    assert row.remarks == (
        "it may be no frontal chest radiograph: its header does not say the body part",
        "its window 100/0 is malformed; the full range of values is shown instead",
        "the picture looks damaged: a part is noise",
    )
    assert "Roe" not in "".join(record.getMessage() for record in caplog.records)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such names")
def test_names_of_two_lines(segmenter: Segmenter, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_radiograph(tmp_path / "in" / "a\nb.png")
    (tmp_path / "in" / "c\rd.png").write_bytes(b"")
    found, out = find_inputs([tmp_path / "in"]), tmp_path / "out"
    first = predict_files(segmenter, found, out)
    assert [(row.file, row.mask) for row in first] == [(r"a\u000ab.png", r"a\u000ab_mask.png"), (r"c\u000dd.png", None)]
    assert (out / r"a\u000ab_mask.png").is_file()
    with (out / "predictions.csv").open(newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == [row.file for row in first]
    assert not any("\n" in record.getMessage() or "\r" in record.getMessage() for record in caplog.records)
    journal = Journal(out, segmenter.identity, OutputOptions(), plan(found, OutputOptions()))
    assert list(journal.done()) == [r"a\u000ab.png"]
    assert predict_files(segmenter, found, out, resume=True) == first


def test_strict_skips_what_does_not_look_right(segmenter: Segmenter, shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    real = read_radiograph(min((shared_data / "native" / "images").iterdir())).pixels.astype(np.uint8)
    Image.fromarray(real).save(tmp_path / "in" / "a.png")
    Image.fromarray(real[::-1]).save(tmp_path / "in" / "b.png")
    rows = predict_files(segmenter, find_inputs([tmp_path / "in"]), tmp_path / "out", OutputOptions(strict=True))
    assert [row.status for row in rows] == ["done", "skipped"]
    assert "refused, since strict was asked for: the picture looks as if it lay upside down" in rows[1].reason
    assert str(tmp_path) not in rows[1].reason
    assert (tmp_path / "out" / "a_mask.png").is_file()
    assert not (tmp_path / "out" / "b_mask.png").exists()
    with pytest.raises(OutputError, match="other options"):
        predict_files(segmenter, find_inputs([tmp_path / "in"]), tmp_path / "out", resume=True)


def test_dicom_seg_of_dicom_files_only(segmenter: Segmenter, tmp_path: Path) -> None:
    highdicom = pytest.importorskip("highdicom", reason="the extra dicom is not installed")
    save_radiograph(tmp_path / "in" / "x.png")
    write(tmp_path / "in" / "y.dcm", radiograph("CR"))
    write(tmp_path / "in" / "z.dcm", radiograph("SC", SOPClassUID="1.2.840.10008.5.1.4.1.1.2"))
    rows = predict_files(
        segmenter,
        find_inputs([tmp_path / "in"], any_view=True),
        tmp_path / "out",
        OutputOptions("dicom-seg", overlay=True),
    )
    assert [row.status for row in rows] == ["skipped", "done", "skipped"]
    assert "is a png file, and a DICOM SEG refers to a DICOM image" in rows[0].reason
    segmented = segmenter.segment(read_radiograph(tmp_path / "in" / "y.dcm")).mask
    written = highdicom.seg.segread(tmp_path / "out" / "y_mask.dcm")
    assert np.array_equal(written.pixel_array.reshape(segmented.shape), segmented)
    capture = pydicom.dcmread(tmp_path / "out" / "y_overlay.dcm")
    assert capture.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert capture.SourceImageSequence[0].ReferencedSOPInstanceUID == radiograph("CR").SOPInstanceUID


def test_two_sides_want_dicom_seg() -> None:
    with pytest.raises(LungXferError, match="--format dicom-seg"):
        OutputOptions("png", sides=True)
    with pytest.raises(ValueError, match="bmp"):
        OutputOptions("bmp")


def test_tables_list_the_inputs_of_the_last_run_and_a_run_that_is_stopped_leaves_none(
    segmenter: Segmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a/x.png", "b/y.png"):
        save_radiograph(tmp_path / name)
    out = tmp_path / "out"
    predict_files(segmenter, find_inputs([tmp_path / "a"]), out)
    with caplog.at_level(logging.INFO, logger="monai_lungxfer"):
        predict_files(segmenter, find_inputs([tmp_path / "b"]), out, resume=True)
    assert "Results of other inputs that stay in the folder, but not in the tables: 1" in caplog.text
    assert files_in(out)[-2:] == ["x_mask.png", "y_mask.png"]
    for name in ("predictions.csv", "predictions.json"):
        text = (out / name).read_text()
        assert "y.png" in text
        assert "x.png" not in text
    monkeypatch.setattr(segmenter, "infer", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        predict_files(segmenter, find_inputs([tmp_path / "a"]), out, overwrite=True)
    assert not (out / "predictions.csv").exists()
    assert not (out / "predictions.json").exists()

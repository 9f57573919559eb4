"""Radiographs that end the process, do not fit into memory, or are of a kind that is refused."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pydicom
from dicom_node import chest, wait_until, write_chests
from dicom_radiograph import write

from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.serving.dicom import worker
from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.node import DicomNode
from monai_lungxfer.utils.errors import BundleError, OutputError


def take(node: DicomNode, folder: Path, number: int) -> None:
    (file,) = write_chests(folder / "in", [number])
    node.intake.take_file(file, "watch")


def interrupt_twice(folder: Path) -> None:
    """Leave the journal as two processes do that were killed while the radiograph was in work."""
    journal = NodeJournal(folder / "spool")
    for _ in range(2):
        journal.claim()
        journal.recover(["shelf"])
    journal.close()


def waiting_node(start, folder: Path, portable: Segmenter) -> None:
    """Leave a radiograph in a spool, in work twice."""

    def fail() -> Segmenter:
        raise OutputError("not yet")

    node = start(source=fail)
    take(node, folder, 1)
    node.stop()
    interrupt_twice(folder)


def test_a_radiograph_that_was_in_work_twice_is_tried_in_its_own_process(start, tmp_path, portable, caplog) -> None:
    waiting_node(start, tmp_path, portable)
    node = start()
    wait_until(lambda: node.journal.counts()["done"] == 1)
    assert "tried in a process of its own" in caplog.text


def test_a_process_that_cannot_be_started_is_no_fault_of_the_radiograph(
    start, tmp_path, portable, monkeypatch, caplog
) -> None:
    waiting_node(start, tmp_path, portable)
    monkeypatch.setattr(worker, "_PATIENCE", 0.1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    node = start()
    wait_until(lambda: caplog.text.count("radiograph 1 cannot be segmented yet") > 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    wait_until(lambda: node.journal.counts()["done"] == 1)


def test_a_radiograph_that_ends_that_process_is_set_aside(start, tmp_path, portable, monkeypatch) -> None:
    waiting_node(start, tmp_path, portable)
    monkeypatch.setattr(
        "monai_lungxfer.inference.trial._COMMAND", "import os, sys; print('{}', flush=True); os.abort()"
    )
    node = start()
    wait_until(lambda: node.journal.counts()["failed"] == 1)
    assert "ended each time" in node.journal.find(1).reason


def test_a_full_disk_delays_results_and_loses_none(start, tmp_path, monkeypatch, caplog) -> None:
    monkeypatch.setattr(worker, "_PATIENCE", 0.1)
    node = start()
    real, failures = node.spool.write_results, iter(range(2))

    def write_results(*given) -> None:
        if next(failures, None) is not None:
            raise OutputError("cannot be written (No space left on device)")
        real(*given)

    monkeypatch.setattr(node.spool, "write_results", write_results)
    take(node, tmp_path, 1)
    wait_until(lambda: node.journal.counts()["done"] == 1)
    assert "No space left" in caplog.text


def test_an_unexpected_error_is_the_radiographs_alone(start, tmp_path, portable) -> None:
    asked = iter(range(9))

    def source() -> Segmenter:
        if next(asked) == 0:
            raise KeyError("Secret^Name")
        return portable

    node = start(source=source, jobs=1)
    take(node, tmp_path, 1)
    take(node, tmp_path, 2)
    wait_until(lambda: node.journal.waiting() == 0)
    assert node.journal.find(1).reason == "an unexpected error (KeyError), see the log"
    assert node.journal.find(2).state == "done"


def test_a_model_that_is_not_there_yet_is_no_fault_of_the_radiograph(start, tmp_path, portable, monkeypatch) -> None:
    monkeypatch.setattr(worker, "_PATIENCE", 0.1)
    asked = iter(range(3))

    def source() -> Segmenter:
        if next(asked, None) is not None:
            raise BundleError("the bundle has no weights")
        return portable

    node = start(source=source)
    take(node, tmp_path, 1)
    wait_until(lambda: node.journal.counts()["done"] == 1)


def test_strict_leaves_out_what_does_not_look_like_a_radiograph(start, tmp_path) -> None:
    node = start(results={"strict": True, "kinds": ["segmentation"]})
    image = chest(1)
    image.PixelData = os.urandom(len(image.PixelData) // 2).hex().encode()[: len(image.PixelData)]
    node.intake.take_file(write(tmp_path / "noise.dcm", image), "watch")
    wait_until(lambda: node.journal.waiting() == 0)
    assert node.journal.counts()["left out"] == 1
    assert "strict" in node.journal.last_failures()[0].reason


def test_the_masks_are_those_of_predict(start, tmp_path, portable) -> None:
    node = start(results={"kinds": ["segmentation"], "sides": False})
    (file,) = write_chests(tmp_path / "in", [5])
    node.intake.take_file(file, "watch")
    wait_until(lambda: node.journal.counts()["done"] == 1)
    portable.segment_file(file).save(tmp_path / "mask.dcm")
    made, expected = pydicom.dcmread(node.spool.results(1)[0]), pydicom.dcmread(tmp_path / "mask.dcm")
    assert made.PixelData == expected.PixelData
    assert made.SOPInstanceUID == expected.SOPInstanceUID

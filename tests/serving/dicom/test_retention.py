"""What has expired is removed, and what a person must look at is kept longer."""

from __future__ import annotations

import time
from pathlib import Path

from dicom_node import chest, wait_until, write_chests
from dicom_radiograph import write

from monai_lungxfer.serving.dicom import retention
from monai_lungxfer.serving.dicom.retention import Retention


def test_files_of_done_radiographs_go_and_those_of_failed_ones_stay(start, tmp_path: Path) -> None:
    spool = {"folder": tmp_path / "spool", "free_megabytes": 1, "keep_done_days": 1e-9, "keep_failed_days": 30}
    node = start(spool=spool)
    (file,) = write_chests(tmp_path / "in", [1])
    node.intake.take_file(file, "watch")
    broken = chest(2)
    broken.PixelData = broken.PixelData[:100]
    node.intake.take_file(write(tmp_path / "broken.dcm", broken), "watch")
    wait_until(lambda: node.journal.waiting() == 0)
    assert Retention(node.spool, node.journal).remove_expired() == 1
    assert [path.name for path in (tmp_path / "spool" / "radiographs").iterdir()] == node.journal.files()
    assert [row.state for row in map(node.journal.find, (1, 2)) if row and row.has_files] == ["failed"]
    assert list((tmp_path / "spool" / "results").iterdir()) == []


def test_nothing_expires_by_a_clock_that_was_far_ahead_at_the_start(start, tmp_path: Path, monkeypatch, caplog) -> None:
    node = start()
    (file,) = write_chests(tmp_path / "in", [1])
    node.intake.take_file(file, "watch")
    wait_until(lambda: node.journal.counts()["done"] == 1)
    ahead = time.time() + 400 * 86400
    monkeypatch.setattr(retention, "_EVERY", 0.05)
    monkeypatch.setattr(node.journal, "clock", lambda: ahead)
    keeper = Retention(node.spool, node.journal)
    keeper.start()
    wait_until(lambda: "restart the node" in caplog.text)
    assert len(node.journal.files()) == 1
    monkeypatch.setattr(time, "time", lambda: ahead)  # it is that late
    wait_until(lambda: not node.journal.files())
    keeper.stop()

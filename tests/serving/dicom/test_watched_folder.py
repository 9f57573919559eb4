"""Files from a watched folder: complete ones alone, and each once."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest
from dicom_node import archived, chest, wait_until, write_chests
from dicom_radiograph import write

from monai_lungxfer.utils.errors import LungXferError


@pytest.fixture
def watched(tmp_path: Path) -> Path:
    folder = tmp_path / "watched"
    folder.mkdir()
    return folder


def settings(folder: Path, settle: float = 0.3) -> dict:
    return {"watch": {"folder": folder, "settle_seconds": settle, "every_seconds": 0.05}, "listen": None}


def test_files_are_moved_into_the_spool_and_answered(start, tmp_path: Path, watched: Path) -> None:
    node = start(**settings(watched))
    (watched / "ward").mkdir()
    for file in write_chests(tmp_path / "in", [1, 2]):
        shutil.copy(file, watched / "ward")
    wait_until(lambda: node.journal.counts()["done"] == 2)
    assert len(archived(tmp_path)) == 4
    assert [path for path in watched.rglob("*") if path.is_file()] == []


def test_a_file_that_grows_is_left_until_it_is_whole(start, tmp_path: Path, watched: Path) -> None:
    node = start(**settings(watched, settle=1.5))
    content = write(tmp_path / "1.dcm", chest(1)).read_bytes()
    with (watched / "1.dcm").open("wb") as file:
        for position in range(0, len(content), len(content) // 8):
            file.write(content[position : position + len(content) // 8])
            file.flush()
            os.fsync(file.fileno())
            time.sleep(0.1)
            assert node.journal.files() == []
    wait_until(lambda: node.journal.counts()["done"] == 1)


def test_what_cannot_be_read_gets_a_row_that_says_why(start, watched: Path) -> None:
    node = start(**settings(watched))
    (watched / "Secret Name.txt").write_text("no picture")
    (watched / ".hidden").write_text("not ready")
    (watched / "link.dcm").symlink_to("/etc/hostname")
    wait_until(lambda: node.journal.counts()["failed"] == 1)
    (row,) = node.journal.last_failures()
    assert row.reason
    assert "Secret" not in row.reason
    assert sorted(path.name for path in watched.iterdir()) == [".hidden", "link.dcm"]


def test_a_picture_is_no_dicom_radiograph(start, watched: Path, shared_picture: Path) -> None:
    node = start(**settings(watched))
    shutil.copy(shared_picture, watched / "picture.png")
    wait_until(lambda: node.journal.counts()["failed"] == 1)
    assert "DICOM" in node.journal.last_failures()[0].reason


@pytest.fixture
def shared_picture(tmp_path: Path) -> Path:
    from PIL import Image

    path = tmp_path / "picture.png"
    Image.fromarray(chest(1).pixel_array.astype("uint16")).save(path)
    return path


def test_a_full_spool_leaves_files_where_they_are(start, tmp_path: Path, watched: Path) -> None:
    node = start(**settings(watched), spool={"folder": tmp_path / "spool", "free_megabytes": 10**9})
    write(watched / "1.dcm", chest(1))
    time.sleep(1)
    assert node.journal.files() == []
    assert (watched / "1.dcm").is_file()


def test_a_file_that_cannot_be_read_holds_up_no_other(start, watched: Path, monkeypatch, caplog) -> None:
    write(watched / "forbidden.dcm", chest(1))
    os.utime(watched / "forbidden.dcm", (1, 1))  # the oldest
    write(watched / "2.dcm", chest(2))
    real = Path.open

    def refuse(path: Path, *args, **kwargs):  # as root, the tests may read everything
        if path.name == "forbidden.dcm":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    node = start(**settings(watched))
    wait_until(lambda: node.journal.counts()["done"] == 1)
    assert [path.name for path in watched.iterdir()] == ["forbidden.dcm"]
    assert caplog.text.count("cannot be read, and is left there") == 1


def test_a_file_that_is_too_large_for_the_disk_holds_up_no_other(start, tmp_path: Path, watched: Path) -> None:
    with (watched / "huge.iso").open("wb") as file:
        file.truncate(1 << 42)
    os.utime(watched / "huge.iso", (1, 1))
    write(watched / "2.dcm", chest(2))
    node = start(**settings(watched))
    wait_until(lambda: node.journal.counts()["done"] == 1)
    assert [path.name for path in watched.iterdir()] == ["huge.iso"]


def test_a_file_that_is_changed_while_it_is_taken_stays_and_is_taken_whole(start, watched: Path, monkeypatch) -> None:
    node = start(**settings(watched))
    content = write(watched.parent / "whole.dcm", chest(1)).read_bytes()
    real, halves = node.intake.take_file, [content[len(content) // 2 :]]

    def take(file: Path, source: str):
        row = real(file, source)
        if halves:  # the writer had paused for longer than settle_seconds, and goes on
            with file.open("ab") as rest:
                rest.write(halves.pop())
        return row

    monkeypatch.setattr(node.intake, "take_file", take)
    (watched / "1.dcm").write_bytes(content[: len(content) // 2])
    wait_until(lambda: node.journal.counts()["done"] == 1)
    wait_until(lambda: list(watched.iterdir()) == [])


def test_a_missing_folder_is_told_at_the_start(start, tmp_path: Path) -> None:
    with pytest.raises(LungXferError, match="watched folder is missing"):
        start(**settings(tmp_path / "nowhere"))

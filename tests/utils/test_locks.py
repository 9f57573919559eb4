"""Locks of output folders: who holds one is told, and a process that dies holds none."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import filelock
import pytest

from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.locks import LOCK_NAME, hold_lock, lock_output, lock_replacement

HOLD = """
import sys
from pathlib import Path
from monai_lungxfer.utils.locks import lock_output
with lock_output(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen]:
    """Another process, which holds the lock of a folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "out")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_process_is_told_who_is_first_and_a_killed_one_holds_nothing(
    other: subprocess.Popen, tmp_path: Path
) -> None:
    told = rf"another run writes into this folder: process {other.pid} on {platform.node()}, since 20\d\d-.*--out"
    for _ in range(2):  # asking takes nothing away
        with pytest.raises(LungXferError, match=told), lock_output(tmp_path / "out"):
            pytest.fail("two hold it")
    other.kill()
    other.wait()
    with lock_output(tmp_path / "out"):
        assert str(os.getpid()) in (tmp_path / "out" / LOCK_NAME).read_text()
    assert list((tmp_path / "out").iterdir()) == []


def test_one_process_does_not_hold_it_twice_but_again(tmp_path: Path) -> None:
    with lock_output(tmp_path), pytest.raises(LungXferError, match=f"process {os.getpid()}"), lock_output(tmp_path):
        pytest.fail("held twice")
    with lock_output(tmp_path):
        pass


def test_a_holder_that_said_nothing_of_itself(tmp_path: Path) -> None:
    with (
        filelock.FileLock(tmp_path / LOCK_NAME),
        pytest.raises(LungXferError, match=r"into this folder\. Wait"),
        lock_output(tmp_path),
    ):
        pytest.fail("two hold it")


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch, caplog) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    with lock_output(tmp_path):
        assert "cannot be locked" in caplog.text


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"), hold_lock(tmp_path / "file" / "x", "", ""):
        pytest.fail("there is no such folder")
    with lock_output(tmp_path / "file"):  # which the command refuses in its own words
        assert (tmp_path / "file").read_text() == "in the way"


def test_the_lock_of_a_folder_that_is_put_in_place_as_a_whole_lies_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "data"
    with lock_replacement(target):
        assert [path.name for path in tmp_path.iterdir()] == [".data.lungxfer.lock"]
        with pytest.raises(LungXferError, match="data: another run writes this folder"), lock_replacement(target):
            pytest.fail("two hold it")
    assert list(tmp_path.iterdir()) == []

"""The supervisor of the fuzzing: what it counts, goes on with, and notes of workers that died."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("resource", reason="the system knows no limits on memory")

import fuzz_reader
from fuzz_reader import Tally, meaning_table, supervise, table
from source_tree import REPOSITORY


def test_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    (tmp_path / "png-seeded.log").write_text("1.0\t0.5\tread\n" * 10)
    tally = supervise("png", "seeded", 0, 30, tmp_path)
    assert len(tally.lines) == 30
    assert tally.count("read") > 10
    assert tally.count("refused") > 3
    assert tally.count("finding") == 0
    assert not (tmp_path / "png-seeded.input").exists()
    monkeypatch.setattr(fuzz_reader.subprocess, "run", None)
    assert supervise("png", "seeded", 0, 30, tmp_path) == tally


def test_ends_of_known_radiographs_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydicom", minversion="3", reason="pydicom 2 cannot write most of the encodings")
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    tally = supervise("dicom", "meaning", 0, 40, tmp_path)
    counts = [int(row.split(" | ")[1].strip("| ")) for row in meaning_table(tally).splitlines()[2:]]
    assert sum(counts) == 40
    assert min(counts[:3]) > 4


class Worker:
    """Stands for the process: it refuses an input and dies of the next, or ends at once with exit code 1."""

    def __init__(self, folder: Path, *codes: int) -> None:
        self.folder, self.codes = folder, list(codes)
        self.returncode = 0

    def __call__(self, words: list[str], **_: object) -> Worker:
        self.returncode = self.codes.pop(0)
        if self.returncode != 1:
            (self.folder / "png-seeded.input").write_bytes(b"the input")
            with (self.folder / "png-seeded.log").open("a") as log:
                log.write("2000.0\t70.0\trefused\n")
        return self


def test_inputs_that_kill_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_reader.subprocess, "run", Worker(tmp_path, -11, 77, -27))
    tally = supervise("png", "seeded", 0, 6, tmp_path)
    assert [result for _, _, result in tally.lines] == [
        *("refused", "finding: killed by SIGSEGV"),
        *("refused", "finding: ended with exit code 77"),
        *("refused", "finding: killed by SIGPROF"),
    ]
    assert [file.read_bytes() for file in (tmp_path / "findings").iterdir()] == 3 * [b"the input"]
    rows = table([tally]).splitlines()
    assert rows[2] == "| png | seeded | 6 | 0 | 3 | 3 | 2,000 | 70 |"
    assert rows[3] == "| all |  | 6 | 0 | 3 | 3 | 2,000 | 70 |"


def test_a_worker_that_does_not_start_is_no_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_reader.subprocess, "run", Worker(tmp_path, 1))
    with pytest.raises(SystemExit, match="does not start: exit code 1"):
        supervise("png", "seeded", 0, 4, tmp_path)


def test_the_table_counts_nothing_where_there_is_no_log(tmp_path: Path) -> None:
    assert Tally.of(tmp_path, "png", "seeded").row()[2:6] == ("0", "0", "0", "0")

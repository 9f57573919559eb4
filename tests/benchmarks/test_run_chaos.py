"""The harness that disturbs commands: what it counts, and a short run of it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from chaos.commands import COMMANDS
from chaos.outcome import Difference, broken_files, compare_outcomes, read_outcome
from chaos.trial import Verdict
from run_chaos import chosen_faults, print_table
from source_tree import REPOSITORY

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked and limited as Linux does")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """What a command has left: a table, a document, weights, and an input that does not count."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(b"an input")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.pt").write_bytes(b"weights")
    (tmp_path / "out" / "epochs.csv").write_text("epoch,val_loss,train_seconds\n1,0.5,3.1\n2,0.4,3.2\n")
    (tmp_path / "out" / "test.json").write_text('{"images": 2, "seconds": 3.1}')
    return tmp_path


def counts(found: Difference) -> tuple[int, int, int, int]:
    return found.lost, found.doubled, found.wrong, found.leftovers


def test_times_and_places_make_no_difference(place: Path) -> None:
    before = read_outcome(place)
    (place / "out" / "epochs.csv").write_text("epoch,val_loss,train_seconds\n1,0.5,9.9\n2,0.4,9.8\n")
    (place / "out" / "test.json").write_text('{"seconds": 9.9, "images": 2}')
    (place / "in" / "a.png").unlink()
    assert counts(compare_outcomes(before, read_outcome(place))) == (0, 0, 0, 0)


def test_what_is_lost_doubled_wrong_and_left_over_is_counted(place: Path) -> None:
    before = read_outcome(place)
    (place / "out" / "epochs.csv").write_text("epoch,val_loss,train_seconds\n1,0.7,3.1\n1,0.5,3.1\n3,0.4,3.2\n")
    (place / "out" / "model.pt").unlink()
    hidden = place / "out" / ".model-12345678"
    hidden.mkdir()
    (hidden / "one.pt").touch()
    (hidden / "two.pt").touch()
    found = compare_outcomes(before, read_outcome(place))
    assert counts(found) == (2, 2, 0, 1)
    assert found.notes == [
        "left over: out/.model-12345678",
        "doubled: out/epochs.csv 1",
        "lost: out/epochs.csv 2",
        "not asked for: out/epochs.csv 3",
        "lost: out/model.pt",
    ]


def test_other_content_is_wrong(place: Path) -> None:
    before = read_outcome(place)
    (place / "out" / "model.pt").write_bytes(b"others")
    assert compare_outcomes(before, read_outcome(place)).notes == ["wrong: out/model.pt"]


def test_a_run_that_still_runs_is_told(place: Path) -> None:
    database = place / "out" / "mlruns.db"
    with closing(sqlite3.connect(database)) as store, store:
        store.execute("CREATE TABLE runs (run_uuid, name, status)")
        store.execute("CREATE TABLE metrics (run_uuid, key, step)")
        store.execute("CREATE TABLE registered_model_aliases (name, alias, version)")
        store.execute("INSERT INTO runs VALUES ('1', 'training', 'FINISHED')")
        store.execute("INSERT INTO metrics VALUES ('1', 'loss', 1)")
    before = read_outcome(place)
    with closing(sqlite3.connect(database)) as store, store:
        store.execute("INSERT INTO runs VALUES ('2', 'training', 'RUNNING')")
        store.execute("INSERT INTO runs VALUES ('3', 'training', 'FAILED')")
        store.execute("INSERT INTO metrics VALUES ('1', 'loss', 1)")
    assert compare_outcomes(before, read_outcome(place)).notes == [
        "not asked for: out/mlruns.db run training RUNNING",
        "doubled: out/mlruns.db training: loss 1",
    ]
    assert compare_outcomes(read_outcome(place, tracked=False), read_outcome(place, tracked=False)).notes == []


def test_half_a_file_under_its_final_name_is_found(place: Path) -> None:
    (place / "out" / "split.json").write_text('{"images": [')
    (place / "out" / ".split-12345678.json").write_text('{"images": [')
    assert [*broken_files(place)] == [
        "half-written: out/model.pt (BadZipFile)",
        "half-written: out/split.json (JSONDecodeError)",
    ]


def test_every_kind_of_fault_comes_once_before_any_comes_again() -> None:
    names = chosen_faults(400, seed=1)
    assert len(set(names)) == 400
    first = {name.rpartition("/")[0] for name in names if name.endswith("/0")}
    assert {kind.partition("/")[0] for kind in first} == set(COMMANDS)
    assert all(name.endswith("/0") for name in names[: len(first)])
    assert names != chosen_faults(400, seed=2)
    assert {name.split("/")[0] for name in chosen_faults(9, only=["train/*"])} == {"train"}
    assert chosen_faults(9, only=["no such command/*"]) == []


def test_commands_begin_with_results_of_those_that_come_before() -> None:
    known: set[str] = set()
    for name, command in COMMANDS.items():
        assert command.begun is None or command.begun in known
        known.add(name)


def test_the_table_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([Verdict("train/SIGKILL/0", seconds=2), Verdict("train/full disk/0", lost=2, stuck=1, seconds=3)])
    lines = capsys.readouterr().out.splitlines()
    assert "| train | 2 | 2 | 0 | 0 | 0 | 0 | 1 | 5 |" in lines
    assert "| SIGKILL | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 2 |" in lines


@pytest.mark.slow
@linux
def test_a_short_run_does_no_harm(tmp_path: Path) -> None:
    script = REPOSITORY / "benchmarks" / "run_chaos.py"
    options = ["--only", "predict/[!m]*", "--only", "weights [ap]*", "--faults", "6", "--work", tmp_path / "work"]
    run = subprocess.run(
        [sys.executable, script, *options, "--out", tmp_path / "verdicts.json"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(json.loads((tmp_path / "verdicts.json").read_text())) == 6
    assert not (tmp_path / "work").exists()

"""The states of radiographs and deliveries, through interruptions and steps of the clock."""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.journal_rows import Arrival
from monai_lungxfer.utils.errors import LungXferError, OutputError

ARRIVAL = Arrival("1.dcm", "1.2.3", "SECRET-ACCESSION", "pixels", "store")


@pytest.fixture
def journal(tmp_path: Path):
    opened = NodeJournal(tmp_path)
    yield opened
    opened.close()


def add(journal: NodeJournal, *numbers: int) -> None:
    for number in numbers:
        journal.add(replace(ARRIVAL, file=f"{number}.dcm", instance=f"1.2.{number}"))


def finish(journal: NodeJournal, number: int, *destinations: str) -> None:
    journal.finish(number, model="portable 1.0", flags=("one_lung",), destinations=destinations)


def test_a_radiograph_goes_from_state_to_state(journal: NodeJournal) -> None:
    add(journal, 1)
    assert journal.counts()["received"] == journal.waiting() == 1
    (row,) = journal.claim()
    assert journal.claim() == []
    finish(journal, row.number, "a", "b")
    assert journal.find(1).state == "segmented"
    assert [delivery.number for delivery in journal.due("a", 9)] == [1]
    journal.delivered("a", [1])
    assert journal.deliveries(1) == {"a": "delivered", "b": "waiting"}
    assert journal.waiting() == 1
    journal.delivered("b", [1])
    assert journal.waiting() == 0
    (last,) = journal.last_results()
    assert (last.state, last.model, last.flags) == ("done", "portable 1.0", ("one_lung",))
    assert len(journal.latencies()) == 2
    assert journal.backlog() == {name: {"waiting": 0, "delivered": 1, "dead": 0} for name in ("a", "b")}


def test_what_another_connection_has_in_work_is_not_due(journal: NodeJournal) -> None:
    add(journal, 1, 2, 3)
    for row in journal.claim(3):
        finish(journal, row.number, "a")
    assert [delivery.number for delivery in journal.due("a", 9, [1, 3])] == [2]
    assert [journal.seconds_to_next("a", numbers) for numbers in ([1, 3], [1, 2, 3])] == [0, None]


def test_the_oldest_is_claimed_first(journal: NodeJournal) -> None:
    add(journal, 1, 2, 3)
    assert [row.number for row in journal.claim(2)] == [1, 2]
    journal.release(1)
    assert [row.number for row in journal.claim(2)] == [1, 3]


def test_the_same_content_is_one_row_and_another_is_a_version(journal: NodeJournal) -> None:
    first, is_new = journal.add(ARRIVAL)
    again = journal.add(replace(ARRIVAL, file="2.dcm"))
    other, is_other = journal.add(replace(ARRIVAL, file="3.dcm", content="other pixels"))
    assert is_new
    assert again == (first, False)
    assert is_other
    assert (other.version, other.file) == (2, "3.dcm")


def test_what_gave_no_results_is_taken_up_when_it_comes_anew(journal: NodeJournal) -> None:
    left_out, _ = journal.add(replace(ARRIVAL, reason="is a lateral view"))
    assert not journal.take_up(left_out, replace(ARRIVAL, file="2.dcm", reason="is a lateral view"))
    assert journal.take_up(left_out, replace(ARRIVAL, file="3.dcm"))
    assert not journal.take_up(left_out, replace(ARRIVAL, file="4.dcm")), "another thread was first"
    journal.forget_files([1])  # which had expired as it came anew
    (row,) = journal.claim()
    assert (row.file, row.state, row.reason, row.has_files) == ("3.dcm", "received", None, True)
    journal.fail(1, "cannot be decoded")
    assert journal.take_up(journal.find(1), replace(ARRIVAL, file="5.dcm"))
    assert journal.files() == ["5.dcm"]
    journal.claim()
    finish(journal, 1, "a")
    assert not journal.take_up(journal.find(1), replace(ARRIVAL, file="6.dcm"))
    journal.delivered("a", [1])
    assert not journal.take_up(journal.find(1), replace(ARRIVAL, file="6.dcm"))


def test_what_was_given_up_is_taken_up_anew_when_its_files_are_gone(journal: NodeJournal) -> None:
    add(journal, 1)
    journal.claim()
    finish(journal, 1, "a", "b")
    journal.delivered("a", [1])
    journal.postpone(journal.due("b", 1)[0], "refused", None)
    again = replace(ARRIVAL, file="2.dcm")
    assert not journal.take_up(journal.find(1), again), "its results are there, for --retry"
    journal.forget_files([1])
    assert journal.take_up(journal.find(1), again)
    assert journal.claim()[0].has_files
    finish(journal, 1, "a", "b")
    assert journal.deliveries(1) == {"a": "delivered", "b": "waiting"}


def test_what_was_in_work_is_taken_up_after_the_process_ended(tmp_path: Path) -> None:
    killed = NodeJournal(tmp_path)
    add(killed, 1, 2)
    killed.claim()
    killed.close()
    journal = NodeJournal(tmp_path)
    assert journal.recover(["a"]) == 1
    assert [(row.number, row.interruptions) for row in journal.claim(9)] == [(1, 1), (2, 0)]


def test_a_delivery_is_given_up_and_taken_up_again(journal: NodeJournal) -> None:
    add(journal, 1, 2)
    journal.claim(2)
    finish(journal, 1, "a", "b")
    journal.fail(2, "cannot be decoded")
    journal.delivered("b", [1])
    (delivery,) = journal.due("a", 9)
    journal.postpone(delivery, "refused", None)
    letters = {(letter.number, letter.destination): letter.reason for letter in journal.dead_letters()}
    assert letters == {(1, "a"): "refused", (2, None): "cannot be decoded"}
    assert journal.find(1).reason == "a: refused"
    assert journal.retry_dead_letters(["a", "b"]) == 2
    assert journal.counts() == {"received": 1, "segmented": 1, "done": 0, "failed": 0, "left out": 0}
    assert journal.deliveries(1) == {"a": "waiting", "b": "delivered"}
    journal.delivered("a", [1])
    assert journal.find(1).state == "done"


def test_a_retry_is_due_at_once_for_a_node_whose_clock_is_behind(journal: NodeJournal, tmp_path: Path) -> None:
    add(journal, 1)
    journal.claim()
    finish(journal, 1, "a")
    journal.postpone(journal.due("a", 1)[0], "refused", None)
    other = NodeJournal(tmp_path)
    node_clock = other.clock
    other.clock = lambda: node_clock() + 7200  # the system's clock was put forward since the node's start
    assert other.retry_dead_letters(["a"]) == 1
    other.close()
    assert [delivery.number for delivery in journal.due("a", 1)] == [1]


def test_a_retry_does_not_wait_for_a_destination_that_nobody_delivers_to(journal: NodeJournal) -> None:
    add(journal, 1, 2)
    journal.claim(2)
    finish(journal, 1, "a", "gone")
    finish(journal, 2, "gone")
    for name in ("a", "gone"):
        for delivery in journal.due(name, 9):
            journal.postpone(delivery, "refused", None)
    assert journal.retry_dead_letters(["a"]) == 1
    assert journal.deliveries(1) == {"a": "waiting", "gone": "dead"}
    assert journal.find(2).state == "failed"
    journal.delivered("a", [1])
    assert (journal.waiting(), journal.find(1).reason) == (0, "gone: refused")


def test_deliveries_to_a_destination_that_is_no_longer_set_are_given_up(journal: NodeJournal) -> None:
    add(journal, 1)
    journal.claim()
    finish(journal, 1, "old")
    journal.recover(["new"])
    assert journal.find(1).state == "failed"
    assert "no longer in the settings" in journal.find(1).reason


@pytest.mark.parametrize("step", [-86400, 86400])
def test_a_step_of_the_clock_neither_stalls_nor_hurries_a_running_node(journal: NodeJournal, monkeypatch, step) -> None:
    add(journal, 1)
    journal.claim()
    finish(journal, 1, "a")
    journal.postpone(journal.due("a", 1)[0], "refused", 100)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + step)
    assert 95 < journal.seconds_to_next("a") <= 100
    assert journal.due("a", 1) == []


def test_a_clock_that_was_turned_back_between_two_starts_stalls_nothing(tmp_path: Path, monkeypatch) -> None:
    journal = NodeJournal(tmp_path)
    add(journal, 1)
    journal.claim()
    finish(journal, 1, "a")
    journal.postpone(journal.due("a", 1)[0], "refused", 10)
    journal.close()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() - 30 * 86400)
    again = NodeJournal(tmp_path)
    assert again.seconds_to_next("a") > 86400
    again.recover(["a"])
    assert again.seconds_to_next("a") <= 10


def test_what_ended_by_a_clock_that_was_ahead_expires_all_the_same(journal: NodeJournal, monkeypatch) -> None:
    right = journal.clock
    monkeypatch.setattr(journal, "clock", lambda: right() + 400 * 86400)
    add(journal, 1)
    journal.claim()
    journal.fail(1, "broken")
    monkeypatch.setattr(journal, "clock", right)
    journal.recover([])
    monkeypatch.setattr(journal, "clock", lambda: right() + 31 * 86400)
    assert [row.number for row in journal.expired(1, 30)] == [1]


def test_threads_add_together(journal: NodeJournal) -> None:
    def add_some(thread: int) -> None:
        add(journal, *range(thread * 100, thread * 100 + 20))

    threads = [threading.Thread(target=add_some, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.counts()["received"] == 160
    assert len(set(journal.files())) == 160


def test_a_change_that_fails_undoes_itself_alone(journal: NodeJournal) -> None:
    add(journal, 1)
    with pytest.raises(sqlite3.IntegrityError):
        journal.database.change(lambda connection: connection.execute("UPDATE radiographs SET file = NULL").rowcount)
    add(journal, 2)
    assert journal.files() == ["1.dcm", "2.dcm"]


def test_nothing_of_the_patient_is_in_the_file(journal: NodeJournal, tmp_path: Path) -> None:
    row, _ = journal.add(ARRIVAL)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"SECRET-ACCESSION" not in written
    assert b"1.2.3" not in written
    assert len(row.accession) == 12
    assert row.accession == journal.hash_accession("SECRET-ACCESSION")


def test_hashes_differ_from_spool_to_spool(tmp_path: Path) -> None:
    hashes = {NodeJournal(tmp_path / name).hash_accession("1") for name in ("a", "b")}
    assert len(hashes) == 2


def test_expired_files_and_rows_are_found(journal: NodeJournal) -> None:
    add(journal, 1, 2, 3)
    journal.claim(2)
    finish(journal, 1, "a")
    journal.delivered("a", [1])
    journal.fail(2, "cannot be decoded")
    assert [row.number for row in journal.expired(0, 1)] == [1]
    assert [row.number for row in journal.expired(0, 0)] == [1, 2]
    assert journal.expired(1, 1) == []
    journal.forget_files([1, 2])
    assert journal.expired(0, 0) == []
    assert journal.retry_dead_letters(["a"]) == 0
    assert journal.forget_rows(0, 1) == 1
    assert journal.find(1) is None
    assert journal.find(2) is not None


def test_a_journal_of_a_later_version_is_refused(tmp_path: Path) -> None:
    NodeJournal(tmp_path).close()
    with sqlite3.connect(tmp_path / "journal.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LungXferError, match="later version"):
        NodeJournal(tmp_path)


def test_a_damaged_journal_is_told(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite").write_bytes(b"no database, and not empty" * 100)
    with pytest.raises(OutputError, match="journal"):
        NodeJournal(tmp_path)

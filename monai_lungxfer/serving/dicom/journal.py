"""The journal of a DICOM node: which radiographs came, what became of them, and what is still to be done.

A radiograph is received, then segmented, then done when all destinations have its results. It is left out when the
rules do not take it, and failed when it cannot be segmented or a destination was given up; the reason says why.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from monai_lungxfer.serving.dicom.journal_rows import Arrival, Delivery, NodeRow, restore_row
from monai_lungxfer.serving.dicom.journal_view import DAY, JournalView

_UNKNOWN = "this destination is no longer in the settings"


class NodeJournal(JournalView):
    """The journal in a spool's folder. Threads may use it at the same time, and `--retry` while a node runs.

    A method that changes something returns when that is on the disk. Every method raises OutputError when the file
    cannot be read or written.
    """

    def recover(self, destinations: Iterable[str]) -> int:
        """Take up what a process that ended left in work, and return the number; for the node's start alone.

        Deliveries to other destinations than these are given up. Where the clock was turned back meanwhile, none is due
        further away than it was put off, and nothing has ended later than now.
        """
        known = set(destinations)

        def make(connection: sqlite3.Connection) -> int:
            connection.execute("UPDATE deliveries SET next_at = ?1 + delay WHERE next_at > ?1 + delay", (self.clock(),))
            connection.execute("UPDATE radiographs SET done_at = ?1 WHERE done_at > ?1", (self.clock(),))
            waiting = "SELECT radiograph, destination FROM deliveries WHERE state = 'waiting'"
            for number, destination in connection.execute(waiting).fetchall():
                if destination not in known:
                    connection.execute(
                        "UPDATE deliveries SET state = 'dead', reason = ? WHERE radiograph = ? AND destination = ?",
                        (_UNKNOWN, number, destination),
                    )
                    self._conclude(connection, (number,))
            return connection.execute(
                "UPDATE radiographs SET in_work = 0, interruptions = interruptions + 1 WHERE in_work = 1"
            ).rowcount

        return self.database.change(make)

    def add(self, arrival: Arrival) -> tuple[NodeRow, bool]:
        """Add a radiograph, and return its row and whether it is new.

        One that came before, with the same content, is not added: the row is that one's. With another content under
        the same SOP Instance UID, it is a version of its own.
        """

        def make(connection: sqlite3.Connection) -> tuple[NodeRow, bool]:
            instance = self.hash_text("instance", arrival.instance)
            rows = connection.execute("SELECT * FROM radiographs WHERE instance = ?", (instance,)).fetchall()
            for row in rows:
                if row["content"] == arrival.content:
                    return restore_row(row), False
            now = self.clock()
            added = connection.execute(
                "INSERT INTO radiographs (file, instance, version, content, accession, source, state, received_at,"
                " done_at, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
                (
                    arrival.file,
                    instance,
                    max((row["version"] for row in rows), default=0) + 1,
                    arrival.content,
                    self.hash_accession(arrival.accession),
                    arrival.source,
                    "received" if arrival.reason is None else "left out",
                    now,
                    None if arrival.reason is None else now,
                    arrival.reason,
                ),
            ).fetchall()
            return restore_row(added[0]), True

        return self.database.change(make)

    def take_up(self, row: NodeRow, arrival: Arrival) -> bool:
        """Take up again, with its new file, one that came anew and gave no results before; tell whether so.

        It could not be segmented, was left out by rules that it no longer breaks, or was given up and its files went.
        """

        def make(connection: sqlite3.Connection) -> bool:
            is_taken = connection.execute(
                "UPDATE radiographs SET file = ?1, source = ?2, state = 'received', received_at = ?3, has_files = 1,"
                " segmented_at = NULL, done_at = NULL, reason = NULL WHERE id = ?4 AND file = ?5"
                " AND (state = 'left out' OR (state = 'failed' AND (segmented_at IS NULL OR has_files = 0)))",
                (arrival.file, arrival.source, self.clock(), row.number, row.file),
            ).rowcount
            if is_taken:
                connection.execute("DELETE FROM deliveries WHERE radiograph = ? AND state = 'dead'", (row.number,))
            return bool(is_taken)

        return arrival.reason is None and self.database.change(make)

    def claim(self, limit: int = 1) -> list[NodeRow]:
        """Take the oldest radiographs to segment; they stay in work until `finish`, `fail` or `recover`."""

        def make(connection: sqlite3.Connection) -> list[NodeRow]:
            rows = connection.execute(
                "UPDATE radiographs SET in_work = 1 WHERE id IN (SELECT id FROM radiographs"
                " WHERE state = 'received' AND in_work = 0 ORDER BY id LIMIT ?) RETURNING *",
                (limit,),
            ).fetchall()
            return sorted(map(restore_row, rows), key=lambda row: row.number)

        return self.database.change(make)

    def release(self, number: int) -> None:
        """Give back a radiograph that was claimed and not begun."""
        self._update("UPDATE radiographs SET in_work = 0 WHERE id = ?", number)

    def finish(self, number: int, *, model: str, flags: Sequence[str], destinations: Iterable[str]) -> None:
        """Note that the results of a radiograph are in the spool, and to which destinations they shall go."""
        names = tuple(destinations)

        def make(connection: sqlite3.Connection) -> None:
            now = self.clock()
            connection.execute(
                "UPDATE radiographs SET state = 'segmented', in_work = 0, segmented_at = ?, model = ?, flags = ?,"
                " reason = NULL WHERE id = ?",
                (now, model, ",".join(flags), number),
            )
            connection.executemany(
                "INSERT OR IGNORE INTO deliveries (radiograph, destination, state, next_at)"
                " VALUES (?, ?, 'waiting', ?)",
                [(number, name, now) for name in names],
            )
            self._conclude(connection, (number,))  # when it came anew, and all of them have its results

        self.database.change(make)

    def fail(self, number: int, reason: str, *, left_out: bool = False) -> None:
        """Note why a radiograph cannot be segmented, or is left out by the rules after all."""
        state = "left out" if left_out else "failed"
        self._update(
            "UPDATE radiographs SET state = ?, in_work = 0, reason = ?, done_at = ? WHERE id = ?",
            *(state, reason, self.clock(), number),
        )

    def delivered(self, destination: str, numbers: Iterable[int]) -> None:
        """Note that a destination has the results of these radiographs."""
        wanted = tuple(numbers)

        def make(connection: sqlite3.Connection) -> None:
            now = self.clock()
            connection.executemany(
                "UPDATE deliveries SET state = 'delivered', tries = tries + 1, delivered_at = ?, reason = NULL"
                " WHERE radiograph = ? AND destination = ?",
                [(now, number, destination) for number in wanted],
            )
            self._conclude(connection, wanted)

        self.database.change(make)

    def postpone(self, delivery: Delivery, reason: str, delay: float | None) -> None:
        """Note why a delivery did not succeed; it is due again after `delay` seconds, or given up without one."""

        def make(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE deliveries SET state = ?, tries = tries + 1, next_at = ?, delay = ?, reason = ?"
                " WHERE radiograph = ? AND destination = ?",
                (
                    "dead" if delay is None else "waiting",
                    self.clock() + (delay or 0),
                    delay or 0,
                    reason,
                    delivery.number,
                    delivery.destination,
                ),
            )
            self._conclude(connection, (delivery.number,))

        self.database.change(make)

    def _conclude(self, connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
        """End radiographs of which nothing waits any more: done, or failed when a destination was given up."""
        connection.executemany(
            "UPDATE radiographs SET done_at = ?1, state = IIF(dead.reason IS NULL, 'done', 'failed'),"
            " reason = dead.reason FROM (SELECT MIN(destination || ': ' || reason) AS reason FROM deliveries"
            " WHERE radiograph = ?2 AND state = 'dead') AS dead"
            " WHERE id = ?2 AND NOT EXISTS (SELECT 1 FROM deliveries WHERE radiograph = ?2 AND state = 'waiting')",
            [(self.clock(), number) for number in numbers],
        )

    def retry_dead_letters(self, destinations: Iterable[str]) -> int:
        """Take up all that needed a person, as far as its files are kept, and return the number of radiographs.

        Deliveries to other destinations than these stay given up. All are due at once by any process's clock.
        """
        names = (json.dumps(list(destinations)),)

        def make(connection: sqlite3.Connection) -> int:
            segmented = connection.execute(
                "UPDATE radiographs SET state = 'segmented', done_at = NULL, reason = NULL WHERE state = 'failed'"
                " AND has_files = 1 AND id IN (SELECT radiograph FROM deliveries WHERE state = 'dead'"
                " AND destination IN (SELECT value FROM json_each(?)))",
                names,
            ).rowcount
            received = connection.execute(
                "UPDATE radiographs SET state = 'received', done_at = NULL, reason = NULL, interruptions = 0"
                " WHERE state = 'failed' AND has_files = 1 AND segmented_at IS NULL"
            ).rowcount
            connection.execute(
                "UPDATE deliveries SET state = 'waiting', tries = 0, next_at = 0, delay = 0 WHERE state = 'dead' AND"
                " destination IN (SELECT value FROM json_each(?))"
                " AND (SELECT state FROM radiographs WHERE id = radiograph) = 'segmented'",
                names,
            )
            return segmented + received

        return self.database.change(make)

    def _update(self, statement: str, *values: Any) -> None:
        self.database.change(lambda connection: connection.execute(statement, values).rowcount)

    def forget_files(self, numbers: Iterable[int]) -> None:
        """Note that the files of radiographs are no longer there; those that were taken up meanwhile have new ones."""
        forget = "UPDATE radiographs SET has_files = 0 WHERE id = ? AND done_at IS NOT NULL"
        wanted = [(number,) for number in numbers]
        self.database.change(lambda connection: connection.executemany(forget, wanted).rowcount)

    def forget_rows(self, done_days: float, failed_days: float) -> int:
        """Remove the rows without files that ended so long ago, and return their number."""

        def make(connection: sqlite3.Connection) -> int:
            now = self.clock()
            connection.execute("DELETE FROM fetched WHERE at < ?", (now - done_days * DAY,))
            return connection.execute(
                "DELETE FROM radiographs WHERE has_files = 0 AND done_at < IIF(state = 'failed', ?, ?)",
                (now - failed_days * DAY, now - done_days * DAY),
            ).rowcount

        return self.database.change(make)

    def add_fetched(self, instances: Iterable[str]) -> None:
        """Note that a DICOMweb poll has fetched what has these UIDs; see `is_fetched`."""
        wanted = [(self.hash_text("fetched", instance), self.clock()) for instance in instances]
        self.database.change(
            lambda connection: connection.executemany("INSERT OR REPLACE INTO fetched VALUES (?, ?)", wanted).rowcount
        )

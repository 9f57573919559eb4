"""What can be asked of a DICOM node's journal, without changing it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from monai_lungxfer.serving.dicom.database import Database, SteadyClock
from monai_lungxfer.serving.dicom.journal_rows import STATES, DeadLetter, Delivery, NodeRow, State, restore_row

JOURNAL_NAME = "journal.sqlite"
DAY = 86400  # seconds

_HASH = 12  # hexadecimal digits that tell one accession number from others


class JournalView:
    """Questions to the journal in a spool's folder. Threads may ask at the same time, and other processes.

    Every method raises OutputError when the file cannot be read.
    """

    def __init__(self, spool: Path) -> None:
        self.clock: Callable[[], float] = SteadyClock()
        self.database = Database(spool / JOURNAL_NAME)

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def hash_accession(self, accession: str) -> str:
        """Return what stands for an accession number on the status page; "" for none."""
        return self.hash_text("accession", accession)[:_HASH] if accession else ""

    def hash_text(self, kind: str, text: str) -> str:
        """Return what stands for a text of this kind in this spool's journal."""
        return hashlib.blake2b(f"{kind}\0{text}".encode(), key=self.database.salt, digest_size=16).hexdigest()

    def is_fetched(self, instance: str) -> bool:
        """Tell whether a DICOMweb poll has fetched what has this UID."""
        hashed = self.hash_text("fetched", instance)
        return bool(self.database.read("SELECT 1 FROM fetched WHERE instance = ?", (hashed,)))

    def waiting(self) -> int:
        """Return the number of radiographs that are not done: received, or segmented and not delivered."""
        found = self.database.read("SELECT COUNT(*) AS n FROM radiographs WHERE state IN ('received', 'segmented')")
        return int(found[0]["n"])

    def counts(self) -> dict[State, int]:
        """Return the number of radiographs in each state, also where it is 0."""
        rows = self.database.read("SELECT state, COUNT(*) AS n FROM radiographs GROUP BY state")
        found = {row["state"]: row["n"] for row in rows}
        return {state: found.get(state, 0) for state in STATES}

    def backlog(self) -> dict[str, dict[str, int]]:
        """Return, by destination, the numbers of deliveries that are `waiting`, `delivered` and `dead`."""
        rows = self.database.read(
            "SELECT destination, state, COUNT(*) AS n FROM deliveries GROUP BY destination, state"
        )
        found: dict[str, dict[str, int]] = {}
        for row in rows:
            states = found.setdefault(row["destination"], {"waiting": 0, "delivered": 0, "dead": 0})
            states[row["state"]] = row["n"]
        return found

    def oldest_waiting(self) -> float | None:
        """Return for how many seconds the oldest radiograph that is not done has waited; ``None`` without one."""
        found = self.database.read(
            "SELECT MIN(received_at) AS at FROM radiographs WHERE state IN ('received', 'segmented')"
        )
        return None if found[0]["at"] is None else max(0.0, self.clock() - found[0]["at"])

    def last_results(self, limit: int = 20) -> list[NodeRow]:
        """Return the radiographs that were segmented last, the latest first."""
        return self._rows("segmented_at IS NOT NULL ORDER BY segmented_at DESC, id DESC LIMIT ?", limit)

    def last_failures(self, limit: int = 20) -> list[NodeRow]:
        """Return the radiographs that failed or were left out last, the latest first; their `reason` says why."""
        return self._rows("state IN ('failed', 'left out') ORDER BY done_at DESC, id DESC LIMIT ?", limit)

    def find(self, number: int) -> NodeRow | None:
        """Return the row of a radiograph, ``None`` when it was forgotten."""
        found = self._rows("id = ?", number)
        return found[0] if found else None

    def deliveries(self, number: int) -> dict[str, str]:
        """Return the states of a radiograph's deliveries by destination."""
        rows = self.database.read("SELECT destination, state FROM deliveries WHERE radiograph = ?", (number,))
        return {row["destination"]: row["state"] for row in rows}

    def dead_letters(self, limit: int = 1000) -> list[DeadLetter]:
        """Return what needs a person, the latest first; see `NodeJournal.retry_dead_letters`."""
        rows = self.database.read(
            "SELECT id, accession, NULL AS destination, interruptions AS tries, reason, done_at AS at FROM radiographs"
            " WHERE state = 'failed' AND segmented_at IS NULL"
            " UNION ALL SELECT radiograph, accession, destination, tries, d.reason, next_at"
            " FROM deliveries d JOIN radiographs r ON r.id = d.radiograph WHERE d.state = 'dead'"
            " ORDER BY at DESC LIMIT ?",
            (limit,),
        )
        return [DeadLetter(*row) for row in rows]

    def latencies(self, seconds: float = 3600) -> list[float]:
        """Return how long each delivery of the last `seconds` took, in seconds from the radiograph's arrival."""
        rows = self.database.read(
            "SELECT delivered_at - received_at AS seconds FROM deliveries JOIN radiographs ON id = radiograph"
            " WHERE delivered_at >= ?",
            (self.clock() - seconds,),
        )
        return [row["seconds"] for row in rows]

    def due(self, destination: str, limit: int, without: Iterable[int] = ()) -> list[Delivery]:
        """Return what is to be delivered to a destination now, the longest due first, without these radiographs."""
        rows = self.database.read(
            "SELECT * FROM deliveries WHERE destination = ? AND state = 'waiting' AND next_at <= ?"
            " AND radiograph NOT IN (SELECT value FROM json_each(?)) ORDER BY next_at, radiograph LIMIT ?",
            (destination, self.clock(), json.dumps(list(without)), limit),
        )
        return [Delivery(r["radiograph"], r["destination"], r["tries"], r["reason"], r["next_at"]) for r in rows]

    def seconds_to_next(self, destination: str, without: Iterable[int] = ()) -> float | None:
        """Return in how many seconds something other than these is due, ``None`` when nothing waits."""
        found = self.database.read(
            "SELECT MIN(next_at) AS at FROM deliveries"
            " WHERE destination = ? AND state = 'waiting' AND radiograph NOT IN (SELECT value FROM json_each(?))",
            (destination, json.dumps(list(without))),
        )
        return None if found[0]["at"] is None else max(0.0, found[0]["at"] - self.clock())

    def files(self) -> list[str]:
        """Return the names of all radiographs that are kept."""
        return [row["file"] for row in self.database.read("SELECT file FROM radiographs WHERE has_files = 1")]

    def expired(self, done_days: float, failed_days: float, limit: int = 1000) -> list[NodeRow]:
        """Return radiographs whose files are no longer kept: so long after they were done or left out, or failed."""
        now = self.clock()
        return self._rows(
            "has_files = 1 AND ((state IN ('done', 'left out') AND done_at < ?) OR (state = 'failed' AND done_at < ?))"
            " ORDER BY id LIMIT ?",
            *(now - done_days * DAY, now - failed_days * DAY, limit),
        )

    def _rows(self, condition: str, *values: Any) -> list[NodeRow]:
        query = f"SELECT * FROM radiographs WHERE {condition}"  # noqa: S608 - the conditions above, without values
        return [restore_row(row) for row in self.database.read(query, values)]

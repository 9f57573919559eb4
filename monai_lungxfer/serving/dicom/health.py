"""Whether a DICOM node can do its work, part by part: the answer of `/healthz`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monai_lungxfer.serving.dicom.journal_view import JournalView
from monai_lungxfer.serving.dicom.model import ModelFacts
from monai_lungxfer.serving.dicom.settings import NodeSettings
from monai_lungxfer.utils.errors import LungXferError

MEGABYTE = 1_000_000
FINE = "ok"

Problems = Callable[[], Mapping[str, str | None]]
"""Gives, for each part of a running node, what is wrong with it, or ``None``."""


@dataclass(frozen=True)
class NodeView:
    """What the status page and the metrics look at.

    Attributes
    ----------
    settings : NodeSettings
        Of the node.
    journal : JournalView
        Is asked at each request.
    problems : callable
        Tells what is wrong with the node's threads.
    unreached : callable
        Tells the destinations that could not be reached when they were last tried. What waits for them is kept, and a
        restart of the node would not help, so that it is healthy all the same.
    model : callable
        Tells which model is in service.
    """

    settings: NodeSettings
    journal: JournalView
    problems: Problems
    unreached: Callable[[], Sequence[str]]
    model: Callable[[], ModelFacts]

    def health(self) -> dict[str, str]:
        """Return each part with "ok" or with what is wrong with it; no part's text holds patient data or paths."""
        parts = {name: problem or FINE for name, problem in self.problems().items()}
        parts["disk"] = self._disk()
        try:
            self.journal.waiting()
            parts["journal"] = FINE
        except LungXferError as error:
            parts["journal"] = error.without_source
        return parts

    def _disk(self) -> str:
        free = self.free_bytes()
        if free is None:
            return "the folder of the spool cannot be read"
        least = self.settings.spool.free_megabytes
        if free < least * MEGABYTE:
            return (
                f"radiographs are refused: {free // MEGABYTE} MB are free, free_megabytes in [spool] asks for {least}"
            )
        return FINE

    def free_bytes(self) -> int | None:
        """Return the free space on the spool's disk, ``None`` when that cannot be told."""
        try:
            return shutil.disk_usage(self.settings.spool.folder).free
        except OSError:
            return None


def is_healthy(parts: Mapping[str, str]) -> bool:
    """Return whether all parts are fine."""
    return all(told == FINE for told in parts.values())

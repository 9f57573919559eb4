"""The exit codes of the command line, the MONAI Deploy application and the MONAI Label server."""

from __future__ import annotations

from collections.abc import Iterable

EXIT_OK = 0
EXIT_PARTIAL = 1
EXIT_USAGE = 2
EXIT_INTERNAL = 3
EXIT_CLUSTER = 4
EXIT_UNDECIDED = 5
# Shells give 128 + the signal's number to a process that a signal ended.
EXIT_INTERRUPTED = 130
EXIT_PIPE = 141
EXIT_TERMINATED = 143


def exit_code(statuses: Iterable[str]) -> int:
    """Return the exit code for what became of radiographs, by the statuses of their `Prediction`."""
    found = set(statuses)
    if "done" not in found:
        return EXIT_USAGE
    return EXIT_PARTIAL if "skipped" in found else EXIT_OK

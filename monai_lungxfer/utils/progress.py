"""Progress bars that all look alike, on a terminal only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

T = TypeVar("T")
BAR_WIDTH = 24
"""Columns; with the words around it, a bar fits into a terminal of 80."""
REFRESHES = 4
"""Times a second that a bar is drawn; each takes about two milliseconds from the work that it shows."""


def progress_bar(console: Console | None = None, *columns: str | ProgressColumn) -> Progress:
    """Make a progress bar that vanishes when it ends, and is not shown elsewhere than on a terminal.

    By default it goes to standard error, and the columns behind the bar are "12/38" and the time left. It is a context
    manager, with `add_task` and `advance`.
    """
    console = console or Console(stderr=True)
    columns = columns or (MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(BAR_WIDTH),
        *columns,
        console=console,
        refresh_per_second=REFRESHES,
        disable=not console.is_terminal or console.quiet,
        transient=True,
    )


def show_progress(items: Iterable[T], description: str, console: Console | None = None) -> Iterator[T]:
    """Yield the items, and show how many of them were taken."""
    total = len(items) if isinstance(items, Sized) else None
    with progress_bar(console) as bar:
        yield from bar.track(items, total=total, description=description)


def duration(seconds: float) -> str:
    """Return seconds in words: "48 s", "12 min", "3 h 20 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if minutes < 100 else f"{hours} h {rest} min"

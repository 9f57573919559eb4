"""Progress bars that all look alike, on a terminal only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

T = TypeVar("T")
Advance = Callable[[int], Any]
"""Is told how many steps were done."""

Begin = Callable[[str, int], Advance]
"""Begins a part of the work, given what it is and of how many steps."""

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


def begin_in(bar: Progress) -> Begin:
    """Return what begins a task of a progress bar; the task before it vanishes."""

    def begin(what: str, steps: int) -> Advance:
        for task in bar.task_ids:
            bar.remove_task(task)
        task = bar.add_task(what, total=steps)
        return lambda done: bar.advance(task, done)

    return begin


def begin_silently(what: str, steps: int) -> Advance:  # noqa: ARG001 - the signature of `Begin`
    """Show nothing."""
    return lambda _: None


def duration(seconds: float) -> str:
    """Return seconds in words: "48 s", "12 min", "3 h 20 min"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes} min" if minutes < 100 else f"{hours} h {rest} min"

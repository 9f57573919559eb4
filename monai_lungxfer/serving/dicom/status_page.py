"""The status page of a DICOM node: one HTML page without scripts, which loads nothing and renews itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from statistics import quantiles
from string import Template

from monai_lungxfer import __version__
from monai_lungxfer.serving.dicom.health import FINE, NodeView, is_healthy
from monai_lungxfer.serving.dicom.journal_rows import NodeRow

EVERY = 10
"""Seconds after which the page is loaded again."""

STYLE = (files("monai_lungxfer.serving.dicom") / "status.css").read_text(encoding="utf-8")
_PAGE = Template((files("monai_lungxfer.serving.dicom") / "status.html").read_text(encoding="utf-8"))
_ROWS = 20
_HOUR = 3600


def render_status(view: NodeView) -> str:
    """Return the page; no patient data is on it, of an accession number only the spool's own hash."""
    parts = view.health()
    facts = view.model()
    fine = is_healthy(parts)
    return _PAGE.substitute(
        style=STYLE,
        every=EVERY,
        version=escape(__version__),
        title=escape(view.settings.listen.ae_title if view.settings.listen else "LUNGXFER"),
        now=_moment(view.journal.clock()),
        state="fine" if fine else "failing",
        verdict="Receiving and answering" if fine else "Something needs attention",
        parts="".join(_part(name, told) for name, told in parts.items()),
        tiles=_tiles(view),
        model=escape(facts.model),
        model_since=_moment(facts.since),
        model_problem=f'<p class="bad">{escape(facts.problem)}</p>' if facts.problem else "",
        destinations=_destinations(view),
        results=_results(view),
        failures=_failures(view),
    )


def find_p95(seconds: Sequence[float]) -> float | None:
    """Return the 95th percentile, ``None`` of nothing."""
    if len(seconds) < 2:
        return seconds[0] if seconds else None
    return quantiles(seconds, n=20, method="inclusive")[-1]


def _part(name: str, told: str) -> str:
    state = "fine" if told == FINE else "bad"
    return f'<li class="{state}"><b>{escape(name)}</b> {escape(told)}</li>'


def _tiles(view: NodeView) -> str:
    counts, latencies = view.journal.counts(), view.journal.latencies(_HOUR)
    p95, oldest = find_p95(latencies), view.journal.oldest_waiting()
    tiles = (
        ("Waiting", f"{counts['received'] + counts['segmented']}", f"oldest {_span(oldest)}" if oldest else "nothing"),
        ("Answers in the last hour", f"{len(latencies)}", f"{len(latencies) / 60:.1f} a minute"),
        ("Arrival to answer, p95", _span(p95), "of the last hour"),
        ("Done", f"{counts['done']}", f"{counts['left out']} left out by the rules"),
        ("Failed", f"{counts['failed']}", "take up with --retry" if counts["failed"] else "none"),
    )
    tile = '<div class="tile"><dt>{}</dt><dd class="value">{}</dd><dd>{}</dd></div>'
    return "".join(tile.format(*map(escape, words)) for words in tiles)


def _destinations(view: NodeView) -> str:
    backlog = view.journal.backlog()
    names = dict.fromkeys([*(one.name for one in view.settings.destination), *backlog])
    unreached = view.unreached()
    rows = []
    for name in names:
        found = backlog.get(name, {})
        last = "not reached, tried again" if name in unreached else "fine"
        rows.append((name, last, *(str(found.get(state, 0)) for state in ("waiting", "delivered", "dead"))))
    return _table(("Destination", "Last try", "Waiting", "Delivered", "Given up"), rows, "No destination")


def _results(view: NodeView) -> str:
    rows = []
    for row in view.journal.last_results(_ROWS):
        places = ", ".join(f"{name}: {state}" for name, state in view.journal.deliveries(row.number).items())
        taken = _span(None if row.done_at is None else row.done_at - row.received_at)
        flags = ", ".join(flag.replace("_", " ") for flag in row.flags)
        rows.append((_moment(row.received_at), _known(row), row.state, taken, flags, places, row.model or ""))
    heading = ("Arrived (UTC)", "Accession hash", "State", "Took", "Flags", "Deliveries", "Model")
    return _table(heading, rows, "No results yet")


def _failures(view: NodeView) -> str:
    rows = [
        (_moment(row.done_at or row.received_at), _known(row), row.state, row.reason or "")
        for row in view.journal.last_failures(_ROWS)
    ]
    return _table(("When (UTC)", "Accession hash", "State", "Reason"), rows, "None")


def _known(row: NodeRow) -> str:
    return row.accession or f"number {row.number}"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> str:
    """Return a table; on a narrow screen its style shows each cell behind the heading of its column."""
    lines = [
        "".join(f'<td data-of="{escape(name)}">{escape(cell)}</td>' for name, cell in zip(heading, row, strict=True))
        for row in rows
    ]
    if not lines:
        return f'<p class="empty">{escape(empty)}</p>'
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heading)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < _HOUR else f"{seconds / _HOUR:.1f} h"

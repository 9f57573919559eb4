"""Tables in Markdown, and their place between the marks of a page."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["markdown", "replaced"]


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def replaced(document: str, name: str, table: str) -> str:
    """Return the document with another table between its marks."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    return re.sub(pattern, lambda found: f"{found[1]}{table}{found[2]}", document, flags=re.DOTALL)

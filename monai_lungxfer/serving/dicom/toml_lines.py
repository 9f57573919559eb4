"""On which line of a TOML file each key stands: the parser of the standard library does not say."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

Place = tuple[str | int, ...]
"""A key by its way from the top: names of tables and keys, and numbers in arrays, from 0."""


def find_lines(text: str) -> dict[Place, int]:
    r"""Return the line, from 1, on which each table and key of a valid TOML document begins.

    Examples
    --------
    >>> find_lines("[[a]]\nb = [\n 1,\n]\n[a.c]\nd = 2")
    {('a', 0): 1, ('a', 0, 'b'): 2, ('a', 0, 'b', 0): 2, ('a', 0, 'c'): 5, ('a', 0, 'c', 'd'): 6}
    """
    lines: dict[Place, int] = {}
    table: Place = ()
    sizes: dict[Place, int] = {}  # of arrays of tables
    for line, statement in _statements(text):
        parsed = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _enter(parsed, sizes)
            lines.setdefault(table, line)
        else:
            for place in _places(parsed):
                lines.setdefault(table + place, line)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield the parts that are valid by themselves: one line, or all lines of a value that has several."""
    begun, held = 1, ""
    for number, line in enumerate(text.split("\n"), start=1):
        held += f"{line}\n"
        try:
            tomllib.loads(held)
        except tomllib.TOMLDecodeError:
            continue
        yield begun, held
        begun, held = number + 1, ""


def _enter(header: dict[str, Any], sizes: dict[Place, int]) -> Place:
    """Return the place of the table that a header begins, and count it if it is one of an array."""
    place: Place = ()
    node: Any = header
    while isinstance(node, dict) and node:
        ((name, node),) = node.items()
        place = (*place, name)
        if isinstance(node, list):
            sizes[place] = sizes.get(place, 0) + 1
        if place in sizes:  # below an array, headers mean its last table
            place = (*place, sizes[place] - 1)
    return place


def _places(value: Any) -> Iterator[Place]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield (name,)
        for rest in _places(item):
            yield (name, *rest)

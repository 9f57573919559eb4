"""JSON from a stranger, and from ourselves: read whole and unambiguous, or refused by a ValueError."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_MOST_BYTES = 1 << 30
_DEEPEST = 100  # levels; the package's own files have six


def load_json(file: str | Path, *, encoding: str = "utf-8") -> Any:
    """Return the content of a JSON file, as `parse_json` reads it.

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it is not JSON in that encoding, or more than 1 GB.
    """
    path = Path(file)
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError("more than 1 GB")
    return parse_json(path.read_text(encoding=encoding))


def parse_json(text: str) -> Any:
    """Return the content of a JSON text.

    Raises
    ------
    ValueError
        When it is not JSON; when a key stands twice in an object, of which parsers take either; when it has more than
        100 levels, a number of thousands of digits, or a text that no file can be named by: with a zero byte, or half
        of a surrogate pair.
    """
    try:
        content = json.loads(text, object_pairs_hook=_unambiguous)
        _check(content)
    except RecursionError:
        raise ValueError(f"more than {_DEEPEST} levels") from None
    return content


def _unambiguous(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _check(content: Any) -> None:
    level, depth = [content], 0
    while level:
        depth += 1
        if depth > _DEEPEST:
            raise RecursionError
        deeper: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                deeper += [*value, *value.values()]
            elif isinstance(value, list):
                deeper += value
            elif isinstance(value, str) and not value.isascii():
                value.encode()  # a UnicodeEncodeError is a ValueError
            if isinstance(value, str) and "\0" in value:
                raise ValueError("a text with a zero byte")
        level = deeper

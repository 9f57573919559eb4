"""Harmless damage to JSON, YAML and CSV files: odd values in odd places, cut ends, doubled keys, other bytes."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

ODD: tuple[Any, ...] = (
    *(None, True, [], {}, "", "x", "..", "/", "\0", "\ud800", "=1+1", 0, -1, 1.5, float("nan"), float("inf")),
    *(10**400, [[]], [None], [{}], {"a": None}, {"": []}, ["x", 1], [[1, 2], "x"], "9" * 5000, "é\u2028"),
)

Dump = Callable[[Any], str]


def places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in list(items)[:60]:
        yield from places(value, (*path, key))


def replaced(content: Any, path: tuple[Any, ...], value: Any, draw: random.Random) -> Any:
    """Return a copy in which a value is another, or, of a mapping or list, is gone."""
    if not path:
        return value
    content = copy.deepcopy(content)
    holder = content
    for key in path[:-1]:
        holder = holder[key]
    if draw.random() < 0.15:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return content


def mutated(content: Any, draw: random.Random, dump: Dump = json.dumps) -> bytes:
    """Return a file's damaged content."""
    chance = draw.random()
    if chance < 0.8:
        changed = content
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            changed = replaced(changed, draw.choice(list(places(changed))), draw.choice(ODD), draw)
        return dump(changed).encode("utf-8", "surrogatepass")
    text = dump(content).encode()
    return spoiled(text, draw)


def spoiled(text: bytes, draw: random.Random) -> bytes:
    """Return bytes that were cut, doubled or changed, or something else altogether."""
    at, end = sorted((draw.randrange(len(text) + 1), draw.randrange(len(text) + 1)))
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: text[:at],
        lambda: text[:at] + text[end:],
        lambda: text[:at] + text[at:end] * 2 + text[end:],
        lambda: text[:at] + bytes([draw.randrange(256)]) + text[at + 1 :],
        lambda: text.replace(b'"', b'"\\ud800', 1),
        lambda: b"[" * 5000 + text,
        lambda: b"\xff\xfe" + text,
        lambda: b"\xef\xbb\xbf" + text,
        lambda: b"",
        lambda: b'{"a": 1, "a": 2}',
        lambda: b'{"a":' * 3000 + b"1" + b"}" * 3000,
        lambda: b"9" * 6000,
        lambda: text.replace(b"0", b"9" * 400),
    )
    return draw.choice(ways)()

"""YAML in which numbers are read as people write them."""

from __future__ import annotations

import re
from typing import IO, Any

import yaml

_WITH_EXPONENT = re.compile(r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)[eE][-+]?[0-9]+\Z")


class NumbersLoader(yaml.SafeLoader):
    """Reads ``1e-3``, ``1E3`` and ``.5e-2`` as numbers, as YAML 1.2 does.

    PyYAML follows YAML 1.1, where an exponent needs a decimal point and a sign, and takes the rest for text. A number
    in quotation marks stays text.
    """


_MOST = 1_000_000  # values

NumbersLoader.add_implicit_resolver("tag:yaml.org,2002:float", _WITH_EXPONENT, list("-+.0123456789"))


def load_yaml(source: str | IO[str], loader: type[NumbersLoader] = NumbersLoader) -> Any:
    """Return the content of a YAML text or open file.

    Parameters
    ----------
    source : str or file
        The text, or what gives it.
    loader : type
        A loader that looks for more than these numbers, such as for keys that are given twice.

    Raises
    ------
    yaml.YAMLError
        When it is not YAML, or its anchors make it a million times as large as it looks.

    Examples
    --------
    >>> load_yaml("[1e-3, 1E3, .5e-2, 1_000, '1e-3', 1e-3x]")
    [0.001, 1000.0, 0.005, 1000, '1e-3', '1e-3x']
    """
    try:
        content = yaml.load(source, loader)  # noqa: S506 - a safe loader
        if _expanded_size(content, {}) > _MOST:
            raise yaml.YAMLError(f"its anchors make more than {_MOST} values of it")
    except (RecursionError, ValueError, OverflowError) as error:  # too deep, or dates and numbers that are none
        raise yaml.YAMLError(f"{type(error).__name__} while it was read") from error
    return content


def _expanded_size(value: Any, known: dict[int, int]) -> int:
    """Return how many values there are when every alias is written out, as whoever walks through them meets them."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        known[id(value)] = _MOST + 1  # for one that holds itself
        inner = value if isinstance(value, list) else value.values()
        known[id(value)] = 1 + sum(_expanded_size(item, known) for item in inner)
    return known[id(value)]

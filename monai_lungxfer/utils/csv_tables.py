"""Tables as CSV files, whose texts no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_lungxfer.utils.files import atomic_path

# Behind a semicolon or tab as well, which are the separators of many countries' spreadsheets.
_START = r"(?:^|(?<=[;\t]))"
_FORMULA = r"'*[=+\-@\t\r＝＋－＠]"  # the wide characters count in Japanese spreadsheets


def write_rows(path: str | Path, header: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a table, all or nothing: in UTF-8, numbers as Python writes them, ``None`` empty, texts by `as_text_cell`.

    Parameters
    ----------
    path : str or pathlib.Path
        The file, which is replaced.
    header : sequence of str
        The columns; a row may lack some, and has no others.
    rows : iterable of mapping
        Values by column.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [as_text_cell(name) for name in header])
        writer.writeheader()
        writer.writerows({as_text_cell(name): as_text_cell(value) for name, value in row.items()} for row in rows)


def read_rows(path: str | Path) -> list[dict[str, str]]:
    """Read a table of `write_rows`, texts as they were before; ValueError is raised when it is none."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:  # spreadsheets add the mark
            header, *rows = list(csv.reader(file, strict=True)) or [[]]
    except csv.Error as error:
        raise ValueError(f"no CSV file: {error}") from error
    names = list(map(as_plain_text, header))
    return [dict(zip(names, map(as_plain_text, row), strict=True)) for row in rows]


def as_text_cell(value: Any) -> Any:
    """Return a text with an apostrophe before what a spreadsheet would run as a formula; other values as they are.

    Formulas begin with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return. An apostrophe that stands there already
    gets another one before it, so that `as_plain_text` gives back every text.

    Examples
    --------
    >>> as_text_cell("=1+1.png"), as_text_cell("a;@b"), as_text_cell("'=x"), as_text_cell("a-b"), as_text_cell(-0.5)
    ("'=1+1.png", "a;'@b", "''=x", 'a-b', -0.5)
    """
    return re.sub(f"{_START}(?={_FORMULA})", "'", value) if isinstance(value, str) else value


def as_plain_text(cell: str) -> str:
    """Return the text that `as_text_cell` was given."""
    return re.sub(f"{_START}'(?={_FORMULA})", "", cell)

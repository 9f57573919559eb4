"""Texts in CSV files that no spreadsheet takes for formulas, and that come back as they were."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import pytest

from monai_lungxfer.utils.csv_tables import as_plain_text, as_text_cell, read_rows, write_rows

FORMULAS = ["=1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "＝1", "a;=1", "a\t-1", "'=1", "''@"]
OTHERS = ["", "a", "a-b", "1;2", "'", "'a", "größe, x.png", " =1", "a;'b"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_begins_with_an_apostrophe(text: str) -> None:
    cells = re.split(r"[;\t]", as_text_cell(text))
    assert not any(re.match(r"[=+\-@\r＝]", cell) for cell in cells)
    assert as_plain_text(as_text_cell(text)) == text


@pytest.mark.parametrize("value", [*OTHERS, -0.5, None, True, 3])
def test_all_else_stays_as_it_is(value: object) -> None:
    assert as_text_cell(value) is value or as_text_cell(value) == value


def test_every_text_comes_back() -> None:
    draw = random.Random(0)
    for _ in range(5000):
        text = "".join(draw.choices("';=+-@\t\rab＝", k=draw.randrange(8)))
        assert as_plain_text(as_text_cell(text)) == text


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [{"=name": text, "number": -1.5} for text in (*FORMULAS, *OTHERS)]
    write_rows(tmp_path / "t.csv", ["=name", "number", "none"], rows)
    assert read_rows(tmp_path / "t.csv") == [row | {"number": "-1.5", "none": ""} for row in rows]
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == ["'=name", "number", "none"]


def test_every_csv_file_of_the_package_is_written_here() -> None:
    package = Path(__file__).parents[2] / "monai_lungxfer"
    writers = [
        path.relative_to(package).as_posix()
        for path in sorted(package.rglob("*.py"))
        if re.search(r"csv\.(Dict)?[wW]riter|(?<!as_text_cell\))\.to_csv\(", path.read_text(encoding="utf-8"))
    ]
    assert writers == ["utils/csv_tables.py"]

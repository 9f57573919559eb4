"""`compare` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

from evaluation_report import write_report
from typer.testing import CliRunner

from monai_lungxfer.cli import app


def run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.stderr


def test_the_table_has_paired_differences_and_says_what_is_left_out(tmp_path: Path) -> None:
    first = write_report(tmp_path / "a.json", "0" * 64, [0.8, 0.7, 0.6], patient=[1, 2, 3], SENS=[0.5, 0.5, None])
    second = write_report(tmp_path / "b.json", "1" * 64, [0.9, 0.8], patient=[1, 2], SENS=[0.5, None])
    table = run("compare", first, second)
    assert "independent: 2 images of 2 patients in both reports" in table
    dice, sens = (next(line for line in table.splitlines() if name in line) for name in ("DICE", "SENS"))
    assert [cell.strip() for cell in dice.split("│")[1:-1]] == [
        *("DICE", "0.7500", "0.8500", "+0.1000", "+0.1000 to +0.1000", "2")
    ]
    assert [cell.strip() for cell in sens.split("│")[1:-1]] == ["SENS", "0.5000", "0.5000", "+0.0000", "-", "1"]
    assert "Left out: images 1 only in the first report" in table
    found = json.loads(run("compare", first, second, "--json"))
    assert (found["pairs"], found["only_first"], found["only_second"]) == (2, 1, 0)
    assert [(one["metric"], one["n"], one["low"] is None) for one in found["metrics"]] == [
        ("DICE", 2, False),
        ("SENS", 1, True),
    ]


def test_reports_of_other_sections_are_refused(tmp_path: Path) -> None:
    first = write_report(tmp_path / "a.json", "0" * 64, [0.8])
    second = write_report(tmp_path / "b.json", "0" * 64, [0.8], section="test")
    assert "one report is of the section independent" in run("compare", first, second, code=2)

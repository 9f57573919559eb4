"""Tables of groups: how many images each has, which are greyed out, and what is printed of failures."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from monai_lungxfer.cli.report_tables import group_tables, report_lines
from monai_lungxfer.data.groups import group_records
from monai_lungxfer.metrics.summary import summarise_report


@pytest.fixture
def report() -> dict[str, Any]:
    dice = [0.95] * 10 + [0.85] * 7
    rows = [{"DICE": value, "DICE_HARD": value, "HD95": 4.0, "distances_in": "mm"} for value in dice]
    groups = group_records([{"device": "DRX"}] * 10 + [{"device": "[red]"}] * 7, ["device"])
    return summarise_report(rows, ["DICE", "DICE_HARD", "HD95"], groups) | {
        "calibration_error": {"all": 0.01, "border": 0.11}
    }


def test_groups_of_fewer_than_ten_images_are_greyed_out_with_their_number(report: dict[str, Any]) -> None:
    (table,) = group_tables(report)
    large, small = table.rows
    assert (small.style, large.style) == ("dim", None)
    console = Console(width=100, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(table)
    lines = capture.get().splitlines()
    assert any("HD95, mm" in line for line in lines)
    assert [cell.strip() for cell in next(line for line in lines if "[red]" in line).split("│")[1:-1]] == [
        "[red]",
        "(n=7)",
        "0.8500 ± 0.0000",
        "4.0 ± 0.0",
        "100.0 (64.6 to 100.0)",
    ]
    assert next(line for line in lines if "DRX" in line).split("│")[2].strip() == "10"


def test_failures_and_calibration_are_a_line_each(report: dict[str, Any]) -> None:
    assert list(report_lines(report)) == [
        "Failed (Dice of the mask below 0.90): 7 of 17 images, 41.2 % (95 % interval 21.6 to 64.0)",
        "Calibration error: 0.0100 over all pixels, 0.1100 near the drawn border",
    ]


def test_without_masks_there_is_nothing_to_say() -> None:
    report = summarise_report([{"AUC": 0.5}], ["AUC"], {"age": {"unknown": [0]}})
    report |= {"calibration_error": {"all": None, "border": None}}
    assert list(report_lines(report)) == []
    (table,) = group_tables(report)
    assert [list(column.cells) for column in table.columns] == [["unknown"], ["(n=1)"], ["–"], ["–"], ["–"]]


def test_the_ceiling_stands_beside_dice(report: dict[str, Any]) -> None:
    told = {"readers": 2, "images": 12, "network": 0.93, "ceiling": 0.955, "difference": -0.025}
    report["against"] = told
    assert (
        "Readers agree with 2 readers, combined by STAPLE: Dice 0.9550, the network 0.9300 (-0.0250) on the same "
        "12 images"
    ) in list(report_lines(report))
    (table,) = group_tables(report)
    assert "DICE_READERS" in [column.header for column in table.columns]
    report["against"] = told | {"ceiling": None}
    assert len(list(report_lines(report))) == 2

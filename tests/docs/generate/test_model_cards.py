"""The model cards are those that their metadata, weights and results make."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
import yaml
from model_cards import COLUMNS, RESULTS, Results, report_rows, take_report, write_card
from source_tree import REPOSITORY

from monai_lungxfer.bundle.files import METADATA
from monai_lungxfer.bundle.stages import STAGES, Stage

HALVES = ("split 0", "split 1", "split 2")


def head_of(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_the_card_is_the_one_that_is_generated(stage: Stage) -> None:
    bundle = REPOSITORY / "bundles" / stage.bundle
    card = (bundle / "docs" / "README.md").read_text(encoding="utf-8")
    assert card == write_card(stage), "run docs/generate/model_cards.py"
    metadata = json.loads((bundle / METADATA).read_text())
    shipped = head_of(card)["model-index"][0]
    assert metadata["weights_sha256"][:12] in shipped["name"]
    assert shipped["results"]
    for text in (metadata["name"], metadata["data_source"], *metadata["references"], "Not a medical device"):
        assert text in card


def test_the_head_has_the_figures_of_each_split_for_the_weights_that_ship() -> None:
    portable = STAGES["portable"].bundle
    [shipped] = head_of((REPOSITORY / "bundles" / portable / "docs" / "README.md").read_text())["model-index"]
    dice = {result["dataset"]["name"]: result["metrics"][0]["value"] for result in shipped["results"]}
    lungs = STAGES["portable"].target
    assert dice == {f"{lungs}, split 0": 0.9559, f"{lungs}, split 1": 0.9577, f"{lungs}, split 2": 0.9537}


def test_the_front_page_has_the_figures_of_the_results() -> None:
    rows = Results(REPOSITORY / "bundles" / STAGES["portable"].bundle / RESULTS)
    dice = [rows.row(half, "all", "DICE_HARD") for half in HALVES]
    told = re.search(
        r"mean Dice ([\d.]+) to ([\d.]+) .*?deviation over images ([\d.]+) to ([\d.]+)",
        (REPOSITORY / "README.md").read_text(),
        re.DOTALL,
    )
    means, deviations = ([float(row[name]) for row in dice] for name in ("mean", "sd"))
    ends = (min(means), max(means), min(deviations), max(deviations))
    assert told.groups() == tuple(f"{end:.3f}" for end in ends)


def report(dice: float) -> dict:
    figures = {name: {"mean": dice, "std": 0.1, "n": 4} for name in ("DICE", "DICE_HARD", "HD95", "ISLANDS", "BRIDGES")}
    failures = {"share": 0.25, "low": 0.05, "high": 0.7, "n": 4}
    return {
        "weights_sha256": "0123456789abcdef",
        "all": figures,
        "failures": failures,
        "by": {"view": {"AP": {"metrics": figures, "failures": failures}}},
    }


def test_a_report_replaces_the_figures_of_its_set_alone(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    other = dict(zip(COLUMNS, ("f", "other", "all", "9", "DICE", "0.5", "", "", ""), strict=True))
    with (tmp_path / RESULTS).open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerow(other)
    for dice in (0.8, 0.9):
        (tmp_path / "report.json").write_text(json.dumps(report(dice)))
        take_report(tmp_path, tmp_path / "report.json", "mine")
    results = Results(tmp_path / RESULTS)
    assert results.rows == [other, *({**dict.fromkeys(COLUMNS, ""), **row} for row in report_rows(report(0.9), "mine"))]
    assert results.row("mine", "AP", "DICE")["weights"] == "0123456789ab"
    assert results.show("mine", "AP", "DICE", 2) == "0.90 ± 0.10"
    assert results.show("other", "all", "DICE", 1) == "0.5"
    assert results.show("other", "AP", "DICE") == "–"
    assert results.percent("mine", "all") == "25.0 % (5.0 to 70.0)"
    assert results.counts(("mine", "other"), "all", "DICE") == " (4, 9)"
    with pytest.raises(KeyError, match="other"):
        results.row("other", "AP", "DICE")

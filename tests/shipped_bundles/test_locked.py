"""The locked test set: the second recipe sets patients aside, and an evaluation finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.workflow import bundle_workflow
from monai_lungxfer.data.locked import is_locked
from monai_lungxfer.data.partition import Split


def split_of(task: str, settings: dict[str, Any]) -> Split:
    found: Split = bundle_workflow("portable", task, settings).parser.get_parsed_content("split")
    return found


def test_an_evaluation_follows_the_share_that_a_training_locked(small_settings: dict[str, Any], tmp_path: Path) -> None:
    settings = {name: value for name, value in small_settings.items() if name != "locked_share"}
    measured = settings | {"section": "locked", "weights": settings["parent"]}
    locked = {f"p{number}" for number in range(20) if is_locked(f"p{number}", 0.2)}
    assert locked
    trained = split_of("train_best", settings)
    assert {record["patient"] for record in trained.locked} == locked
    assert split_of("evaluate", measured).hash == trained.hash
    assert split_of("evaluate", measured | {"section": "test"}).hash == trained.hash
    elsewhere = measured | {"output_dir": str(tmp_path / "new")}  # without a split of a training
    assert split_of("evaluate", elsewhere).section("locked") == trained.locked
    paper = settings | {"output_dir": str(tmp_path / "paper")}
    assert split_of("train", paper).locked == ()
    assert split_of("evaluate", paper | {"section": "test", "weights": settings["parent"]}).locked == ()

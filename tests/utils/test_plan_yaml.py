"""In the file of a plan every key stands once."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_lungxfer.utils.errors import PlanError
from monai_lungxfer.utils.plan_yaml import load_plan_file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: x\nseed: 1\n# again\nseed: 2\n", "the key 'seed' is there twice, in lines 2 and 4"),
        (
            "stages:\n  portable:\n    max_epochs: 1\n    'max_epochs': 2\n",
            "the key 'max_epochs' is there twice, in lines 3 and 4",
        ),
    ],
)
def test_a_key_that_stands_there_twice_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(PlanError, match=rf"plan\.yaml: {message}\. Keep one of the two"):
        load_plan_file(tmp_path / "plan.yaml")


def test_a_key_that_replaces_a_merged_one_is_none_that_stands_there_twice(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("general: &g {<<: {a: 1, b: 2}, a: 3}\nportable: {<<: *g, b: 4}\n")
    assert load_plan_file(tmp_path / "plan.yaml") == {"general": {"a": 3, "b": 2}, "portable": {"a": 3, "b": 4}}

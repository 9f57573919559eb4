"""The template is a plan, and it is the one of the paper."""

from __future__ import annotations

import re
from pathlib import Path

from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.study.plan.template import plan_template


def test_the_template_holds_every_key_with_its_default(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(plan_template("images", "out"))
    plan = StudyPlan.from_file(tmp_path / "plan.yaml")
    assert plan == StudyPlan(data=tmp_path / "images", out=tmp_path / "out")
    assert plan.model_fields_set == set(StudyPlan.model_fields)
    given = {key for key in type(plan.stages.general).model_fields if key != "settings"}
    assert plan.stages.general.model_fields_set == given


def test_every_key_is_explained() -> None:
    lines = ["", *plan_template().splitlines()]
    keys = [number for number, line in enumerate(lines) if re.match(r"\w+:| +\w+: ", line)]
    assert len(keys) == len(StudyPlan.model_fields) + 3 * 5
    # Beside it, or above it in a line of its own.
    unexplained = [n for n in keys if "  # " not in lines[n] and not lines[n - 1].startswith("#")]
    assert [lines[number] for number in unexplained] == []

"""A study with parts of the training images: nested, resumable, and beside the same units as before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_study import outcome, tiny_plan

from monai_lungxfer.study.execution.run import run_study
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.study.report.write import write_report

pytestmark = pytest.mark.slow

SIZES = {"arms": ["paper", "portable_only"], "training_arms": ["paper"], "training_images": [2, 4, "all"]}


def learnt(step: Path) -> set[str]:
    """Return digests of the images that a step learnt from, without those of its validation."""
    return set(json.loads((step / "models" / "model.json").read_text())["learnt"][-1]["images"])


def test_parts_are_nested_and_other_units_stay_the_same(undisturbed: Path, study_inputs: Path, tmp_path: Path) -> None:
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, **SIZES))
    end = run_study(plan, tracking_uri="")
    assert (len(end.done), end.failed, end.blocked) == (2 * 5, {}, ())
    for repetition in ("repetition-000", "repetition-001"):
        small, middle, everything = (
            learnt(plan.out / repetition / name) for name in ("portable-n2", "portable-n4", "portable")
        )
        assert small < middle < everything
        assert len(middle) - len(small) == 2
        rows = [(plan.out / repetition / name / "epochs.csv").read_text() for name in ("portable-n2", "portable")]
        assert rows[0].count("\n") == rows[1].count("\n")
        sections = {path.name for path in (plan.out / repetition / "portable-n2").glob("*.json")}
        assert sections == {"split.json", "test.json", "independent.json", "step.json"}
    before, after = outcome(undisturbed), outcome(plan.out)
    assert {name: after[name] for name in before} == before


def test_selected_parts_sizes_added_later_and_the_report(study_inputs: Path, tmp_path: Path) -> None:
    keys = {"repetitions": 1, "training_images": [2], "training_choice": "select", "locked_share": 0.1}
    first = run_study(StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, **keys)), tracking_uri="")
    assert (len(first.done), first.failed) == (3, {})
    kept = (first.study.plan.out / "repetition-000" / "portable-s2" / "step.json").read_bytes()
    keys |= {"training_images": [2, 4], "training_choice": ["random", "select"]}
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, **keys))
    end = run_study(plan, tracking_uri="")
    assert (len(end.done), end.failed) == (6, {})
    folder = plan.out / "repetition-000"
    assert (folder / "portable-s2" / "step.json").read_bytes() == kept
    order = json.loads((folder / "selection" / "order.json").read_text())["order"]
    training = json.loads((folder / "portable" / "split.json").read_text())["training"]
    assert sorted(order) == list(range(len(training)))
    patients = [training[place]["patient"] for place in order]
    assert len({*patients[:4]}) == min(4, len({*patients}))
    assert learnt(folder / "portable-s2") < learnt(folder / "portable-s4") < learnt(folder / "portable")
    written = write_report(plan.out)
    page = written.page.read_text()
    assert "How many training images are enough?" in page
    tables = {path.name for path in written.tables.glob("curve*.csv")}
    assert tables == {"curve.csv", "curve_fit.csv", "curve_choices.csv"}
    assert (written.figures / "curve.svg").is_file()

"""Every arm of a study runs on phantoms, question by question, and is reported."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest
from tiny_study import STAGE, tiny_plan

from monai_lungxfer.study.execution.run import run_study
from monai_lungxfer.study.plan.arms import ARMS, PAPER_ARM, QUESTIONS, STEPS, find_chain
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.study.plan.stage_plans import read_bundle_config
from monai_lungxfer.study.report.write import write_report
from monai_lungxfer.synthetic.phantoms import write_phantoms

pytestmark = pytest.mark.slow


SIZINGS = {
    *((name, 32, 32) for name in ("square", "pad", "aspect", "multi")),
    *((name, 48, 48) for name in ("square", "aspect")),
}


def lacking(arm: str) -> set[str]:
    """Settings of an arm that the bundles do not have."""
    return {
        setting.partition("#")[0]
        for name in find_chain(ARMS[arm].last)
        for setting in STEPS[name].settings
        if setting.partition("#")[0] not in read_bundle_config(STEPS[name].stage)
    }


@pytest.mark.parametrize("question", list(QUESTIONS))
def test_every_arm_runs_and_is_reported(question: str, study_inputs: Path, tmp_path: Path) -> None:
    arms = [arm for arm in ARMS if arm == PAPER_ARM or ARMS[arm].question == question]
    if missing := set().union(*map(lacking, arms)):
        pytest.skip(f"the bundles have no setting {', '.join(sorted(missing))}")
    write_phantoms(tmp_path / "data", donor=24, general=14, portable=24, size=64)
    stage = STAGE | {"max_epochs": 1}
    keys = {"data": str(tmp_path / "data"), "arms": arms, "repetitions": 1, "refiner_steps": 8}
    keys |= {"stages": dict.fromkeys(("donor", "general", "portable"), stage)}
    if question == "sizing":  # from weights that see lungs, so that there are borders to refine
        stages = {"portable": stage | {"settings": {}, "learning_rate": 0.0001}}
        keys |= {"native": True, "general": "general", "stages": stages}
    keys |= {"retention": question == "adaptation"}
    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path, **keys))
    end = run_study(plan, tracking_uri="")
    assert (end.failed, end.blocked) == ({}, ())
    folders = [plan.out / "repetition-000" / ARMS[arm].last for arm in arms]
    reports = [json.loads((folder / "independent.json").read_text()) for folder in folders]
    assert len({tuple(row["image"] for row in report["rows"]) for report in reports}) == 1
    if question != "sizing":
        assert len({report["weights_sha256"] for report in reports}) == len(arms)
    page = html.unescape(write_report(plan.out).page.read_text())
    assert QUESTIONS[question].title in page
    assert (plan.out / "tables" / f"arms_{question}.csv").is_file()
    sections = {"sizing": "native", "adaptation": "retention"}
    if question in sections:
        assert (plan.out / "tables" / f"{sections[question]}.csv").is_file()
    if question == "sizing":
        assert any((folder / "native_refined.json").is_file() for folder in folders)
        sidecars = [json.loads((folder / "models" / "model.json").read_text()) for folder in folders]
        assert {(one.get("sizing") or "square", *one["image_size"]) for one in sidecars} == SIZINGS

"""What a study measures beside the paper's arm: given weights, what is retained, and one half for all repetitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_study import STAGE, tiny_plan

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.execution.run import run_study
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.study.report.section_tables import section_tables
from monai_lungxfer.study.report.study_tables import study_tables
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.files import hash_file


@pytest.fixture(scope="module")
def given(study_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two repetitions that takes its general weights, and measures what is retained."""
    folder = tmp_path_factory.mktemp("given")
    write_phantoms(folder / "data", donor=24, general=14, portable=24, size=64)
    stage = STAGE | {"max_epochs": 1}
    keys = {"data": str(folder / "data"), "general": str(study_inputs / "donor.pt"), "retention": True}
    keys |= {"stages": dict.fromkeys(("donor", "general", "portable"), stage)}
    end = run_study(StudyPlan.from_file(tiny_plan(study_inputs, folder, **keys)), tracking_uri="")
    assert (len(end.done), end.failed) == (6, {})
    return folder / "study"


def content(study: Path, name: str, repetition: int = 0) -> dict[str, Any]:
    return json.loads((study / f"repetition-00{repetition}" / f"{name}.json").read_text())


def test_given_general_weights_are_taken_and_not_trained(given: Path, study_inputs: Path) -> None:
    digest = hash_file(study_inputs / "donor.pt")
    assert json.loads((given / "study.json").read_text())["general"] == digest
    record = content(given, "general/step")
    assert (record["given"], record["parent"], record["weights_sha256"]) == (True, None, digest)
    assert hash_file(given / "repetition-001" / "general" / "models" / "model.pt") == digest
    assert not (given / "repetition-000" / "general" / "epochs.csv").exists()
    assert content(given, "portable/step")["parent_sha256"] == digest
    assert content(given, "portable/before") == content(given, "general/independent")


def test_what_is_retained_is_measured_on_the_test_parts_of_the_stages_before(given: Path) -> None:
    for stage in ("donor", "general"):
        own, after = content(given, f"{stage}/test"), content(given, f"portable/retention_{stage}")
        assert own["split"] == after["split"]
        assert [row["image"] for row in own["rows"]] == [row["image"] for row in after["rows"]]
        assert after["weights_sha256"] == content(given, "portable/step")["weights_sha256"]
    results = StudyResults.read(given)
    table = Analysis(results).retention.set_index(["arm", "stage", "metric"])
    assert list(table.index.unique("stage")) == ["donor", "general"]
    row = table.loc["paper", "donor", "DICE"]
    means = [
        [content(given, name, repetition)["all"]["DICE"]["mean"] for repetition in (0, 1)]
        for name in ("donor/test", "general/retention_donor", "portable/retention_donor")
    ]
    before, general, after = (sum(pair) / 2 for pair in means)
    assert (row.before, row.general, row.after) == (
        pytest.approx(before), pytest.approx(general), pytest.approx(after),
    )  # fmt: skip
    assert row.difference == pytest.approx(after - before)
    assert [table.name for table in section_tables(Analysis(results))] == ["retention"]
    assert "table3_general_test" not in [table.name for table in study_tables(Analysis(results))]


def test_the_independent_half_is_one_for_all_repetitions_and_the_rest_is_not(given: Path) -> None:
    splits = [content(given, "portable/split", repetition) for repetition in (0, 1)]
    assert splits[0]["independent"] == splits[1]["independent"]
    assert splits[0]["training"] != splits[1]["training"]
    assert {split["hold_out_seed"] for split in splits} == {0}


def test_every_image_of_the_independent_half_is_timed(given: Path) -> None:
    record = content(given, "portable/step")
    assert record["passes"] == len(content(given, "portable/independent")["rows"]) - 1
    assert 0 < record["network_ms"] < 1000 * record["seconds"]
    assert record["network_ms_sd"] > 0

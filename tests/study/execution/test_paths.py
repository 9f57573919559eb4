"""Where the files of a study lie."""

from __future__ import annotations

from monai_lungxfer.study.execution.paths import StudyPaths, repetition_name


def test_files_of_a_study_and_its_steps(tmp_path):
    paths = StudyPaths(tmp_path)
    step = paths.step(7, "portable")
    assert step.path == tmp_path / "repetition-007" / "portable"
    assert (step.name, step.repetition, repetition_name(7)) == ("portable", 7, "repetition-007")
    assert (step.record.name, step.failure.name, step.report("test").name) == ("step.json", "failed.json", "test.json")
    assert paths.given("donor") == tmp_path / "donor" / "model.pt"
    assert (paths.plan.name, paths.facts.name, paths.runs.name) == ("plan.yaml", "study.json", "mlruns.db")


def test_finished_steps_in_the_order_of_repetitions(tmp_path):
    paths = StudyPaths(tmp_path)
    for repetition, name in ((1000, "general"), (2, "portable"), (2, "general")):
        paths.step(repetition, name).path.mkdir(parents=True)
    paths.step(1000, "general").record.touch()
    paths.step(2, "portable").record.touch()
    assert [(step.repetition, step.name) for step in paths.finished_steps()] == [(2, "portable"), (1000, "general")]

"""The files of one step, read and checked."""

from __future__ import annotations

from pathlib import Path

from monai_lungxfer.study.analysis.reading import image_rows, read_step
from monai_lungxfer.study.execution.paths import StudyPaths


def test_a_finished_step(study: Path) -> None:
    step = read_step(StudyPaths(study).step(1, "portable"))
    assert set(step.reports) == {"test", "before", "independent"}
    assert (step.facts()["repetition"], step.facts()["step"], step.facts()["parent"]) == (1, "portable", "general")
    assert len(step.epochs()) == 6
    assert set(step.images().section) == {"test", "before", "independent"}
    assert set(step.calibration().bin) == set(range(10))


def test_images_of_a_patient_share_the_name_of_the_first() -> None:
    from monai_lungxfer.metrics.per_image import METRICS

    values = dict.fromkeys(METRICS, 1)
    rows = [{"image": name, "patient": patient, **values} for name, patient in (("b", 1), ("a", 1), ("c", 2))]
    table = image_rows({"rows": rows})
    assert list(table.patient) == ["a", "a", "c"]
    assert list(table.finding) == ["unknown"] * 3
    assert table.DICE.dtype == float

"""The application's log and exit code."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from dicom_radiograph import radiograph, write

from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.serving.deploy.log import configure, report

DONE, FLAGGED = Prediction("a.dcm"), Prediction("b.dcm", flags=("bridge", "island"), remarks=("it is odd",))
SKIPPED, LEFT_OUT = Prediction("c.dcm", "skipped", "is empty."), Prediction("d.dcm", "left out", "is a CT")


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    root, names = logging.getLogger(), ("monai_lungxfer", "monai_lungxfer.inference.batch")
    handlers, levels = list(root.handlers), {name: logging.getLogger(name).level for name in (None, *names)}
    yield
    root.handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize(
    ("predictions", "code"),
    [([DONE, FLAGGED, LEFT_OUT], 0), ([DONE, SKIPPED], 1), ([SKIPPED, LEFT_OUT], 2), ([LEFT_OUT], 2)],
)
def test_exit_codes(predictions: list[Prediction], code: int) -> None:
    assert report(predictions) == code


def test_files_are_known_by_their_rows(capsys: pytest.CaptureFixture[str]) -> None:
    configure(None)
    report([DONE, FLAGGED, SKIPPED, LEFT_OUT])
    told = [line.split(" ", 2)[2] for line in capsys.readouterr().err.splitlines()]
    assert told == [
        "WARNING row 2: look at the mask: bridge, island",
        "WARNING row 2: it is odd",
        "WARNING row 3: skipped: is empty.",
        "WARNING row 4: left out: is a CT",
        f"INFO 2 segmented, 1 skipped, 1 left out; the rows are those of predictions.csv. {NOTICE}",
    ]


@pytest.mark.parametrize(
    ("level", "shown"), [(None, "(a path): malformed"), ("DEBUG", "/data/Secret/x.dcm: malformed")]
)
def test_paths_are_not_told_unless_asked_for(capsys: pytest.CaptureFixture[str], level: str | None, shown: str) -> None:
    configure(level)
    logging.getLogger("monai_lungxfer.data").warning("%s: malformed", Path("/data/Secret/x.dcm"))
    assert shown in capsys.readouterr().err


def test_names_below_the_study_are_not_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.dcm"
    write(file, radiograph("CR", BodyPartExamined="", ViewPosition=""))
    configure(None)
    read_radiograph(file, name="Roe_Jane/x.dcm", any_view=False)
    told = capsys.readouterr().err
    assert "(a path): it may be no frontal chest radiograph" in told
    assert "Roe" not in told


def test_others_are_silent_below_errors(capsys: pytest.CaptureFixture[str]) -> None:
    configure("INFO")
    logging.getLogger("monai.deploy").warning("header values")
    logging.getLogger("monai_lungxfer.inference.batch").warning("Secret.dcm was skipped")
    assert capsys.readouterr().err == ""

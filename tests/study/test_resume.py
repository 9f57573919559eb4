"""A study that is killed goes on where it was, and ends as one that was left alone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_study import outcome, tiny_plan

from monai_lungxfer.study.plan import StudyPlan
from monai_lungxfer.study.run import run_study

RUN = "from monai_lungxfer.study.plan import StudyPlan; from monai_lungxfer.study.run import run_study; import sys; "
RUN += "run_study(StudyPlan.from_file(sys.argv[1]), tracking_uri=sys.argv[2])"


def killed_when(plan: Path, sign: Path, tracking_uri: str = "") -> None:
    """Start a study in a process of its own, and kill that as soon as a file appears."""
    with subprocess.Popen([sys.executable, "-c", RUN, str(plan), tracking_uri], stderr=subprocess.DEVNULL) as process:
        while not sign.exists() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL, "the study was over before it could be killed"


@pytest.mark.slow
def test_a_killed_study_ends_as_one_that_was_left_alone(undisturbed: Path, study_inputs: Path, tmp_path: Path) -> None:
    plan = tiny_plan(study_inputs, tmp_path)
    portable = tmp_path / "study" / "repetition-000" / "portable"
    killed_when(plan, portable / "models" / "resume.pt")
    assert not (portable / "step.json").exists()
    assert (portable.parent / "general" / "step.json").exists()
    trained = (portable.parent / "general" / "step.json").stat().st_mtime_ns
    end = run_study(StudyPlan.from_file(plan), tracking_uri="")
    assert len(end.done) == 4
    assert outcome(tmp_path / "study") == outcome(undisturbed)
    assert (portable.parent / "general" / "step.json").stat().st_mtime_ns == trained
    left = [path.name for path in (tmp_path / "study").rglob(".*") if path.name != ".lock"]
    assert len(left) <= 1, left  # the temporary file that was being written when the signal came

"""The process that hands a study's steps to a Ray cluster is killed; the cluster lives on."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tiny_study import outcome, tiny_plan

from monai_lungxfer.study.execution.ray_pool import RayPool
from monai_lungxfer.study.execution.run import run_study
from monai_lungxfer.study.plan.plan import StudyPlan

LUNGXFER = (sys.executable, "-c", "from monai_lungxfer.cli import main; main()")


@pytest.mark.slow
def test_the_study_goes_on_from_another_process(
    ray_cluster: str, undisturbed: Path, study_inputs: Path, tmp_path: Path
) -> None:
    plan = tiny_plan(study_inputs, tmp_path)
    sign = tmp_path / "study" / "repetition-000" / "general" / "models" / "resume.pt"
    command = [*LUNGXFER, "study", "run", str(plan), "--ray-address", ray_cluster]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver:
        while not sign.exists() and driver.poll() is None:
            time.sleep(0.01)
        driver.kill()
    assert driver.returncode == -9, "the study was over before it could be killed"
    with RayPool.at(ray_cluster) as pool:  # at once, while the cluster may not have noticed yet
        end = run_study(StudyPlan.from_file(plan), "", pool)
    assert (len(end.done), end.failed, end.blocked) == (4, {}, ())
    assert outcome(tmp_path / "study") == outcome(undisturbed)

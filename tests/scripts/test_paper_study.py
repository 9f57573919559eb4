"""The paper's study at its size, in small: phantoms, one repetition, one epoch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from source_tree import REPOSITORY

SCRIPT = REPOSITORY / "scripts" / "paper_study.sh"
TINY = {"REPETITIONS": "1", "SIDE": "32", "EPOCHS": "1", "PATIENCE": "1", "BATCH": "4", "HOURS": "2", "AT_ONCE": "0"}
TINY |= {"EXTRA": "network_def#init_features: 4", "PRECISION": "float32", "LOCKED": "0.1"}


def run(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **variables}
    return subprocess.run(["bash", SCRIPT, *arguments], env=environment, capture_output=True, text=True, check=False)


def test_without_folders_it_says_how_it_is_used() -> None:
    done = run()
    assert done.returncode == 2
    assert "scripts/paper_study.sh DATA OUT" in done.stdout
    assert "REPETITIONS=25 SIDE=256" in done.stdout


@pytest.mark.slow
def test_every_arm_runs_and_the_tables_stand_beside_the_papers(study_inputs: Path, tmp_path: Path) -> None:
    donor = str(study_inputs / "donor.pt")
    done = run(study_inputs / "data", tmp_path / "out", DONOR=donor, NATURAL=donor, **TINY)
    assert done.returncode == 0, done.stderr[-3000:]
    plans = {name: yaml.safe_load((tmp_path / "out" / f"{name}.yaml").read_text()) for name in ("stages", "natural")}
    assert plans["stages"]["arms"] == ["paper", "scratch", "general_only"]
    assert plans["stages"]["seed"] == plans["natural"]["seed"]
    assert plans["natural"]["stages"]["general"]["settings"]["parent_allow"] == ["decoder*"]
    steps = tmp_path / "out" / "stages" / "repetition-000"
    splits = {name: json.loads((steps / name / "split.json").read_text()) for name in ("general", "portable")}
    assert {name: split.get("locked_share") for name, split in splits.items()} == {"general": None, "portable": 0.1}
    assert (tmp_path / "out" / "stages" / "report.html").is_file()
    assert (tmp_path / "out" / "natural" / "report.html").is_file()
    assert "0.9554" in done.stdout  # the paper's DICE of Table 3
    assert done.stdout.count("Table 7") >= 2
    assert done.stdout.count("The arms on the independent half") == 1

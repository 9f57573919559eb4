"""A study small enough to be carried out within seconds, and what is the same in two that should give the same."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

STAGE = {
    "max_epochs": 3,
    "image_size": 32,
    "batch_size": 4,
    "learning_rate": 0.01,
    "settings": {"network_def#init_features": 4},
}
SAME_IN_RECORDS = ("step", "parent", "parent_sha256", "seed", "split", "data", "weights_sha256")
RUN = "from monai_lungxfer.study.plan.plan import StudyPlan; "
RUN += "from monai_lungxfer.study.execution.run import run_study; import sys; "
RUN += "run_study(StudyPlan.from_file(sys.argv[1]), tracking_uri=sys.argv[2])"


@pytest.fixture(scope="session")
def study_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data/` (phantoms) and `donor.pt` (a small network of random weights)."""
    import torch  # here, since every test session loads this module

    from monai_lungxfer.networks.donor_unet import DonorUNet
    from monai_lungxfer.synthetic.phantoms import write_phantoms

    folder = tmp_path_factory.mktemp("study-inputs")
    write_phantoms(folder / "data", donor=2, general=14, portable=24, size=64)
    torch.manual_seed(99)  # not what a step without a parent draws
    torch.save(DonorUNet(init_features=4).state_dict(), folder / "donor.pt")
    return folder


def tiny_plan(inputs: Path, folder: Path, **keys: Any) -> Path:
    """Write a plan of two repetitions of the paper's arm, with the study in `folder / "study"`."""
    content = {
        "data": str(inputs / "data"),
        "out": "study",
        "donor": str(inputs / "donor.pt"),
        "repetitions": 2,
        "arms": ["paper"],
        "threads": 1,
        "precision": "float32",
        "stages": {"general": STAGE, "portable": STAGE},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.yaml").write_text(yaml.safe_dump(content | keys))
    return folder / "plan.yaml"


def killed_when(plan: Path, sign: Path, tracking_uri: str = "") -> None:
    """Start a study in a process of its own, and kill that as soon as a file appears."""
    with subprocess.Popen([sys.executable, "-c", RUN, str(plan), tracking_uri], stderr=subprocess.DEVNULL) as process:
        while not sign.exists() and process.poll() is None:
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL, "the study was over before it could be killed"


@pytest.fixture(scope="session")
def undisturbed(study_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the study of `tiny_plan`, carried out in one go in this process; not to be written to."""
    from monai_lungxfer.study.execution.run import run_study
    from monai_lungxfer.study.plan.plan import StudyPlan

    plan = StudyPlan.from_file(tiny_plan(study_inputs, tmp_path_factory.mktemp("undisturbed")))
    end = run_study(plan, tracking_uri="")
    assert (len(end.done), end.failed, end.blocked) == (4, {}, ())
    return plan.out


def outcome(study: Path) -> dict[str, Any]:
    """Return everything that a study found out, by file, without what depends on the clock or the place."""
    found: dict[str, Any] = {}
    for path in sorted(study.glob("repetition-*/*/*")):
        name = path.relative_to(study).as_posix()
        if path.name == "step.json":
            record = json.loads(path.read_text())
            found[name] = {key: record[key] for key in SAME_IN_RECORDS}
        elif path.name == "epochs.csv":
            with path.open(newline="") as file:
                found[name] = [
                    {key: value for key, value in row.items() if "seconds" not in key} for row in csv.DictReader(file)
                ]
        elif path.suffix == ".json":
            found[name] = json.loads(path.read_text())
    return found

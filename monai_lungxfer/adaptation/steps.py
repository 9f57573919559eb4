"""The steps of an adaptation as commands that anyone can run and change."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from monai_lungxfer.adaptation.recipe import TrainingPhase
from monai_lungxfer.adaptation.training import STAGE

STEPS = "steps.sh"
AGAIN = "again"
"""Folder that the commands write into, next to what the adaptation has written."""


def list_steps(
    weights: str, phases: Iterable[TrainingPhase], split: Mapping[str, Any], epochs: Mapping[str, int], seed: int
) -> str:
    """Return a script of the existing commands that do the same, from the data set on.

    Parameters
    ----------
    weights : str
        What the adaptation started from, as `--weights` was given.
    phases : iterable of TrainingPhase
        The trainings.
    split : mapping
        Settings that name the split.
    epochs : mapping
        Epochs that each training had, by its name.
    seed : int
        Of the trainings.
    """
    sections = _sets({**split, "split_file": "split.json", "tracking_uri": None})
    lines = [
        "#!/bin/sh",
        "# What lungxfer adapt has done, as commands. They write into again/. Not a medical device.",
        "set -eu",
        'cd "$(dirname "$0")"',
        "lungxfer data check data --split split.json || echo 'Look at what was found'",
    ]
    parent = weights
    for phase in phases:
        folder = f"{AGAIN}/{phase.name}"
        settings = {name: value for name, value in phase.settings.items() if name not in ("translator", "max_epochs")}
        translator = f" --translator {phase.settings['translator']}" if "translator" in phase.settings else ""
        lines.append(
            f"lungxfer train {STAGE.name} --recipe {phase.recipe} --data data --out {folder} "
            f"--parent {shlex.quote(parent)}{translator} --epochs {_epochs(phase, epochs)} --seed {seed} "
            f"{sections} {_sets(settings)}"
        )
        parent = f"{folder}/models/model.pt"
    evaluate = f"lungxfer evaluate {STAGE.name} --data data --out {AGAIN} --section independent {sections} --overwrite"
    bundle = f"{AGAIN}/{STAGE.bundle}"
    lines += [
        f"lungxfer bundles export {STAGE.name} --out {AGAIN} --overwrite",
        f"rm -rf {bundle}/models/paper",
        f"lungxfer weights pack {parent} --bundle {bundle}",
        f"lungxfer bundles compile {bundle}",
        f"{evaluate} --weights {shlex.quote(weights)} --set report_file={AGAIN}/before.json",
        f"{evaluate} --weights {bundle} --set report_file={AGAIN}/after.json",
        f"lungxfer compare {AGAIN}/before.json {AGAIN}/after.json",
        f"lungxfer bundles verify {bundle}",
        f"# lungxfer registry register {bundle} --report {AGAIN}/after.json --parent {shlex.quote(weights)}",
        f"# lungxfer registry promote {STAGE.bundle}",
    ]
    return "\n".join(lines) + "\n"


def _epochs(phase: TrainingPhase, epochs: Mapping[str, int]) -> int:
    """Return how many epochs to train: the planned ones where the learning rate follows them, else those there were."""
    planned: int = phase.settings["max_epochs"]
    return planned if phase.recipe == "best" else epochs[phase.name]


def _sets(settings: Mapping[str, Any]) -> str:
    """Return settings as options; JSON is YAML, too."""
    return " ".join(f"--set {shlex.quote(f'{name}={_plain(value)}')}" for name, value in settings.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)

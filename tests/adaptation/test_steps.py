"""The script names commands and options that there are."""

from __future__ import annotations

import shlex
import subprocess

import pytest
import typer
from typer.testing import CliRunner

from monai_lungxfer.adaptation.recipe import StepCost, plan_phases
from monai_lungxfer.adaptation.steps import list_steps
from monai_lungxfer.cli import app
from monai_lungxfer.cli.options import parsed_settings

SPLIT = {"split_seed": 2, "fractions": [0.8, 0.2, 0.0], "hold_out": 0.3}
COST = StepCost((192, 192), 0.1, 0.02)
COMMANDS = typer.main.get_command(app)


def write_script(seconds: float) -> str:
    phases = plan_phases(28, 6, COST, 32, seconds)
    return list_steps("my weights.pt", phases, SPLIT, {phase.name: 5 for phase in phases}, 2)


def parse(line: str) -> tuple[list[str], dict]:
    """Parse a line as Click would, without running it."""
    words = shlex.split(line.removeprefix("# ").partition(" || ")[0])
    assert words.pop(0) == "lungxfer"
    command, names = COMMANDS, []
    while hasattr(command, "commands"):
        names.append(words.pop(0))
        command = command.commands[names[-1]]
    context = command.make_context(names[-1], words, resilient_parsing=False)
    return names, context.params


@pytest.mark.parametrize("seconds", [10, 3600])
def test_every_command_and_option_exists(seconds: float) -> None:
    lines = [
        line for line in write_script(seconds).splitlines() if "lungxfer " in line and not line.startswith("# What")
    ]
    parsed = [parse(line) for line in lines]
    assert [" ".join(names) for names, _ in parsed if names[0] == "train"] == ["train"] * (1 if seconds == 10 else 2)
    for names, params in parsed:
        if params.get("settings"):
            settings = parsed_settings(params["settings"])
            assert {**settings, **SPLIT} == settings, names
            assert settings["split_file"] == "split.json"


def test_trainings_follow_each_other_with_the_planned_epochs() -> None:
    small, full = (parse(line)[1] for line in write_script(3600).splitlines() if " train " in line)
    assert (small["parent"], full["parent"]) == ("my weights.pt", "again/small/models/model.pt")
    assert (small["epochs"], full["epochs"]) == (16, 16)
    (adapter,) = (parse(line)[1] for line in write_script(10).splitlines() if " train " in line)
    assert (adapter["translator"], adapter["epochs"], adapter["seed"]) == ("tail:3", 5, 2)
    assert parsed_settings(adapter["settings"])["train#random_transforms"] == []


def test_it_is_a_shell_script() -> None:
    subprocess.run(["sh", "-n"], input=write_script(3600), text=True, check=True)


def test_help_says_what_it_is_not() -> None:
    assert "not a medical device" in CliRunner().invoke(app, ["adapt", "--help"]).stdout

"""`adapt` as it is typed: what it prints, its exit codes, and the gate; the work itself is tested in its room."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from evaluation_report import write_report
from own_images import BEFORE
from typer.testing import CliRunner

from monai_lungxfer.adaptation import run as adaptation
from monai_lungxfer.adaptation.outcome import judge
from monai_lungxfer.adaptation.sources import SourceRules
from monai_lungxfer.cli import app
from monai_lungxfer.registry import register as registration
from monai_lungxfer.study.analysis.report_comparison import read_evaluation


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the command as if the adaptation had changed Dice so much."""
    seen = SimpleNamespace()

    def call(change: float, *options: str, skipped: tuple = (), failures: tuple = ()):
        files = []
        for name, sha256, dice in (("before", "b" * 64, BEFORE), ("after", "c" * 64, BEFORE + change)):
            values = [float(value) for value in dice]
            fields = {"DICE_HARD": values, "patient": list(range(12)), "grid": ["64x64"] * 12}
            files.append(write_report(tmp_path / f"{name}.json", sha256, values, **fields))
        outcome = judge(*map(read_evaluation, files))

        def adapt(data, out, settings, *_):
            seen.settings = settings
            places = (out / "bundle", out / "report.html", out / "steps.sh")
            return adaptation.Adapted(*places, tuple(files), outcome, list(skipped), ["a note"], list(failures))

        def register(bundle, **facts):
            seen.facts = facts
            return SimpleNamespace(uri="models:/own/1")

        monkeypatch.setattr(adaptation, "adapt", adapt)
        monkeypatch.setattr(registration, "register_bundle", register)
        return CliRunner().invoke(app, ["adapt", str(tmp_path), "-o", str(tmp_path / "out"), *options])

    call.seen = seen
    return call


def test_the_answer_is_the_last_but_the_notice(run) -> None:
    result = run(0.02)
    assert result.exit_code == 0
    *_, sentence, notice = result.stdout.strip().splitlines()
    assert sentence.startswith("Better by 0.0200")
    assert "Not a medical device" in notice


def test_options_reach_the_work(run) -> None:
    run(
        0.02, "--patient", r"^(p\d)", "--minutes", "5", "--translator", "tail:2", "--seed", "3", "--lung-label", "Lunge"
    )
    settings = run.seen.settings
    assert (settings.minutes, settings.translator, settings.seed, settings.weights) == (5.0, "tail:2", 3, "portable")
    assert settings.rules == SourceRules(patient=r"^(p\d)", lung_labels=("Lunge",))


@pytest.mark.parametrize("trouble", [{"skipped": (("a.png", "is empty"),)}, {"failures": ("card: is missing",)}])
def test_what_was_skipped_or_failed_is_told_by_the_exit_code(run, trouble: dict) -> None:
    result = run(0.02, **trouble)
    assert result.exit_code == 1
    assert "Skipped: a.png: is empty" in result.stdout or "Check failed: card: is missing" in result.stdout


@pytest.mark.parametrize(("change", "passed"), [(0.0, True), (-0.02, False)])
def test_the_gate_compares_with_the_start(run, change: float, passed: bool) -> None:
    result = run(change, "--register", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == (0 if passed else 1)
    assert (told["gate"], told["candidate"]) == (passed, "models:/own/1")
    assert run.seen.facts["tags"] == {"gate": "passed" if passed else "not passed"}
    assert run.seen.facts["parent"] == "portable"
    assert told["difference"] == pytest.approx(change, abs=1e-9)
    assert np.isfinite(told["interval"]).all()


def test_a_wrong_translator_is_refused_before_anything(run) -> None:
    result = run(0.0, "--translator", "tale:3")
    assert result.exit_code == 2
    assert "settings" not in vars(run.seen)

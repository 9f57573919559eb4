"""The command line where extras are not installed."""

from __future__ import annotations

from pathlib import Path

import pytest
from installed_extras import run_lungxfer


@pytest.mark.parametrize(
    ("words", "extra", "there"),
    [
        ("weights show portable", "train", ()),
        ("bundles verify", "train", ()),
        ("train portable --data .", "train", ()),
        ("compare a b", "study", ("train",)),
        ("registry list", "mlflow", ()),
        ("registry register portable", "train", ()),
    ],
)
def test_what_a_command_lacks_is_named_with_its_extra(words: str, extra: str, there: tuple[str, ...]) -> None:
    run = run_lungxfer(*words.split(), extras=there)
    assert (run.returncode, run.stdout) == (2, "")
    command = " ".join(words.split()[: 1 if words.startswith(("train", "compare")) else 2])
    assert f'is needed for "lungxfer {command}" and is not installed. Run: pip install' in run.stderr
    assert run.stderr.endswith(f'"monai_lungxfer[{extra}]".\n')
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("words", ["--help", "predict --help", "bundles list", "weights list"])
def test_the_core_is_enough(words: str) -> None:
    run = run_lungxfer(*words.split())
    assert (run.returncode, run.stderr) == (0, "")


def test_the_core_handles_data(tmp_path: Path) -> None:
    for words in (
        ("phantom", str(tmp_path), "--donor", "1", "--general", "1", "--portable", "9", "--size", "64"),
        ("check", str(tmp_path / "portable")),
        ("split", str(tmp_path / "portable"), "--out", str(tmp_path / "split.json")),
    ):
        run = run_lungxfer("data", *words)
        assert run.returncode == 0, run.stderr


def test_doctor_works_without_the_training_stack() -> None:
    run = run_lungxfer("doctor")
    assert run.returncode == 0, run.stdout
    assert "ONNX Runtime" in run.stdout

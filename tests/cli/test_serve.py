"""``lungxfer serve label``: what is asked for reaches the server, and what it exposes is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.serving.label import launch
from monai_lungxfer.serving.label.launch import Command, LabelSettings

EXPOSED = "There are no users and no encryption"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[LabelSettings]:
    """What would be served; no server is started."""
    settings: list[LabelSettings] = []

    def prepare(wanted: LabelSettings) -> Command:
        settings.append(wanted)
        return Command(["python", "-m", "server"], {"A": "1"}, tmp_path)

    monkeypatch.setattr(launch, "prepare", prepare)
    monkeypatch.setattr(os, "execve", lambda *words: settings.append(words))
    monkeypatch.chdir(tmp_path)
    return settings


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["serve", "label", *words])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def test_defaults(asked: list, tmp_path: Path) -> None:
    told = run("--studies", str(tmp_path))
    assert asked[0] == LabelSettings(str(tmp_path))
    assert asked[1] == ("python", ["python", "-m", "server"], {"A": "1"})
    assert "MONAI Label at http://127.0.0.1:8000" in told
    assert EXPOSED not in told


def test_options(asked: list, tmp_path: Path) -> None:
    words = ("--bundle", "general", "--bundle", "portable", "--out", "o", "--port", "9", "--max-megabytes", "7")
    run("--studies", str(tmp_path), *words, "--device", "cpu", "--stock", "--allow-host", "a", "--allow-host", "b")
    assert asked[0] == LabelSettings(
        str(tmp_path),
        ["general", "portable"],
        Path("o"),
        port=9,
        max_megabytes=7,
        device="cpu",
        stock=True,
        allow_hosts=("a", "b"),
    )


def test_a_name_is_no_url(asked: list, tmp_path: Path) -> None:
    assert "without a port" in run("--studies", str(tmp_path), "--allow-host", "http://a:80", code=2)
    assert asked == []


def test_another_address_is_allowed_by_an_option_and_says_what_it_exposes(asked: list, tmp_path: Path) -> None:
    assert EXPOSED in run("--studies", str(tmp_path), "--host", "0.0.0.0", code=2)
    assert asked == []
    assert EXPOSED in run("--studies", str(tmp_path), "--host", "0.0.0.0", "--expose")
    assert asked[0].host == "0.0.0.0"

"""What `--log-file` writes, and what it leaves out."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monai_lungxfer import __version__
from monai_lungxfer.checks import installation
from monai_lungxfer.cli import app
from monai_lungxfer.cli.log_file import open_log_file
from monai_lungxfer.utils.errors import InputFileError

SECRETS = ("Smith", "John", "4711")


@pytest.fixture(autouse=True)
def logging_as_before():
    root, package = logging.getLogger(), logging.getLogger("monai_lungxfer")
    before = root.handlers[:], root.level, package.level
    yield
    root.handlers[:], root.level, package.level = before


def doctor(monkeypatch, file: Path, work, *options: str):
    monkeypatch.setattr(installation, "run_checks", work)
    return CliRunner().invoke(app, [*options, "--log-file", str(file), "doctor"])


def test_version_command_messages_and_end_with_times(tmp_path: Path, monkeypatch) -> None:
    def work() -> list:
        logging.getLogger("monai_lungxfer.x").info("%d images", 3)
        logging.getLogger("monai_lungxfer.x").debug("details")
        logging.getLogger("ignite").info("theirs")
        return []

    file = tmp_path / "run.log"
    for _ in range(2):
        result = doctor(monkeypatch, file, work, "--quiet")
        assert (result.exit_code, result.stderr) == (0, "")
    lines = file.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO ", line) for line in lines)
    said = [line.partition(": ")[2] for line in lines[:4]]
    assert said[:3] == [f"lungxfer {__version__}, doctor", "3 images", "theirs"]
    assert said[3].startswith("exit code 0 after ")
    assert len(lines) == 8
    doctor(monkeypatch, file, work, "--verbose")
    assert "DEBUG   monai_lungxfer.x: details" in file.read_text()


def test_an_unexpected_error_has_its_traceback_there_and_no_name(tmp_path: Path, monkeypatch) -> None:
    def work() -> list:
        try:
            Path("/data/John Smith/4711.dcm").read_bytes()
        except OSError as error:
            raise ValueError("John Smith is no number") from error

    file = tmp_path / "run.log"
    result = doctor(monkeypatch, file, work)
    assert result.exit_code == 3
    text = file.read_text()
    assert "test_log_file.py:" in text
    assert "in work" in text
    assert text.index("FileNotFoundError, raised at") < text.index("ValueError, raised at")
    assert "monai_lungxfer/cli/__init__.py:" in text
    assert "exit code 3" in text
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize(
    ("logger", "message", "arguments", "kept"),
    [
        ("monai_lungxfer.a", "%s was skipped: %s", ("Smith/John.png", "it is empty"), "was skipped: it is empty"),
        ("monai_lungxfer.a", "%s is there already", (Path("4711/x.zip"),), "is there already"),
        ("monai_lungxfer.a", "not sent: %s", (InputFileError("no lungs", source="Smith.dcm"),), "no lungs"),
        ("ignite", "reading /data/John Smith/x.png", (), "reading (a path)"),
        ("ignite", "reading '/data/John Smith/x.png' by ITK", (), "by ITK"),
        ("ignite", "terminated by exception: John Smith is no number", (), "terminated by exception: …"),
        ("monai_lungxfer.a", "epoch 3/40, 14 images/s, see https://example.org/a", (), "3/40, 14 images/s, see https"),
    ],
)
def test_paths_and_names_are_left_out(tmp_path: Path, logger: str, message: str, arguments: tuple, kept: str) -> None:
    handler = open_log_file(tmp_path / "run.log")
    handler.handle(logging.LogRecord(logger, logging.INFO, "x.py", 1, message, arguments, None))
    handler.close()
    text = (tmp_path / "run.log").read_text()
    assert kept in text
    assert not [secret for secret in SECRETS if secret in text]


def test_a_file_that_cannot_be_written_is_refused(tmp_path: Path, monkeypatch) -> None:
    result = doctor(monkeypatch, tmp_path / "nowhere" / "run.log", list)
    assert result.exit_code == 2
    assert "--log-file" in result.stderr
    assert "cannot be written" in " ".join(result.stderr.replace("│", " ").split())

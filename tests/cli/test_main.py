from __future__ import annotations

import errno
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer
from file_server import serving
from rich.table import Table
from typer.testing import CliRunner

from monai_lungxfer import __version__
from monai_lungxfer.checks import installation as doctor
from monai_lungxfer.checks.installation import InstallationCheck
from monai_lungxfer.cli import app
from monai_lungxfer.cli.console import configure_logging, console, emit_json, error_console
from monai_lungxfer.utils.errors import InputFileError

LUNGXFER = [sys.executable, "-c", "from monai_lungxfer.cli import main; main()"]
COMMANDS = {"predict", "train", "evaluate", "transfer", "study", "data", "weights", "bundles", "registry", "serve"}
COMMANDS |= {"adapt", "compare", "doctor", "drift", "features", "refine", "review", "robustness", "segment", "select"}


@pytest.fixture(autouse=True)
def logging_as_before():
    root, package = logging.getLogger(), logging.getLogger("monai_lungxfer")
    before = root.handlers[:], root.level, package.level
    yield
    root.handlers[:], root.level, package.level = before
    logging.captureWarnings(False)


@pytest.fixture
def failing(monkeypatch):
    """Let `lungxfer doctor` end in an exception of choice."""

    def run(error, *options):
        def raise_error():
            raise error

        monkeypatch.setattr(doctor, "run_checks", raise_error)
        return CliRunner().invoke(app, [*options, "doctor"])

    return run


def test_version():
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"lungxfer {__version__}\n")


def test_commands():
    command = typer.main.get_command(app)
    assert set(command.commands) == COMMANDS


def test_segment_is_predict_and_is_listed_once():
    root = typer.main.get_command(app)
    segment, predict = root.commands["segment"], root.commands["predict"]
    assert [one.opts for one in segment.params] == [one.opts for one in predict.params]
    assert (segment.help, segment.epilog) == (predict.help, predict.epilog)
    assert (segment.hidden, predict.hidden) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["predcit"], "predict"),
        (["study", "rnu"], "run"),
        (["predict", "x", "--overwite"], "--overwrite"),
        (["--verbos", "doctor"], "--verbose"),
        (["predict", "x", "--debug"], "put it before the command"),
    ],
)
def test_mistyped_words_are_answered_by_the_nearest(arguments, nearest):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert nearest in " ".join(result.stderr.replace("│", " ").split())


def commands_below(command, name="lungxfer"):
    yield name, command
    for word, below in getattr(command, "commands", {}).items():
        yield from commands_below(below, f"{name} {word}")


def test_what_is_written_to_has_the_same_names_everywhere_and_one_option_replaces():
    options = {"--out": set(), "--overwrite": set()}
    for _, command in commands_below(typer.main.get_command(app)):
        for parameter in command.params:
            for option in set(options) & set(parameter.opts):
                options[option].add((tuple(parameter.opts), parameter.help if option == "--overwrite" else None))
    assert options["--out"] == {(("--out", "-o"), None)}
    assert len(options["--overwrite"]) == 1


def test_help_has_no_words_in_brackets_which_rich_takes_for_markup():
    for name, command in commands_below(typer.main.get_command(app)):
        for parameter in command.params:
            assert not re.search(r"\[/?[a-z]", getattr(parameter, "help", None) or ""), (name, parameter.name)


def test_each_paragraph_of_help_is_wrapped_as_a_whole():
    for name, command in commands_below(typer.main.get_command(app)):
        assert not any("\n" in paragraph for paragraph in (command.help or "").split("\n\n")), name
    shown = CliRunner().invoke(app, ["evaluate", "--help"], env={"COLUMNS": "80"}).output
    lines = [line.strip() for line in shown.split("Arguments")[0].splitlines()]
    assert "With --at native also how well the border fits: boundary IoU (BIOU) and" in lines


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_tells_the_exit_codes(option):
    result = CliRunner().invoke(app, [option])
    assert result.exit_code == 0
    for code in ("0 all done", "1 some inputs", "2 wrong usage", "3 unexpected", "130 interrupted"):
        assert code in " ".join(result.stdout.split())


def test_start_up_imports_nothing_heavy():
    code = "import sys, monai_lungxfer.cli; print(*(name.partition('.')[0] for name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    loaded = set(run.stdout.split())
    assert "typer" in loaded
    heavy = {"torch", "monai", "mlflow", "numpy", "pydicom", "itk", "nibabel", "PIL", "scipy", "ignite", "requests"}
    assert not loaded & (heavy | {"matplotlib", "sklearn", "pandas", "highdicom", "onnx"})


def test_error_of_ours_is_one_line_on_stderr(failing):
    result = failing(
        InputFileError("it is [bold]empty[/bold]", source="/data/a very/" + "long/" * 40, remedy="Mend it")
    )
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == f"Error: /data/a very/{'long/' * 40}: it is [bold]empty[/bold]. Mend it.\n"


def test_unexpected_error_hides_its_traceback(failing):
    result = failing(ZeroDivisionError("no lungs to divide by"))
    assert result.exit_code == 3
    assert result.stderr.startswith("Unexpected error: ZeroDivisionError: no lungs to divide by")
    assert "--debug" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(("error", "code"), [(ZeroDivisionError("why"), 3), (InputFileError("why"), 2)])
def test_debug_shows_the_traceback(failing, error, code):
    result = failing(error, "--debug")
    assert result.exit_code == code
    assert "Traceback (most recent call last)" in result.stderr
    assert "raise_error" in result.stderr


def test_full_disk(failing):
    result = failing(OSError(errno.ENOSPC, "No space left on device", "/results/a.png"))
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: /results/a.png: there is no space left on the disk.")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
def test_memory_that_runs_out(failing, error):
    result = failing(error)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: there is not enough memory ({type(error).__name__}")


def test_other_system_errors_are_unexpected(failing):
    result = failing(PermissionError(errno.EACCES, "Permission denied", "/results/a.png"))
    assert result.exit_code == 3
    assert "Permission denied: '/results/a.png'" in result.stderr


def test_what_a_library_wrapped_is_told_and_not_the_wrapping(failing):
    wrapped = RuntimeError("applying transform <object at 0x7f>")
    wrapped.__cause__ = OSError(errno.ENOSPC, "No space left on device", "/results/a.png")
    result = failing(wrapped)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: /results/a.png: there is no space left on the disk.")


def test_keyboard_interrupt(failing):
    result = failing(KeyboardInterrupt())
    assert (result.exit_code, result.stderr) == (130, "Interrupted\n")


@pytest.mark.parametrize("arguments", [["nonsense"], ["bundles", "path"], ["-v", "-q", "doctor"], ["doctor", "--x"]])
def test_wrong_usage(arguments):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "Usage: " in result.stderr
    assert "Unexpected error" not in result.stderr


def wait_for_bytes(file):
    deadline = time.monotonic() + 30
    while not (file.is_file() and file.stat().st_size):
        assert time.monotonic() < deadline, f"{file} stays empty"
        time.sleep(0.01)


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Children obey SIGINT, also where a shell started the tests in the background and so has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt(), 130), (SystemExit(143), 143)])
def test_an_interruption_that_a_library_hid_is_told(failing, stop, code):
    hidden = RuntimeError("Can't reconnect until invalid transaction is rolled back.")
    hidden.__context__ = stop
    result = failing(hidden)
    assert (result.exit_code, result.stderr) == (code, "Interrupted\n")


@pytest.mark.usefixtures("interruptible")
def test_keyboard_interrupt_before_a_command_runs_is_told_without_a_traceback():
    stopped = "import signal, monai_lungxfer.cli as cli; cli.app = lambda: signal.raise_signal(2); cli.main()"
    run = subprocess.run([sys.executable, "-c", stopped], check=False, capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "Interrupted\n")


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_download_that_can_be_continued(tmp_path, number, code):
    target = tmp_path / "donor.pt"
    with serving(bytes(200_000), stall_after=100_000) as server:
        command = [*LUNGXFER, "weights", "fetch", "donor", "--url", server.url, "--out", str(target)]
        environment = os.environ | {"NO_PROXY": "127.0.0.1"}
        process = subprocess.Popen(command, env=environment, text=True, stdout=-1, stderr=-1)
        try:
            wait_for_bytes(target.with_name("donor.pt.part"))
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == code
    assert out == ""
    assert "Traceback" not in err
    assert ("Interrupted" in err) == (number == signal.SIGINT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["donor.pt.part", "donor.pt.part.json"]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_reader_that_has_seen_enough(options):
    process = subprocess.Popen([*LUNGXFER, "bundles", "list", *options], stdout=-1, stderr=-1, text=True)
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(timeout=20), err) == (141, "")


THEIRS = ["theirs info", "theirs warning", "theirs error"]


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, ["ours info", "ours warning", "ours error", "theirs warning", "theirs error"]),
        ({"verbose": True}, ["ours debug", "ours info", "ours warning", "ours error", *THEIRS]),
        ({"quiet": True}, ["ours error", "theirs error"]),
    ],
)
def test_log_levels(capsys, options, shown):
    configure_logging(**options)
    for who, name in (("ours", "monai_lungxfer.io.radiograph"), ("theirs", "ignite.engine")):
        for level in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger(name), level)("%s %s", who, level)
    captured = capsys.readouterr()
    assert captured.err.splitlines() == shown
    assert captured.out == ""


@pytest.mark.parametrize(
    ("options", "shown"), [({}, ["error"]), ({"verbose": True}, ["warning", "error"]), ({"quiet": True}, ["error"])]
)
def test_of_libraries_that_handle_files_only_the_kind_is_told(capsys, options, shown):
    configure_logging(**options)
    for level in ("debug", "info", "warning", "error"):
        getattr(logging.getLogger("pydicom"), level)("Doe^John")
    told = [f"pydicom: {level.upper()} (text left out)" for level in shown]
    assert capsys.readouterr().err.splitlines() == told


def test_json_is_valid_for_any_parser(capsys):
    emit_json({"nan": float("nan"), "path": Path("a/b"), "array": np.array([[1, 2]]), "scalar": np.float32(0.5), 3: ()})
    text = capsys.readouterr().out
    expected = {"nan": None, "path": "a/b", "array": [[1, 2]], "scalar": 0.5, "3": []}
    assert json.loads(text, parse_constant=pytest.fail) == expected


CHECKS = [
    InstallationCheck("alpha", "ok", "1.0"),
    InstallationCheck("beta[x]", "warn", "[none]", 'pip install "beta[x]"'),
]


def test_doctor_table(monkeypatch):
    monkeypatch.setattr(doctor, "run_checks", lambda: CHECKS)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == 0
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines == ["what state found", "alpha ok 1.0", "beta[x] warn [none]", 'beta[x]: pip install "beta[x]"']


def test_doctor_fails_when_something_required_is_missing(monkeypatch):
    monkeypatch.setattr(doctor, "run_checks", lambda: [*CHECKS, InstallationCheck("gamma", "missing", "")])
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["usable"] is False
    assert report["checks"][1] == {
        "name": "beta[x]",
        "status": "warn",
        "found": "[none]",
        "remedy": 'pip install "beta[x]"',
    }
    assert len(report["checks"]) == 3


def test_doctor_finds_this_installation_usable():
    result = CliRunner().invoke(app, ["doctor", "--json"])
    report = json.loads(result.stdout)
    assert (result.exit_code, report["usable"]) == (0, True)
    groups = {
        "python",
        "torch",
        "device",
        "precision of auto",
        "threads",
        "DICOM RLE",
        "memory",
        "disk",
        "donor weights",
    }
    assert groups <= {check["name"] for check in report["checks"]}


@pytest.mark.parametrize("name", ["a[v2].png", "a[/b].png", ":smile:[red].png"])
def test_consoles_print_texts_and_cells_as_they_are(name: str) -> None:
    for one in (console, error_console):
        with one.capture() as printed:
            table = Table("image", title=name)
            table.add_row(name)
            one.print(name)
            one.print(table)
        assert printed.get().count(name) == 3

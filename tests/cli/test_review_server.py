"""``lungxfer review --serve`` as a process of its own, from its start to its end by a signal."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from correctable_run import write_run
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.utils.locks import LOCK_NAME


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_it_serves_until_it_is_told_to_end(tmp_path: Path, stop: signal.Signals, code: int) -> None:
    results, images = write_run(tmp_path)
    heeds = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"  # also below nohup
    code_of_main = f"{heeds}; from monai_lungxfer.cli import main; main()"
    words = [sys.executable, "-c", code_of_main, "review", results, "--serve"]
    words += ["--images", images, "--port", "0", "--reviewer", "Ada"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        told = "".join(process.stdout.readline() for _ in range(3))
        url = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{20,}/", told)
        assert url, process.communicate(timeout=10)
        assert "Not a medical device" in told
        with urllib.request.urlopen(url[0] + "records/0", timeout=20) as answer:
            assert b'"reviewer": "Ada"' in answer.read()
        assert (results / LOCK_NAME).is_file()
        process.send_signal(stop)
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == code
    assert "Traceback" not in errors
    assert not (results / LOCK_NAME).exists()
    assert not (results / "review.html").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--serve"], "--images"),
        (["--serve", "--images", ".", "--out", "page.html"], "writes no page"),
        (["--port", "8000"], "are for --serve"),
        (["--reviewer", "Ada"], "are for --serve"),
        (["--serve", "--images", ".", "--reviewer", "a\\b"], "reviewer"),
        (["--serve", "--images", "/nowhere"], "none of the radiographs"),
    ],
)
def test_options_that_do_not_go_together_are_told(tmp_path: Path, words: list[str], told: str) -> None:
    results, images = write_run(tmp_path)
    given = [str(images) if word == "." else word for word in words]
    result = CliRunner().invoke(app, ["review", str(results), *given])
    assert result.exit_code == 2
    assert told in " ".join(re.sub(r"[│╭╰╮╯─]", " ", result.output).split())
    assert not (results / "corrected").exists()

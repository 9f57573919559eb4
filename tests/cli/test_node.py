"""``lungxfer serve dicom``: a node in a process of its own, its checks, and what it says of wrong usage."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from installed_extras import run_lungxfer
from orthanc_server import free_port
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.inference.dicom.store_scu import Archive, send
from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.journal_rows import Arrival
from monai_lungxfer.serving.dicom.settings import NodeSettings, Poll, Watch
from monai_lungxfer.synthetic.dicom_phantoms import write_dicom_phantoms

_PATIENCE = 60  # seconds


def run(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["serve", "dicom", *map(str, words)], env={"COLUMNS": "300"})
    assert result.exit_code == code, result.output
    return result.output


def configure(folder: Path, listen: int | None = None, status: int | None = None) -> Path:
    path = folder / "node.toml"
    path.write_text(
        f"jobs = 1\n[listen]\nport = {listen or free_port()}\n[status]\nport = {status or free_port()}\n"
        '[spool]\nfree_megabytes = 0\n[[destination]]\nname = "share"\nkind = "folder"\nfolder = "answers"\n'
    )
    return path


def test_the_example_is_printed_as_it_is(tmp_path: Path) -> None:
    text = run("--example")
    (tmp_path / "node.toml").write_text(text)
    assert text.startswith("# Settings of a DICOM node")
    assert "archive" in run(tmp_path / "node.toml", "--check", code=1)


def test_check(tmp_path: Path) -> None:
    path = configure(tmp_path)
    told = run(path, "--check")
    assert "can be written" in told
    assert "lung in a phantom" in told
    found = json.loads(run(path, "--check", "--json"))
    assert found["fine"]
    assert [one["name"] for one in found["checks"]] == [
        *("settings", "spool", "listen", "status", "destination share", "model")
    ]
    (tmp_path / "answers").touch()
    told = run(path, "--check", code=1)
    assert "destination share: Give the node's user the right to write there." in told


def test_retry(tmp_path: Path) -> None:
    path = configure(tmp_path)
    assert "no node has worked in this spool yet" in run(path, "--retry", code=2)
    assert not (tmp_path / "lungxfer-node").exists()
    NodeJournal(tmp_path / "lungxfer-node").close()
    assert "0 radiographs taken up again. Nothing had failed." in run(path, "--retry")
    journal = NodeJournal(tmp_path / "lungxfer-node")
    journal.add(Arrival("a.dcm", "1.2", "A1", "c", "store"))
    (row,) = journal.claim()
    journal.fail(row.number, "the disk was broken")
    assert journal.counts()["failed"] == 1
    assert json.loads(run(path, "--retry", "--json")) == {"taken_up": 1}
    assert journal.counts()["received"] == 1
    journal.close()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--example to get one"),
        (("a.toml", "--check", "--retry"), "exclude each other"),
        (("none.toml",), "none.toml"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["serve", "dicom", *words])
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())


def test_faults_of_the_file_are_told_with_their_lines(tmp_path: Path) -> None:
    path = configure(tmp_path)
    path.write_text(path.read_text() + "hots = 1\n[status2]\n")
    told = run(path, code=2)
    known = "name, timeout_seconds, connections, kind, folder"
    assert f"node.toml:12: destination[1].hots is unknown; there are {known}." in told
    assert "node.toml:13: status2 is unknown; did you mean 'status'?" in told


def test_options_count_instead_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = configure(tmp_path)
    path.write_text(path.read_text() + '[watch]\nfolder = "other"\nevery_seconds = 7\n')
    seen: list[NodeSettings] = []
    monkeypatch.setattr("monai_lungxfer.serving.dicom.serve.serve_node", seen.append)
    monkeypatch.chdir(tmp_path)
    run(path, "--watch", "inbox", "--from-dicomweb", "http://127.0.0.1:8042/dicom-web", "--any-view")
    (settings,) = seen
    assert settings.watch == Watch(folder=tmp_path / "inbox", every_seconds=7)
    assert settings.poll == Poll(url="http://127.0.0.1:8042/dicom-web")
    assert settings.results.any_view
    told = run(path, "--watch", "answers/inbox", "--from-dicomweb", "ftp://archive", code=2)
    assert "poll.url, an option, is refused: " in told
    assert "node.toml:11: destination[1].folder lies in watch.folder, or the other way round." in told


def test_what_is_missing_is_named_with_its_extra() -> None:
    found = run_lungxfer("serve", "dicom", "node.toml", extras=("dicom", "mlflow", "study", "train"))
    assert found.returncode == 2
    assert found.stderr.endswith('Run: pip install "monai_lungxfer[node]".\n')


def test_a_node_answers_and_ends_cleanly(tmp_path: Path) -> None:
    listen, status = free_port(), free_port()
    path = configure(tmp_path, listen, status)
    phantoms = write_dicom_phantoms(tmp_path / "phantoms", 2)
    with (tmp_path / "node.log").open("wb") as log:
        command = [sys.executable, "-c", "from monai_lungxfer.cli import main; main()", "serve", "dicom", str(path)]
        node = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        health = f"http://127.0.0.1:{status}/healthz"
        wait_for(lambda: requests.get(health, timeout=5).ok)
        send(phantoms, Archive("127.0.0.1", listen, "LUNGXFER"))
        wait_for(lambda: len(list((tmp_path / "answers").rglob("*.dcm"))) >= 4)
        page = requests.get(f"http://127.0.0.1:{status}/", timeout=5).text
        assert "PHANTOM" not in page
        again = run(path, code=2)
        assert "another node works in this spool" in again
    finally:
        node.send_signal(signal.SIGTERM)
        assert node.wait(timeout=_PATIENCE) == 0
    lines = [json.loads(line) for line in (tmp_path / "node.log").read_text().splitlines()]
    messages = [line["message"] for line in lines]
    assert "Research use only. Not a medical device." in messages[0]
    assert sum("was segmented" in message for message in messages) == 2
    assert not any("hantom" in message for message in messages)
    journal = NodeJournal(tmp_path / "lungxfer-node")
    assert journal.counts()["done"] == 2
    journal.close()


def wait_for(is_reached: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(requests.ConnectionError):
            if is_reached():
                return
        time.sleep(0.1)
    raise AssertionError("it took too long")

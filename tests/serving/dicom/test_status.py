"""The status server over HTTP: health, metrics and the page, of a journal with radiographs in every state."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from orthanc_server import free_port
from prometheus_client.parser import text_string_to_metric_families

from monai_lungxfer.serving.dicom.health import NodeView
from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.journal_rows import Arrival
from monai_lungxfer.serving.dicom.model import ModelFacts
from monai_lungxfer.serving.dicom.settings import DicomDestination, NodeSettings, Spool, Status
from monai_lungxfer.serving.dicom.status import StatusServer, known_hosts
from monai_lungxfer.serving.dicom.status_page import find_p95
from monai_lungxfer.utils.errors import LungXferError

MODEL = "portable_cxr_lung_segmentation 0.1.0 70fac472871c"
ACCESSIONS = ("SECRET-1", "SECRET-2", "SECRET-3", "SECRET-4", "SECRET-5")


class Clock:
    """A clock that goes on by a tenth of a second each time it is read."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[NodeJournal]:
    journal = NodeJournal(tmp_path / "spool")
    journal.clock = Clock()
    yield journal
    journal.close()


def fill(journal: NodeJournal) -> None:
    """One radiograph is done, one waits for the archive, one was given up, one failed, one is left out."""
    for number, accession in enumerate(ACCESSIONS):
        reason = "no frontal chest radiograph by its header: lateral" if number == 4 else None
        journal.add(Arrival(f"{number}.dcm", f"1.{number}", accession, f"c{number}", "store", reason))
    for flags in (["short_lungs"], [], []):
        (row,) = journal.claim()
        journal.finish(row.number, model=MODEL, flags=flags, destinations=["archive"])
    done, given_up, _ = journal.due("archive", 9)
    journal.delivered("archive", [done.number])
    journal.postpone(given_up, "the archive cannot be reached", None)
    (row,) = journal.claim()
    journal.fail(row.number, "is broken <script>alert(1)</script>")


@pytest.fixture
def node(journal: NodeJournal, tmp_path: Path) -> Iterator[SimpleNamespace]:
    """What the server looks at, which tests may change, and its URL."""
    archive = DicomDestination(name="archive", kind="dicom", host="127.0.0.1")
    settings = NodeSettings(destination=(archive,), spool=Spool(folder=tmp_path / "spool", free_megabytes=0))
    node = SimpleNamespace(problems={"receiver": None, "workers": None}, unreached=[], settings=settings)
    node.facts = ModelFacts(MODEL, "3", 1_800_000_000.0, loads=2, failures=1)
    node.view = NodeView(settings, journal, lambda: node.problems, lambda: node.unreached, lambda: node.facts)
    status = Status(port=free_port())
    server = StatusServer(status, node.view)
    node.url = f"http://127.0.0.1:{status.port}"
    yield node
    server.stop()


def metrics(node: SimpleNamespace) -> dict[tuple[str, ...], float]:
    answer = requests.get(f"{node.url}/metrics", timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    found = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        for sample in family.samples:
            found[sample.name, *(value for _, value in sorted(sample.labels.items()))] = sample.value
    return found


def test_health_is_200_only_when_every_part_is_fine(node: SimpleNamespace) -> None:
    answer = requests.get(f"{node.url}/healthz", timeout=10)
    assert answer.status_code == 200
    parts = {"receiver": "ok", "workers": "ok", "disk": "ok", "journal": "ok"}
    assert answer.json() == {"status": "ok", "parts": parts, "unreached": [], "model": MODEL}
    node.unreached = ["archive"]
    answer = requests.get(f"{node.url}/healthz", timeout=10)
    assert (answer.status_code, answer.json()["unreached"]) == (200, ["archive"])
    node.problems["workers"] = "1 of 2 threads have ended"
    answer = requests.get(f"{node.url}/healthz", timeout=10)
    assert answer.status_code == 503
    assert answer.json()["status"] == "failing"
    assert answer.json()["parts"]["workers"] == "1 of 2 threads have ended"


def test_a_full_disk_is_a_problem(node: SimpleNamespace, tmp_path: Path) -> None:
    spool = Spool(folder=tmp_path / "spool", free_megabytes=10**9)
    object.__setattr__(node.view, "settings", node.settings.model_copy(update={"spool": spool}))
    answer = requests.get(f"{node.url}/healthz", timeout=10)
    assert answer.status_code == 503
    assert re.match(r"radiographs are refused: \d+ MB are free", answer.json()["parts"]["disk"])


def test_a_journal_that_cannot_be_read_is_told_without_a_path(
    node: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> None:
        raise LungXferError("the journal cannot be read", source=tmp_path)

    monkeypatch.setattr(node.view.journal.database, "read", fail)
    health = requests.get(f"{node.url}/healthz", timeout=10)
    assert (health.status_code, health.json()["parts"]["journal"]) == (503, "the journal cannot be read.")
    page = requests.get(node.url, timeout=10)
    assert (page.status_code, page.text) == (503, "the journal cannot be read.\n")
    assert metrics(node)["lungxfer_node_healthy", "journal"] == 0


def test_metrics(node: SimpleNamespace, journal: NodeJournal) -> None:
    before = metrics(node)
    assert before["lungxfer_node_received_total",] == 0
    assert before["lungxfer_node_radiographs_ended_total", "failed"] == 0
    fill(journal)
    journal.clock.now += 60  # type: ignore[attr-defined]
    after = metrics(node)
    assert after["lungxfer_node_received_total",] == 5
    states = ("received", "segmented", "done", "failed", "left out")
    assert [after["lungxfer_node_radiographs", state] for state in states] == [0, 1, 1, 2, 1]
    assert [after["lungxfer_node_radiographs_ended_total", state] for state in states[2:]] == [1, 2, 1]
    assert [after["lungxfer_node_deliveries", "archive", state] for state in ("waiting", "delivered", "dead")] == [
        1,
        1,
        1,
    ]
    assert after["lungxfer_node_delivery_seconds_count", "archive"] == 1
    assert after["lungxfer_node_delivery_seconds_bucket", "archive", "+Inf"] == 1
    assert 0.5 < after["lungxfer_node_delivery_seconds_sum", "archive"] < 5
    assert after["lungxfer_node_oldest_waiting_seconds",] > 60
    assert after["lungxfer_node_healthy", "receiver"] == 1
    assert after["lungxfer_node_destination_reached", "archive"] == 1
    assert after["lungxfer_node_model_info", MODEL, "3"] == 1
    assert (after["lungxfer_node_model_loads_total",], after["lungxfer_node_model_failures_total",]) == (2, 1)
    assert after["lungxfer_node_model_is_current",] == 1
    assert after["lungxfer_node_spool_free_bytes",] > 0
    assert after["process_resident_memory_bytes",] > 1_000_000
    journal.clock.now += 60  # type: ignore[attr-defined]
    again = metrics(node)
    assert again["lungxfer_node_radiographs_ended_total", "failed"] == 2, "counted once"
    assert not [label for sample in again for label in sample if "SECRET" in label]


def test_the_page_shows_what_there_is_without_patient_data(node: SimpleNamespace, journal: NodeJournal) -> None:
    assert "No results yet" in requests.get(node.url, timeout=10).text
    fill(journal)
    node.unreached = ["archive"]
    text = requests.get(node.url, timeout=10).text
    assert "Not a medical device." in text
    assert "Receiving and answering" in text
    for accession in ACCESSIONS[:4]:
        assert journal.hash_accession(accession) in text
    assert not any(secret in text for secret in ACCESSIONS)
    assert "short lungs" in text
    assert "is broken &lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "archive: the archive cannot be reached" in text
    assert "not reached, tried again" in text
    assert "<script" not in text
    assert not re.search(r"""(src|href)=["'](?!data:,)""", text)
    node.facts = ModelFacts(MODEL, "3", 0.0, problem="version 4 does not load")
    node.problems["receiver"] = "does not listen"
    text = requests.get(node.url, timeout=10).text
    assert "Something needs attention" in text
    assert "does not listen" in text
    assert "version 4 does not load" in text


def test_the_page_may_load_and_run_nothing(node: SimpleNamespace) -> None:
    headers = requests.get(node.url, timeout=10).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics"])
def test_a_name_that_was_rebound_learns_nothing(node: SimpleNamespace, path: str) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example:80", "", "localhost.evil.example"):
        answer = requests.get(node.url + path, headers={"Host": host}, timeout=10)
        assert (answer.status_code, answer.text) == (403, "this server is not known by that name\n")
    for host in ("localhost", "LOCALHOST:99", "127.0.0.1", "[::1]:80"):
        assert requests.get(node.url + path, headers={"Host": host}, timeout=10).status_code == 200


def test_names_of_the_machine_are_known_where_others_reach_it() -> None:
    assert known_hosts("127.0.0.1") == {"localhost", "127.0.0.1"}
    assert socket.gethostname().lower() in known_hosts("0.0.0.0")


def test_nothing_but_reading_is_possible(node: SimpleNamespace) -> None:
    assert requests.post(node.url, data="x", timeout=10).status_code == 501
    assert requests.get(f"{node.url}/nothing", timeout=10).status_code == 404
    head = requests.head(node.url, timeout=10)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) > 1000


def test_a_taken_port_is_told(node: SimpleNamespace) -> None:
    port = int(node.url.rpartition(":")[2])
    with pytest.raises(LungXferError, match=f"127.0.0.1:{port}.*in use"):
        StatusServer(Status(port=port), node.view)


@pytest.mark.parametrize(("seconds", "p95"), [([], None), ([2.0], 2.0), ([float(n) for n in range(101)], 95.0)])
def test_p95(seconds: list[float], p95: float | None) -> None:
    assert find_p95(seconds) == p95

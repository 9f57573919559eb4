"""The comparison of two servers: what is asked, and the ratios by round."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from compare_servers import ask, print_table, request_for


class Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body if self.path == "/invocations" else b"no mask")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_answer_without_a_mask_ends_the_comparison(url: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x" * 200)
    assert 0 < ask(url, **request_for("mlflow", tmp_path / "a.png")) < 10
    with pytest.raises(SystemExit, match=r"/infer/portable_cxr_lung_segmentation answers 200: no mask"):
        ask(url, **request_for("label", tmp_path / "a.png"))


def test_ratios_are_within_a_round(capsys: pytest.CaptureFixture[str]) -> None:
    print_table({"this build": [[1.0] * 9, [2.0] * 9], "before": [[4.0] * 9, [4.0] * 9]})
    rows = capsys.readouterr().out.splitlines()
    assert rows[-1] == (
        "| 95 % of answers within | 1.500 (1.000 to 2.000) | 4.000 (4.000 to 4.000) | 0.375 (0.250 to 0.500) |"
    )

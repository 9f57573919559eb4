"""What the guard in front of MONAI Label refuses, and that it counts what comes in pieces."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

pytest.importorskip("starlette")
from monai_lungxfer.serving.label.guard import Guard
from monai_lungxfer.serving.label.parameters import escapes_folder, rejection_reason


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with the number of bytes that came."""
    total, more = 0, True
    while more:
        message = await receive()
        total, more = total + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(total).encode()})


def ask(
    method: str,
    url: str,
    pieces: tuple[bytes, ...] = (b"",),
    *,
    with_proxy: bool = True,
    hosts: tuple[str, ...] = ("127.0.0.1",),
    **headers: str,
) -> tuple[int, bytes]:
    path, _, query = url.partition("?")
    sent = {"host": "127.0.0.1:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
    }
    waiting = [{"type": "http.request", "body": p, "more_body": True} for p in pieces]
    waiting[-1]["more_body"] = False
    answers: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        answers.append(message)

    asyncio.run(Guard(echo, set(hosts), 1000, with_proxy=with_proxy)(scope, receive, send))
    return answers[0]["status"], answers[1]["body"]


@pytest.mark.parametrize(
    "name", ["../a", "a/b", "/etc/passwd", "..", ".hidden", "~root", "%2e%2e", "%252e%252e%252fa", "a\\b", "a\0"]
)
def test_names_that_lead_out_of_a_folder(name: str) -> None:
    assert escapes_folder(name)


@pytest.mark.parametrize("name", ["a", "1.2.840.10008", "a b..c", "Müller 7", "a-1_2", "100%"])
def test_plain_names(name: str) -> None:
    assert not escapes_folder(name)


@pytest.mark.parametrize(
    ("method", "url", "status"),
    [
        ("GET", "/info/", 200),
        ("POST", "/infer/model?image=a", 200),
        ("POST", "/infer/model?image=../a", 400),
        ("POST", "/infer/model?image=%2Fetc%2Fpasswd", 400),
        ("PUT", "/datastore/label?image=a&tag=../../b", 400),
        ("GET", "/datastore/image?image=..%2F..%2Fa", 400),
        ("GET", "/proxy/dicom/qido/studies?PatientName=A%5EB", 200),
        ("GET", "/proxy/dicom/../instances", 400),
        ("GET", "/proxy/dicom/%2e%2e/instances", 400),
        ("PUT", "/model/portable", 403),
        ("DELETE", "/model/portable", 403),
        ("GET", "/model/info/portable", 200),
        ("DELETE", "/datastore/", 403),
        ("DELETE", "/datastore/image?id=a", 403),
        ("DELETE", "/datastore/label?id=a&tag=final", 403),
        ("PUT", "/datastore/label?image=a", 200),
        ("PUT", "/datastore/?image=a", 200),  # MONAI Label's client
        ("HEAD", "/datastore/image?image=a", 200),
        ("HEAD", f"/datastore/image?image=a&check_sum=SHA256:{'0f' * 32}", 200),
        ("HEAD", "/datastore/image?image=a&check_sum=shake_128:00", 400),
        ("HEAD", "/datastore/image?image=a&check_sum=:", 400),
        ("PUT", "/datastore/image/info?image=a", 403),
        ("GET", "/datastore/dataset", 403),
        ("DELETE", "/train/", 200),
        ("POST", "/batch/infer/portable", 200),
        ("GET", "/", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/ohif/viewer", 200),
        ("GET", "/static/ohif/a.js", 200),
        ("OPTIONS", "*", 403),
        ("GET", "//logs/", 403),
        ("GET", "/logs/", 403),
        ("POST", "/reload", 403),
        ("PUT", "/session/", 403),
        ("POST", "/infer/wsi/portable", 403),
    ],
)
def test_requests(method: str, url: str, status: int) -> None:
    assert ask(method, url)[0] == status


@pytest.mark.parametrize("address", ["DELETE /datastore/image", "GET /logs/", "GET /reload/", "GET /info/"])
@pytest.mark.parametrize("end", ["\n", "\r", "\0", "\x85"])
def test_control_characters_hide_no_route(address: str, end: str) -> None:
    """The server has decoded the path already; its router takes a line's end after a path for nothing."""
    assert ask(*address.split(" "))[0] == (200 if "info" in address else 403)
    assert ask(*f"{address}{end}".split(" "))[0] == 400


@pytest.mark.parametrize(
    "url", ["/datastore/image?image=a%0A", "/datastore/image?image=a%250A", "/proxy/dicom/s?a=%0A"]
)
def test_control_characters_in_queries(url: str) -> None:
    assert ask("GET", url)[0] == 400


def test_the_proxy_is_for_dicomweb_studies() -> None:
    assert ask("GET", "/proxy/dicom/studies", with_proxy=False)[0] == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_written_through_the_proxy(method: str) -> None:
    assert ask("HEAD", "/proxy/dicom/stow/studies")[0] == 200
    assert ask(method, "/proxy/dicom/stow/studies")[0] == 403


def test_a_body_is_counted_however_it_comes() -> None:
    assert ask("PUT", "/datastore/image", (b"0" * 600, b"0" * 400)) == (200, b"1000")
    assert ask("PUT", "/datastore/image", (b"0" * 600, b"0" * 401))[0] == 413
    assert ask("PUT", "/datastore/image", content_length="1001")[0] == 413
    assert ask("PUT", "/datastore/image", content_length="many")[0] == 413


def test_parameters_name_no_paths() -> None:
    def status(value: Any) -> int:
        return ask("POST", "/train/a", (json.dumps(value).encode(),), content_type="application/json")[0]

    assert ask("POST", "/train/a", (b'{"max', b'_epochs": 1}'), content_type="application/json") == (200, b"17")
    assert ask("POST", "/train/a", (b"{",), content_type="application/json")[0] == 400
    assert status({"a": [{"max_epochs": 1, "device": "cuda:0"}]}) == 200
    assert status({"bundle_path": "/tmp"}) == status({"a": [{"b": "../c"}]}) == status({"../a": 1}) == 400


@pytest.mark.parametrize("kind", ["application/JSON", "Application/dicom+json", "text/plain", ""])
@pytest.mark.parametrize("url", ["/train/a", "/train/", "/scoring/a", "/activelearning/a", "/batch/infer/a"])
def test_parameters_are_checked_whatever_their_type(url: str, kind: str) -> None:
    assert ask("POST", url, (b'{"image": "../a"}',), content_type=kind)[0] == 400
    assert ask("POST", url, (b'{"max_epochs": 1}',), content_type=kind)[0] == 200


@pytest.mark.parametrize("value", [{"bundle_path": "a"}, {"a": [{"bundle_path": 1}]}, {"tracking_uri": "$exit()"}])
def test_parameters_run_no_code(value: Any) -> None:
    assert ask("POST", "/train/a", (json.dumps(value).encode(),))[0] == 400
    assert rejection_reason(json.dumps(value), is_kept=False, is_form=True)


def test_results_are_no_final_labels() -> None:
    body = b'{"save_label": true, "label_tag": "final"}'
    assert ask("POST", "/batch/infer/a", (body,))[0] == 400
    assert ask("POST", "/batch/infer/a", (body.replace(b"final", b"original"),))[0] == 200
    assert ask("POST", "/activelearning/random", (body,))[0] == 200  # the labels that are looked for
    assert rejection_reason(body, is_kept=True, is_form=True) == (
        "results are not kept as final labels; choose another label_tag"
    )
    assert rejection_reason('{"result_extension": ".png"}', is_kept=True, is_form=True) is None


def test_pages_of_other_sites_are_refused() -> None:
    assert ask("POST", "/train/a", origin="http://127.0.0.1:8000")[0] == 200
    assert ask("POST", "/train/a", origin="http://other.example")[0] == 403
    assert ask("POST", "/train/a", origin="null")[0] == 403
    assert ask("GET", "/info/", host="other.example:8000")[0] == 403
    known = ("localhost", "label.example")
    assert ask("GET", "/info/", host="Label.example:8000", hosts=known)[0] == 200
    # Origin is Host when a page's own name was rebound to this machine.
    assert ask("GET", "/info/", host="other.example", origin="http://other.example", hosts=known)[0] == 403
    assert ask("GET", "/info/", host="[fe80::1]:8000", hosts=known)[0] == 200  # no name that could be rebound


def test_the_log_names_no_image(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "monai_lungxfer.serving.label.guard"):
        ask("GET", "/datastore/image?image=Smith")
        ask("GET", "/Smith/a")
    told = [record.getMessage().rpartition(",")[0] for record in caplog.records]
    assert told == ["GET /datastore 200", "GET /(other) 403"]

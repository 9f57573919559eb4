"""The server of a review over real HTTP: what it answers, and to whom it answers nothing."""

from __future__ import annotations

import http.client
import io
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from correctable_run import HEIGHT, IDENTITY, NAMES, WIDTH, grey_picture, network_mask, open_run
from PIL import Image

from monai_lungxfer.inference.outlines import draw_outline
from monai_lungxfer.serving.review.corrections import Corrections
from monai_lungxfer.serving.review.page import draw_page
from monai_lungxfer.serving.review.server import ReviewServer, open_server
from monai_lungxfer.utils.errors import LungXferError

BYTES = -(-HEIGHT * WIDTH // 8)


@pytest.fixture
def corrections(tmp_path: Path) -> Corrections:
    return open_run(tmp_path / "Jane Doe")


@pytest.fixture
def server(corrections: Corrections) -> Iterator[ReviewServer]:
    with open_server(corrections) as server:
        server.show(draw_page(corrections))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    def json(self) -> Any:
        return json.loads(self.body)

    def mask(self) -> np.ndarray:
        return np.unpackbits(np.frombuffer(self.body, np.uint8), count=HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)


def ask(server: ReviewServer, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
    """Send a request whose path follows the token's; a header's name has underscores for hyphens."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, f"/{server.guard.token}/{path}", body, given)
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def save(server: ReviewServer, mask: np.ndarray, version: str, number: int = 0, **headers: str) -> Answer:
    body = np.packbits(mask).tobytes()
    told = {"Content_Type": "application/octet-stream", "If_Match": version} | headers
    return ask(server, f"records/{number}/mask", "PUT", body, **told)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_page_has_the_editor_and_may_be_kept_by_nobody(server: ReviewServer) -> None:
    page = ask(server, "")
    assert page.status == 200
    assert b"lungEditor" in page.body
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["X-Frame-Options"] == "DENY"
    assert server.server_address[0] == "127.0.0.1"


def test_a_radiograph_and_its_mask_are_sent_upright(server: ReviewServer) -> None:
    picture = np.asarray(Image.open(io.BytesIO(ask(server, "records/0/picture").body)))
    turned = np.asarray(Image.open(io.BytesIO(ask(server, "records/1/picture").body)))
    assert picture.shape == turned.shape == (HEIGHT, WIDTH)
    assert np.corrcoef(picture.ravel(), grey_picture().ravel())[0, 1] > 0.99
    np.testing.assert_allclose(turned, picture[:, ::-1], atol=2)
    np.testing.assert_array_equal(ask(server, "records/0/mask").mask(), network_mask())
    np.testing.assert_array_equal(ask(server, "records/1/mask").mask(), network_mask()[:, ::-1])
    small = Image.open(io.BytesIO(ask(server, "records/1/thumbnail").body))
    assert (small.format, small.size) == ("WEBP", (WIDTH, HEIGHT))


def test_a_mask_is_saved_and_the_networks_stays(server: ReviewServer, corrections: Corrections) -> None:
    before = files_below(corrections.results.folder)
    mask = network_mask()
    mask[:40] = 0
    opened = ask(server, "records/0/mask")
    saved = save(server, mask, opened.headers["ETag"])
    assert saved.status == 200
    assert saved.json()["corrected"] is True
    now = ask(server, "records/0/mask")
    np.testing.assert_array_equal(now.mask(), mask)
    assert now.headers["ETag"] == f'"{saved.json()["version"]}"' != opened.headers["ETag"]
    np.testing.assert_array_equal(ask(server, "records/0/network").mask(), network_mask())
    after = files_below(corrections.results.folder)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"corrected/ward/a_mask.png", "corrected/corrections.csv"}


def test_the_page_shows_what_was_saved_when_it_is_loaded_again(server: ReviewServer) -> None:
    def shown() -> str:
        data = re.search(rb'id="data">(.*?)</script>', ask(server, "").body)
        assert data
        return next(one["outline"] for one in json.loads(data[1])["records"] if one["file"] == NAMES[0])

    mask = network_mask()
    mask[:40] = 0
    assert shown() == draw_outline(network_mask())
    save(server, mask, ask(server, "records/0/mask").headers["ETag"])
    assert shown() == draw_outline(mask)


def test_a_strange_mask_is_saved_and_remarked(server: ReviewServer) -> None:
    everything = np.ones((HEIGHT, WIDTH), np.uint8)
    saved = save(server, everything, ask(server, "records/0/mask").headers["ETag"])
    assert "inverted" in saved.json()["remark"]
    plausible = save(server, network_mask(), f'"{saved.json()["version"]}"')
    assert plausible.json()["remark"] is None


def test_the_second_of_two_is_told(server: ReviewServer, corrections: Corrections) -> None:
    version = ask(server, "records/0/mask").headers["ETag"]
    assert save(server, network_mask(), version).status == 200
    refused = save(server, network_mask() * 0, version)
    assert refused.status == 412
    assert "saved elsewhere" in refused.json()["detail"]
    np.testing.assert_array_equal(ask(server, "records/0/mask").mask(), network_mask())


def test_of_many_at_once_one_is_saved(server: ReviewServer) -> None:
    version = ask(server, "records/0/mask").headers["ETag"]
    masks = [np.roll(network_mask(), shift, axis=1) for shift in range(8)]
    answers: list[Answer] = []
    threads = [threading.Thread(target=lambda mask=mask: answers.append(save(server, mask, version))) for mask in masks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [200] + 7 * [412]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1:1"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "https://other.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"If_Match": ""}, 428),
        ({"If_Match": "*"}, 428),
        ({"If_Match": '"' + 32 * "0" + '"'}, 412),
        ({"Content_Length": "1000000000"}, 413),
        ({"Content_Length": "-1"}, 413),
        ({"Content_Length": "7"}, 400),
        ({"Transfer_Encoding": "chunked"}, 411),
    ],
)
def test_what_is_refused_changes_nothing(
    server: ReviewServer, corrections: Corrections, headers: dict[str, str], status: int
) -> None:
    before = files_below(corrections.results.folder)
    refused = save(server, network_mask() * 0, ask(server, "records/0/mask").headers["ETag"], **headers)
    assert refused.status == status
    assert refused.headers["Connection"] == "close"
    assert files_below(corrections.results.folder) == before


def test_localhost_and_the_pages_own_origin_may(server: ReviewServer) -> None:
    here = f"localhost:{server.server_port}"
    own = {"Host": here, "Origin": f"http://{here}"}
    assert save(server, network_mask(), ask(server, "records/0/mask").headers["ETag"], **own).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//",
        "/{token}",
        "/{other}/",
        "/{other}/records/0/picture",
        "/{token}/../{token}/",
        "/{token}/records/0/picture/../../../../../etc/passwd",
        "/{token}/records/%2e%2e/picture",
        "/{token}/records/ward/a.png",
        "/{token}/records/-1",
        "/{token}/records/0/picture?x=1",
        "/{token}/records/0/picture%00",
        "http://127.0.0.1/{token}/",
    ],
)
def test_no_other_path_is_answered(server: ReviewServer, path: str) -> None:
    token = server.guard.token
    filled = path.format(token=token, other=token[:-1] + ("A" if token[-1] != "A" else "B"))
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as connection:
        connection.sendall(f"GET {filled} HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("number", [2, 3, 999999999])
def test_what_has_no_mask_is_told(server: ReviewServer, number: int) -> None:
    refused = ask(server, f"records/{number}")
    assert refused.status == 409
    assert refused.json()["detail"].endswith(".")


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_other_methods_are_not_answered(server: ReviewServer, method: str) -> None:
    assert ask(server, "records/0/mask", method).status == 501


def test_only_a_mask_can_be_put(server: ReviewServer) -> None:
    assert ask(server, "records/0/picture", "PUT", b"x").status == 405
    assert ask(server, "", "PUT", b"x").status == 405


def test_another_radiograph_under_the_name_is_refused(server: ReviewServer, corrections: Corrections) -> None:
    version = ask(server, "records/0/mask").headers["ETag"]
    path = corrections.results.images / NAMES[0]
    Image.fromarray(grey_picture(HEIGHT, WIDTH + 1)).save(path)
    refused = ask(server, "records/0/picture")
    assert refused.status == 409
    assert "not the radiograph that was segmented" in refused.json()["detail"]
    path.unlink()
    assert "not in the folder" in save(server, network_mask(), version).json()["detail"]


def test_no_answer_names_a_folder(server: ReviewServer, corrections: Corrections) -> None:
    (corrections.results.folder / "ward/a_mask.png").write_bytes(b"damaged")
    answers = [ask(server, path) for path in ("", "records/0", "records/0/mask", "records/1", "records/2")]
    assert [answer.status for answer in answers] == [200, 409, 409, 200, 409]
    for answer in answers:
        assert b"Jane Doe" not in answer.body
        assert b"Secret" not in answer.body


def test_a_folder_that_cannot_be_written_is_told(server: ReviewServer, corrections: Corrections) -> None:
    corrections.folder.write_text("in the way")
    refused = save(server, network_mask(), ask(server, "records/0/mask").headers["ETag"])
    assert refused.status == 507
    assert "annot be written" in refused.json()["detail"]


def test_a_mask_that_breaks_off_is_not_saved(server: ReviewServer, corrections: Corrections) -> None:
    version = ask(server, "records/0/mask").headers["ETag"]
    head = (
        f"PUT /{server.guard.token}/records/0/mask HTTP/1.1\r\nHost: 127.0.0.1:{server.server_port}\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {BYTES}\r\nIf-Match: {version}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as connection:
        connection.sendall(head.encode() + b"\xff" * (BYTES - 1))
        connection.shutdown(socket.SHUT_WR)
        assert b" 400 " in connection.makefile("rb").readline()
    assert not corrections.folder.exists()


def test_a_port_and_a_folder_in_use_are_told(server: ReviewServer, corrections: Corrections, tmp_path: Path) -> None:
    with pytest.raises(LungXferError, match="another run writes into this folder"), open_server(corrections):
        pass
    with (
        pytest.raises(LungXferError, match=r"in use.*free --port"),
        open_server(open_run(tmp_path / "other"), server.server_port),
    ):
        pass


def test_nothing_is_saved_when_the_review_has_ended(corrections: Corrections) -> None:
    result = corrections.results.find(0)
    version = corrections.open(result).version
    with open_server(corrections):
        pass
    with pytest.raises(LungXferError, match="has ended"):
        corrections.save(result, network_mask(), version)


def test_the_log_has_no_token_and_no_name(server: ReviewServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    save(server, network_mask(), ask(server, "records/0/mask").headers["ETag"])
    ask(server, "records/0/nothing")
    end = time.monotonic() + 10
    while not ("PUT 200" in caplog.text and "GET 404" in caplog.text):  # written after the answer is sent
        assert time.monotonic() < end
        time.sleep(0.01)
    for secret in (server.guard.token, "Jane Doe", "ward/a", str(IDENTITY.weights_sha256)):
        assert secret not in caplog.text

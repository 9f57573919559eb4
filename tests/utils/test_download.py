from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from file_server import serving
from killed_process import kill_at

from monai_lungxfer.utils import download as module
from monai_lungxfer.utils.download import download
from monai_lungxfer.utils.errors import DownloadError, OutputError
from monai_lungxfer.utils.files import hash_file

CONTENT = bytes(range(256)) * 3001 + b"the end"
OTHER = b"other content" + CONTENT[::-1]
CUT = 6 * module.CHUNK
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(module, "BACK_OFF", 0.001)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new folder" / "weights.pt"


def leave_part(target, content, validator, url):
    target.parent.mkdir(parents=True, exist_ok=True)
    target.with_name("weights.pt.part").write_bytes(content)
    if validator:
        note = {"url": url, "validator": validator}
        target.with_name("weights.pt.part.json").write_text(json.dumps(note))


def names(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_writes_the_content_and_nothing_else(target):
    with serving(CONTENT) as server:
        assert download(server.url, target, sha256=DIGEST) == target
    assert target.read_bytes() == CONTENT
    assert names(target) == ["weights.pt"]
    assert server.asked_ranges() == [None]
    assert server.requests[0]["Accept-Encoding"] == "identity"


def test_goes_on_after_the_connection_was_cut(target):
    with serving(CONTENT, cut_after=[CUT + 99, CUT + 1]) as server:
        download(server.url, target, sha256=DIGEST)
    assert hash_file(target) == DIGEST
    assert server.asked_ranges() == [None, f"bytes={CUT}-", f"bytes={2 * CUT}-"]
    assert [request.get("If-Range") for request in server.requests] == [None, '"one"', '"one"']


def test_goes_on_with_what_an_earlier_run_left(target):
    with serving(CONTENT) as server:
        leave_part(target, CONTENT[:70_000], '"one"', server.url)
        download(server.url, target, sha256=DIGEST)
    assert hash_file(target) == DIGEST
    assert server.asked_ranges() == ["bytes=70000-"]
    assert names(target) == ["weights.pt"]


@pytest.mark.parametrize(("etag", "validator"), [(None, "Tue, 05 Mar 2019 10:11:12 GMT"), ('W/"weak"', None)])
def test_date_stands_in_for_a_missing_or_weak_etag(target, etag, validator):
    with serving(CONTENT, etag=etag, last_modified=validator, cut_after=[CUT]) as server:
        download(server.url, target, sha256=DIGEST)
    assert hash_file(target) == DIGEST
    # Without any strong validator the rest cannot be asked for safely.
    assert server.asked_ranges() == [None, f"bytes={CUT}-" if validator else None]
    assert server.requests[1].get("If-Range") == validator


def test_part_of_another_address_is_not_used(target):
    with serving(CONTENT) as server:
        leave_part(target, OTHER[:70_000], '"one"', "http://127.0.0.1/elsewhere")
        download(server.url, target)
    assert target.read_bytes() == CONTENT
    assert server.asked_ranges() == [None]


def test_begins_again_where_ranges_are_ignored(target):
    with serving(CONTENT, ranges=False, cut_after=[CUT]) as server:
        download(server.url, target)
    assert target.read_bytes() == CONTENT
    assert server.asked_ranges() == [None, f"bytes={CUT}-"]


@pytest.mark.parametrize("honours_if_range", [True, False])
def test_content_that_changes_between_attempts_is_never_mixed(target, honours_if_range):
    behaviour = {"cut_after": [CUT], "changes_to": (OTHER, '"two"'), "honours_if_range": honours_if_range}
    with serving(CONTENT, **behaviour) as server:
        download(server.url, target)
    assert target.read_bytes() == OTHER


def test_complete_part_needs_no_second_transfer(target):
    with serving(CONTENT) as server:
        leave_part(target, CONTENT, '"one"', server.url)
        download(server.url, target, sha256=DIGEST)
    assert hash_file(target) == DIGEST
    assert server.asked_ranges() == [f"bytes={len(CONTENT)}-"]


def test_part_longer_than_the_file_is_thrown_away(target):
    with serving(CONTENT) as server:
        leave_part(target, CONTENT + b"more", '"one"', server.url)
        download(server.url, target)
    assert target.read_bytes() == CONTENT
    assert server.asked_ranges() == [f"bytes={len(CONTENT) + 4}-", None]


def test_tries_again_when_the_server_is_busy(target):
    with serving(CONTENT, statuses=[503, 429, 500]) as server:
        download(server.url, target)
    assert target.read_bytes() == CONTENT
    assert len(server.requests) == 4


def test_gives_up_after_the_last_attempt(target):
    with serving(CONTENT, statuses=[503] * 9) as server, pytest.raises(DownloadError, match=r"attempt 5 of 5.*503"):
        download(server.url, target)
    assert len(server.requests) == module.ATTEMPTS
    assert names(target) == []


def test_missing_file_is_not_asked_for_twice(target):
    with serving(CONTENT, statuses=[404]) as server, pytest.raises(DownloadError, match="404 Not Found") as caught:
        download(server.url, target)
    assert caught.value.source == server.url
    assert len(server.requests) == 1
    assert names(target) == []


def test_endless_breaks_keep_what_arrived(target):
    with (
        serving(CONTENT, cut_after=[CUT] * 9) as server,
        pytest.raises(DownloadError, match="run it again to continue"),
    ):
        download(server.url, target)
    assert names(target) == ["weights.pt.part", "weights.pt.part.json"]
    assert target.with_name("weights.pt.part").read_bytes() == CONTENT[: 5 * CUT]


def test_nobody_listens(target):
    with serving(CONTENT) as server:
        pass
    with pytest.raises(DownloadError, match="attempt 5 of 5"):
        download(server.url, target)


def test_wrong_checksum_leaves_nothing(target):
    with serving(OTHER) as server, pytest.raises(DownloadError, match=hashlib.sha256(OTHER).hexdigest()):
        download(server.url, target, sha256=DIGEST)
    assert names(target) == []


@pytest.mark.parametrize("digits", [DIGEST[:8], DIGEST.upper()])
def test_first_digits_of_the_checksum_suffice_and_case_does_not_matter(target, digits):
    with serving(CONTENT) as server:
        download(server.url, target, sha256=digits)
        with pytest.raises(DownloadError, match="SHA-256"):
            download(server.url, target.with_name("other.pt"), sha256="0" + digits)


def test_right_file_is_not_fetched_again(target):
    target.parent.mkdir()
    target.write_bytes(CONTENT)
    with serving(OTHER) as server:
        download(server.url, target, sha256=DIGEST)
    assert server.requests == []
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("sha256", [DIGEST, None])
def test_other_file_is_kept_unless_told(target, sha256):
    target.parent.mkdir()
    target.write_bytes(b"mine")
    with serving(CONTENT) as server:
        with pytest.raises(DownloadError, match="already"):
            download(server.url, target, sha256=sha256)
        assert server.requests == []
        assert target.read_bytes() == b"mine"
        download(server.url, target, sha256=sha256, overwrite=True)
    assert target.read_bytes() == CONTENT


def test_failed_overwrite_keeps_the_old_file(target):
    target.parent.mkdir()
    target.write_bytes(b"mine")
    with serving(OTHER) as server, pytest.raises(DownloadError, match="SHA-256"):
        download(server.url, target, sha256=DIGEST, overwrite=True)
    assert target.read_bytes() == b"mine"


def test_folder_in_the_way_is_never_overwritten(target):
    target.mkdir(parents=True)
    with serving(CONTENT) as server, pytest.raises(DownloadError, match="already"):
        download(server.url, target, overwrite=True)
    assert target.is_dir()


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "weights.pt"])
def test_only_http(target, url):
    with pytest.raises(DownloadError, match="only http and https"):
        download(url, target)
    assert not target.parent.exists()


def test_malformed_address_fails_at_once(target):
    with pytest.raises(DownloadError, match="attempt 1 of 5"):
        download("http://", target)


def test_unwritable_folder_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with serving(CONTENT) as server, pytest.raises(OutputError, match="cannot be written"):
        download(server.url, tmp_path / "file" / "weights.pt")
    assert server.requests == []


def test_full_disk_is_an_output_error(target, monkeypatch):
    class FullDisk(requests.Response):
        def iter_content(self, *args, **kwargs):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(requests, "Response", FullDisk)
    monkeypatch.setattr(requests.adapters, "Response", FullDisk)
    with serving(CONTENT) as server, pytest.raises(OutputError, match="No space left"):
        download(server.url, target)
    assert not target.exists()


def test_plain_log_line_without_a_terminal(target, caplog):
    with caplog.at_level(logging.INFO, logger="monai_lungxfer.utils.download"), serving(CONTENT) as server:
        download(server.url, target)
    assert caplog.messages == [f"Downloading weights.pt: {len(CONTENT)} bytes, from byte 0 on"]


def test_progress_bar_on_a_terminal(target, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    with serving(CONTENT) as server:
        download(server.url, target)
    shown = capsys.readouterr()
    assert "weights.pt" in shown.err
    assert "768.3/768.3 kB" in shown.err
    assert shown.out == ""


DOWNLOAD = "import sys; from monai_lungxfer.utils.download import download; download(sys.argv[1], sys.argv[2])"


def other_process(url, target):
    return subprocess.Popen([sys.executable, "-c", DOWNLOAD, url, target], stderr=subprocess.PIPE, text=True)


def test_a_second_process_waits_for_the_first_and_goes_on_when_that_is_killed(target):
    with serving(CONTENT, stall_after=2 * CUT) as server:
        first = other_process(server.url, target)
        part = target.with_name("weights.pt.part")
        while not (part.is_file() and part.stat().st_size >= CUT):
            assert first.poll() is None
            time.sleep(0.01)
        second = other_process(server.url, target)
        assert f"process {first.pid}" in second.stderr.readline()
        server.stall_after = None
        first.kill()
        first.wait()
        assert second.wait(timeout=60) == 0
        first.stderr.close()
        second.stderr.close()
    assert hash_file(target) == DIGEST
    assert server.asked_ranges() == [None, f"bytes={2 * CUT}-"]
    assert names(target) == ["weights.pt"]


@pytest.mark.parametrize("sha256", [None, DIGEST])
def test_what_several_want_at_once_is_fetched_once(target, sha256):
    with serving(CONTENT) as server, ThreadPoolExecutor() as pool:
        made = [pool.submit(download, server.url, target, sha256=sha256) for _ in range(4)]
        assert [future.exception() for future in made] == [None] * 4
    assert hash_file(target) == DIGEST
    assert len(server.requests) == 1
    assert names(target) == ["weights.pt"]


@pytest.mark.parametrize(("call", "number"), [("fsync", 1), ("replace", 1), ("unlink", 4)])
def test_a_kill_at_the_end_loses_nothing(target, call, number):
    with serving(CONTENT) as server:
        kill_at(call, number, lambda: download(server.url, target, sha256=DIGEST, progress=False))
        download(server.url, target, sha256=DIGEST)
    assert hash_file(target) == DIGEST
    assert len(server.requests) <= 2
    assert names(target) == ["weights.pt"]

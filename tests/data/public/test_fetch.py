"""Downloading and unpacking archives, also those of people who mean harm."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import zipfile
import zlib

import pytest
from file_server import serving
from killed_process import kill_at

from monai_lungxfer.data.public.adapters import ADAPTERS
from monai_lungxfer.data.public.fetch import fetch
from monai_lungxfer.data.public.unpack import Limits, unpack
from monai_lungxfer.utils import download as download_module
from monai_lungxfer.utils.errors import DownloadError, LungXferError, OutputError
from monai_lungxfer.utils.locks import lock_replacement


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(download_module, "BACK_OFF", 0.001)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def _zipped(entries, compression=zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


GOOD = {"set/data.csv": "patient_id,image_id\n", "set/png/1.png": bytes(range(256)) * 400, "set/empty/": b""}
ARCHIVE = _zipped(GOOD)
DIGEST = hashlib.sha256(ARCHIVE).hexdigest()
NEVER = b"never"


def _left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_fetch(tmp_path):
    with serving(ARCHIVE) as server:
        out = fetch("hannover", tmp_path / "raw" / "hannover", url=server.url, sha256=DIGEST)
    assert (out / "set" / "png" / "1.png").read_bytes() == GOOD["set/png/1.png"]
    assert (out / "set" / "empty").is_dir()
    assert _left(out.parent) == ["hannover"]  # neither the archive nor a temporary folder


def test_interrupted_transfer_is_resumed(tmp_path):
    cut = 3 * download_module.CHUNK
    with serving(ARCHIVE, cut_after=[cut + 5]) as server:
        fetch("hannover", tmp_path / "raw", url=server.url)
    assert server.asked_ranges() == [None, f"bytes={cut}-"]


def test_transfer_is_resumed_by_the_next_call(tmp_path, monkeypatch):
    monkeypatch.setattr(download_module, "ATTEMPTS", 1)
    cut = 2 * download_module.CHUNK
    with serving(ARCHIVE, cut_after=[cut + 5]) as server:
        with pytest.raises(DownloadError, match="failed at attempt 1"):
            fetch("hannover", tmp_path / "raw", url=server.url)
        assert not (tmp_path / "raw").exists()
        fetch("hannover", tmp_path / "raw", url=server.url)
    assert server.asked_ranges() == [None, f"bytes={cut}-"]
    assert (tmp_path / "raw" / "set" / "data.csv").is_file()


def test_wrong_checksum(tmp_path):
    with serving(ARCHIVE) as server, pytest.raises(DownloadError, match="SHA-256"):
        fetch("hannover", tmp_path / "raw", url=server.url, sha256="0" * 64)
    assert _left(tmp_path) == []


def test_archive_that_was_left_by_a_killed_run_is_used(tmp_path):
    (tmp_path / "raw.zip").write_bytes(ARCHIVE)
    with serving(b"other") as server:
        fetch("hannover", tmp_path / "raw", url=server.url)
    assert server.requests == []
    assert _left(tmp_path) == ["raw"]


def test_archives_within_the_archive_are_unpacked(tmp_path):
    inner = _zipped({"1.json": "{}"})
    with serving(_zipped({"annotations/all-images.zip": inner})) as server:
        out = fetch("v7", tmp_path / "raw", url=server.url)
    assert (out / "annotations" / "all-images" / "1.json").read_text() == "{}"
    assert _left(out / "annotations") == ["all-images"]


def test_limits_hold_for_all_archives_together(tmp_path):
    content = _zipped({"a.zip": _zipped({"1": bytes(500)}), "b.zip": _zipped({"2": bytes(500)})})
    with serving(content) as server, pytest.raises(DownloadError, match="would unpack to 500 bytes"):
        fetch("v7", tmp_path / "raw", url=server.url, limits=Limits(size=2000))
    assert _left(tmp_path) == []


def test_folder_that_is_there(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "mine.txt").touch()
    with serving(ARCHIVE) as server, pytest.raises(OutputError, match="holds other files"):
        fetch("hannover", tmp_path / "raw", url=server.url)
    assert server.requests == []


@pytest.mark.parametrize("name", [name for name, adapter in ADAPTERS.items() if adapter.url is None])
def test_what_must_be_fetched_by_hand(tmp_path, name):
    with pytest.raises(DownloadError, match="cannot be fetched") as caught:
        fetch(name, tmp_path / "raw")
    assert ADAPTERS[name].layout in caught.value.remedy
    assert (ADAPTERS[name].page or "yourself") in caught.value.remedy
    assert _left(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["../evil", "set/../../evil", "/etc/evil", "C:/evil", "..\\evil", "\\\\host\\evil", "a/..", "a\0b"]
)
def test_names_that_lead_out_of_the_folder(tmp_path, name):
    content = _zipped({"good": b"x", "0" * len(name): NEVER}).replace(b"0" * len(name), name.encode())
    with serving(content) as server, pytest.raises(DownloadError, match="leads out of the folder"):
        fetch("hannover", tmp_path / "here" / "raw", url=server.url)
    assert _left(tmp_path / "here") == []
    assert _left(tmp_path) == ["here"]


def _special(kind) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("link")
        entry.create_system = 3
        entry.external_attr = (kind | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices(tmp_path, kind):
    with serving(_special(kind)) as server, pytest.raises(DownloadError, match="link or no ordinary file"):
        fetch("hannover", tmp_path / "raw", url=server.url)
    assert _left(tmp_path) == []


def test_bomb_by_what_it_declares(tmp_path):
    bomb = _zipped({f"{number}.png": bytes(1 << 20) for number in range(4)}, zipfile.ZIP_DEFLATED)
    limits = Limits(harmless=1 << 20)
    with serving(bomb) as server, pytest.raises(DownloadError, match="4194304 bytes"):
        fetch("hannover", tmp_path / "raw", url=server.url, limits=limits)
    assert _left(tmp_path) == []


@pytest.mark.parametrize(
    ("limits", "message"),
    [(Limits(files=2), "3 entries, and 2"), (Limits(size=1000), "102420 bytes, and 1000 are allowed")],
)
def test_too_much(tmp_path, limits, message):
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    with pytest.raises(DownloadError, match=message):
        unpack(tmp_path / "a.zip", tmp_path, limits)
    assert _left(tmp_path) == ["a.zip"]


def _understated(honest_checksum: bool) -> bytes:
    """Return an archive whose one entry declares 100 bytes, and unpacks to 10 million."""
    content = bytearray(_zipped({"x": bytes(10_000_000)}, zipfile.ZIP_DEFLATED))
    central = content.index(b"PK\1\2")
    for size_at, checksum_at in ((22, 14), (central + 24, central + 16)):
        struct.pack_into("<L", content, size_at, 100)
        if not honest_checksum:
            struct.pack_into("<L", content, checksum_at, zlib.crc32(bytes(100)))
    return bytes(content)


def test_bomb_that_lies_about_its_size_is_found_out(tmp_path):
    (tmp_path / "bomb.zip").write_bytes(_understated(honest_checksum=True))
    (tmp_path / "out").mkdir()
    with pytest.raises(DownloadError, match="damaged"):
        unpack(tmp_path / "bomb.zip", tmp_path / "out")
    assert sum(path.stat().st_size for path in (tmp_path / "out").iterdir()) <= 100


def test_bomb_with_a_false_checksum_gives_no_more_than_declared(tmp_path):
    (tmp_path / "bomb.zip").write_bytes(_understated(honest_checksum=False))
    (tmp_path / "out").mkdir()
    assert unpack(tmp_path / "bomb.zip", tmp_path / "out") == 100
    assert (tmp_path / "out" / "x").stat().st_size == 100


def test_more_bytes_than_declared_are_counted(tmp_path, monkeypatch):
    """Should a version of the library not stop at the declared size, the count does."""
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda archive, entry: io.BytesIO(bytes(5_000_000)))
    (tmp_path / "a.zip").write_bytes(ARCHIVE)
    (tmp_path / "out").mkdir()
    with pytest.raises(DownloadError, match="102420 bytes"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize(
    "content",
    [b"<html>Please log in</html>", b"", ARCHIVE[: len(ARCHIVE) // 2], ARCHIVE.replace(b"\x05\x06\x07\x08", b"\0" * 4)],
)
def test_no_archive_or_a_damaged_one(tmp_path, content):
    with serving(content) as server, pytest.raises(DownloadError, match="damaged, or not a zip archive"):
        fetch("hannover", tmp_path / "raw", url=server.url)
    assert _left(tmp_path) == []  # the next call must not find the bad archive


def test_encrypted_entry(tmp_path):
    content = bytearray(_zipped({"x": b"secret"}))
    central = content.index(b"PK\1\2")
    content[6] |= 1
    content[central + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DownloadError, match="encrypted"):
        unpack(tmp_path / "a.zip", tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_entries_of_one_name(tmp_path):
    content = _zipped({"aa": b"1", "bb": b"2"}).replace(b"bb", b"aa")
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DownloadError, match="two entries of the same name"):
        unpack(tmp_path / "a.zip", tmp_path)


def test_a_fetch_that_was_killed_goes_on_and_leaves_nothing(tmp_path):
    out = tmp_path / "raw"
    with serving(ARCHIVE) as server:
        kill_at("sync", 1, lambda: fetch("hannover", out, url=server.url, sha256=DIGEST, progress=False))
        assert not out.exists()
        fetch("hannover", out, url=server.url, sha256=DIGEST)
    assert _left(tmp_path) == ["raw"]
    assert len(server.requests) == 1


def test_a_second_fetch_into_one_folder_is_refused(tmp_path):
    with (
        lock_replacement(tmp_path / "raw"),
        pytest.raises(LungXferError, match=r"another run writes this folder: process \d+"),
    ):
        fetch("hannover", tmp_path / "raw", url="http://127.0.0.1:9")

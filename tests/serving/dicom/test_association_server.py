"""Limits of size and time for what arrives on one connection, and the addresses that are let in."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from tls_certificates import make_certificates

from monai_lungxfer.serving.dicom import association_server
from monai_lungxfer.serving.dicom.association_server import LONGEST_PDU, BoundedLine, NodeServer, server_context
from monai_lungxfer.serving.dicom.settings import Tls
from monai_lungxfer.utils.errors import LungXferError


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, BoundedLine]]:
    sender, receiver = socket.socketpair()
    with sender, receiver:
        receiver.settimeout(5)
        yield sender, BoundedLine(receiver)


def test_what_was_asked_for_is_read(pair) -> None:
    sender, line = pair
    sender.sendall(b"abcdef")
    assert line.read(4) == b"abcd"
    sender.close()
    assert line.read(4) == b"ef"  # the connection has ended


def test_a_unit_of_any_announced_length_is_not_waited_for(pair) -> None:
    with pytest.raises(OSError, match="more than a radiograph"):
        pair[1].read(3 * LONGEST_PDU)


def test_a_message_without_end_is_cut(pair, monkeypatch) -> None:
    monkeypatch.setattr(association_server, "_MOST_BYTES", 10)
    sender, line = pair
    sender.sendall(b"0123456789abcdef")
    line.read(8)
    with pytest.raises(OSError, match="more than a radiograph"):
        line.read(8)
    line.begin_message()
    assert line.read(8) == b"89abcdef"


def test_bytes_that_drip_in_are_not_waited_for(pair, monkeypatch) -> None:
    monkeypatch.setattr(association_server, "_SECONDS_FOR_UNIT", 0.3)
    sender, line = pair
    ending = threading.Event()

    def drip() -> None:
        while not ending.wait(0.05):
            sender.sendall(b"x")

    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        with pytest.raises(TimeoutError):
            line.read(1000)
    finally:
        ending.set()
        dripping.join()


def test_a_message_in_many_small_units_is_not_waited_for(pair, monkeypatch) -> None:
    monkeypatch.setattr(association_server, "_SECONDS_FOR_MESSAGE", 0.1)
    sender, line = pair
    sender.sendall(b"abcd")
    line.read(2)
    time.sleep(0.2)
    with pytest.raises(TimeoutError):
        line.read(2)


@pytest.mark.parametrize(
    ("address", "is_let_in"),
    [("192.0.2.7", True), ("::ffff:192.0.2.7", True), ("192.0.3.7", False), ("fe80::1%eth0", True), ("::1", False)],
)
def test_addresses(address: str, is_let_in: bool) -> None:
    server = NodeServer.__new__(NodeServer)
    server.addresses = (ip_network("192.0.2.0/24"), ip_network("fe80::/10"))
    assert server.verify_request(None, (address, 104)) is is_let_in


def test_certificates_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    tls, other = make_certificates(tmp_path / "a"), make_certificates(tmp_path / "b")
    locked = tmp_path / "locked.key"
    protect = ["openssl", "rsa", "-aes256", "-passout", "pass:x", "-in", tls["key"], "-out", locked]
    subprocess.run(protect, check=True, capture_output=True)
    server_context(Tls(**tls))
    faults = {
        "its key cannot be read (No such file or directory)": {"key": tmp_path / "missing"},
        "the certificates cannot be used (KEY_VALUES_MISMATCH)": {"key": other["key"]},
        "the certificates cannot be used (SSLError)": {"key": locked},
        "the certificates cannot be used (NO_CERTIFICATE_OR_CRL_FOUND)": {"authority": tls["key"]},
    }
    for words, changed in faults.items():
        with pytest.raises(LungXferError, match=re.escape(words)):
            server_context(Tls(**{**tls, **changed}))

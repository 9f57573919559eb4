"""The connection to Ray."""

from __future__ import annotations

import signal
import socket
import sys

import pytest

from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.extras import connected


def test_a_signal_to_end_is_taken_as_before(ray_cluster: str) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with connected(ray_cluster) as ray:
        assert signal.getsignal(signal.SIGTERM) is before
        assert ray.cluster_resources()["CPU"] == 2
    assert not ray.is_initialized()


def test_what_is_no_address_is_refused() -> None:
    pytest.importorskip("ray")
    with pytest.raises(LungXferError, match="nowhere: Ray cannot be reached"), connected("nowhere"):
        pass


def test_where_nobody_listens_is_said_at_once() -> None:
    pytest.importorskip("ray")
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(LungXferError, match=r"Ray cannot be reached.*refused"), connected(address):
            pass


def test_without_ray_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with (
        pytest.raises(LungXferError, match=r"package ray is.*monai_lungxfer\[distributed\]"),
        connected("local"),
    ):
        pass

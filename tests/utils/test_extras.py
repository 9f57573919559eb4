"""Packages of the extras that are missing, and the connection to Ray."""

from __future__ import annotations

import re
import signal
import socket
import sys
from configparser import ConfigParser
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from source_tree import REPOSITORY

from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.extras import EXTRA_NAMES, connected, explain_missing, import_extra


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


@pytest.mark.parametrize("error", ["ImportError", "OSError"])
def test_a_package_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    (tmp_path / "without_library.py").write_text(f"raise {error}('libtbb.so.12: cannot open shared object file')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LungXferError, match=rf"without_library is installed, but cannot be loaded \({error}\)"):
        import_extra("without_library")


def test_a_package_that_memory_is_too_small_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "too_large.py").write_text("raise ImportError('failed to map segment from shared object')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="failed to map segment"):
        import_extra("too_large")


def test_every_package_is_named_with_the_extra_that_brings_it() -> None:
    """By the metadata of what is installed; packages that come with another have no line of their own."""
    setup = ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    extras = setup["options.extras_require"]
    for package, extra in EXTRA_NAMES.items():
        if package not in ("retrying", "sqlalchemy"):  # of dicomweb-client and MLflow
            distributions = {name.lower().replace("_", "-") for name in packages_distributions()[package]}
            named = {name.lower() for name in re.findall(r"^[\w-]+", extras[extra], re.MULTILINE)}
            assert distributions & named, package


def test_an_error_about_something_else_is_not_explained() -> None:
    assert explain_missing(ModuleNotFoundError("No module named 'numpy'", name="numpy"), "this") is None
    assert explain_missing(ImportError("cannot import name", name="torch"), "this") is None
    submodule = ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
    assert 'torch is needed for "lungxfer train"' in str(explain_missing(submodule, '"lungxfer train"'))

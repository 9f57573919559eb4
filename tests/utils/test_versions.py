"""What a result is said to have been computed by."""

from __future__ import annotations

import getpass
import platform
import subprocess
from pathlib import Path

import pytest
import torch

import monai_lungxfer
from monai_lungxfer.utils.versions import code_version, environment


@pytest.fixture(autouse=True)
def asked_anew():
    code_version.cache_clear()
    yield
    code_version.cache_clear()


def test_environment_has_versions_and_no_names() -> None:
    found = environment()
    assert found["torch"] == torch.__version__
    assert found["python"] == platform.python_version()
    told = " ".join(found.values())
    assert platform.node() not in told
    assert str(Path.home()) not in told
    assert getpass.getuser() not in told.split()


def git(folder: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@y", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_a_checkout_tells_its_commit_and_whether_files_differ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "monai_lungxfer" / "__init__.py"
    file.parent.mkdir()
    file.touch()
    monkeypatch.setattr(monai_lungxfer, "__file__", str(file))
    assert code_version() == monai_lungxfer.__version__
    git(tmp_path, "init")
    code_version.cache_clear()
    assert code_version() == monai_lungxfer.__version__  # no commit yet
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    commit = git(tmp_path, "rev-parse", "--short=7", "HEAD")
    code_version.cache_clear()
    assert code_version() == f"{monai_lungxfer.__version__}+g{commit}"
    file.write_text("changed = True")
    code_version.cache_clear()
    assert code_version() == f"{monai_lungxfer.__version__}+g{commit}.changed"
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    code_version.cache_clear()
    assert code_version() == monai_lungxfer.__version__

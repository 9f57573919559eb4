"""Files that ask for much are refused, or read at no cost, by a process that could not afford it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

pytest.importorskip("pydicom", minversion="3", reason="pydicom 2 cannot write most of the encodings")
pytest.importorskip("resource", reason="the system knows no limits on memory")

from bombs import BOMBS
from source_tree import REPOSITORY

MOST_MEGABYTES = 200
LARGEST_BOMB = 70_000_000


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, str]]:
    """Megabytes and result of every bomb, all read by one process."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, (make, _) in BOMBS.items():
        (folder / name).write_bytes(make(tmp_path_factory.mktemp("parts")))
        assert (folder / name).stat().st_size < LARGEST_BOMB
    script = REPOSITORY / "tests" / "helpers" / "formats" / "reading_within_limits.py"
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]
    return {name: (used, result) for name, used, result in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name: str, results: dict[str, tuple[float, str]]) -> None:
    used, result = results[name]
    assert re.search(BOMBS[name][1], result)
    assert used < MOST_MEGABYTES

"""The how-to "Your device in an afternoon" runs on phantoms as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from howto_scripts import run_script
from source_tree import REPOSITORY

PAGE = REPOSITORY / "docs" / "how-to" / "your-device.md"


@pytest.mark.slow
def test_the_how_to_runs(tmp_path: Path) -> None:
    pytest.importorskip("ignite")
    pytest.importorskip("matplotlib")
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    run_script("\n".join(blocks), tmp_path)
    log = (tmp_path / "log").read_text()
    assert len(list((tmp_path / "adapted" / "data" / "images").iterdir())) == 24
    assert re.search(r"^(Better|Worse|No worse|Not shown).* locked images of \d+ patients", log, flags=re.MULTILINE)
    assert len(list((tmp_path / "january").glob("*.png"))) == 48
    assert "exit code" not in log  # phantoms of another seed are no drift
    assert (tmp_path / "drift" / "drift.html").is_file()

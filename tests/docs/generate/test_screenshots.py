"""The screenshots of the report and of the node in the docs."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

import draw_node_status
import draw_report

pytestmark = pytest.mark.skipif(shutil.which("chromedriver") is None, reason="chromedriver is not installed")


def test_the_report_is_seen(tmp_path: Path) -> None:
    draw_report.main([str(tmp_path / "report.png")])
    assert (tmp_path / "report.png").stat().st_size > 20_000  # an empty page has 1 kB


@pytest.mark.slow
def test_the_node_has_answered(tmp_path: Path) -> None:
    with draw_node_status.run_node(tmp_path, 1) as url:
        picture = draw_node_status.take_screenshot(url)
    assert picture.size == (1120, 830)
    assert len(list((tmp_path / "answers").rglob("*.dcm"))) == 3

"""The benchmark of the review page: what it writes is a page, and what it measures is of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

from review_page import measure_page, page_data, summary

from monai_lungxfer.inference.review.page import render_page


@pytest.mark.skipif(shutil.which("chromedriver") is None, reason="chromedriver is not installed")
def test_each_thing_is_measured(tmp_path: Path) -> None:
    page = tmp_path / "review.html"
    page.write_text(render_page(page_data(200, pictures=True)), encoding="utf-8")
    times = measure_page(page)
    assert [len(times[name]) for name in ("frame while scrolling", "next radiograph (j)", "search")] == [300, 200, 6]
    assert times["frame while scrolling, processor"][0] > 0
    assert summary({"load": [1.0, 2.0, 3.0]}).splitlines()[1].split() == ["load", "3", "2.0", "2.9", "3.0"]

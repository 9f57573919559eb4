"""The screenshot of the review page in the docs."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("selenium", reason="selenium is not installed")

from draw_review_page import take_screenshot, write_page


@pytest.mark.skipif(shutil.which("chromedriver") is None, reason="chromedriver is not installed")
def test_the_page_of_phantoms_is_seen(tmp_path: Path) -> None:
    picture = take_screenshot(write_page(tmp_path, seed=0, count=4))
    assert picture.size == (1200, 800)
    orange = np.abs(np.asarray(picture).astype(int) - (230, 159, 0)).sum(axis=2) < 30
    assert orange.sum() > 1000  # outlines in the list, and in the large picture

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from monai_lungxfer.utils.progress import duration, show_progress


@pytest.mark.parametrize(("console", "seen"), [({"force_terminal": True}, True), ({}, False), ({"quiet": True}, False)])
def test_a_bar_is_for_terminals(console: dict, seen: bool) -> None:
    stream = StringIO()
    assert list(show_progress([1, 2, 3], "Checking", Console(file=stream, **console))) == [1, 2, 3]
    assert ("Checking" in stream.getvalue()) == seen


@pytest.mark.parametrize(("seconds", "said"), [(48.2, "48 s"), (720, "12 min"), (12000, "3 h 20 min")])
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said

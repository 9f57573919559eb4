"""docs/performance.md has all that the benchmark measures."""

from __future__ import annotations

import re

from contestants.table import TITLES
from source_tree import REPOSITORY


def test_every_part_is_filled() -> None:
    page = (REPOSITORY / "docs" / "performance.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^<!-- (\w+) -->\n(.*?)^<!-- /\1 -->", page, flags=re.MULTILINE | re.DOTALL))
    assert set(found) == {"answer", "setting", "bounds", *TITLES}
    assert not [name for name, text in found.items() if text.count("\n") < 3]
    for task in ("dicom", "small", "native"):
        assert {"| before |", "| torch |"} <= set(re.findall(r"^\| \w+ \|", found[task], flags=re.MULTILINE))

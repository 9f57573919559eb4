"""Sentences of a page are counted as a reader sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
from readability import main, read_page

PAGE = """---
license: other
tags:
- the head of a model card
---

# A heading that does not count

One sentence has five words. Another is here, e.g. with `some code --and options` in it!

- An item without a full stop

```
code that does not count. At all.
```

| A cell | a number of 1.5 |
| --- | --- |
| Two sentences here. They count. | no full stop |
"""


def test_sentences_and_words(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(PAGE)
    page = read_page(tmp_path / "page.md")
    assert [len(words) for words in page.sentences] == [5, 8, 6, 3, 2]
    assert page.mean == pytest.approx(24 / 5)
    assert page.long == 0


def test_a_page_that_is_over_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "page.md").write_text("word " * 36 + "end.")
    monkeypatch.setattr("sys.argv", ["readability.py", str(tmp_path / "page.md"), "--longest", "1"])
    assert main() == 1
    assert "37: word word" in capsys.readouterr().out
    monkeypatch.setattr(
        "sys.argv", ["readability.py", str(tmp_path / "page.md"), "--most-words", "40", "--most-long", "1"]
    )
    assert main() == 0

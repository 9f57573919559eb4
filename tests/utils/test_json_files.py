"""JSON that is read, and what is refused: ambiguous, deep, huge, or of texts that no file is named by."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_lungxfer.utils.json_files import load_json, parse_json


def test_plain_json_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": [1, -0.5, NaN, null, "größe"], "b": {"a": true}}', encoding="utf-8")
    content = load_json(tmp_path / "a.json")
    assert content["a"][4] == "größe"
    assert content["b"] == {"a": True}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "a": 2}', "twice"),
        ('[{"b": {"a": 1, "a": 1}}]', "twice"),
        ("[" * 101 + "]" * 101, "100 levels"),
        ("[" * 100_000 + "]" * 100_000, "100 levels"),
        ('{"a":' * 100_000, "100 levels"),
        ("9" * 5000, "limit"),
        (r'["\ud800"]', "surrogates"),
        (r'{"\ud800": 1}', "surrogates"),
        (r'["a\u0000b"]', "zero byte"),
        ("", "Expecting value"),
        ("[1] 2", "Extra data"),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_json(text)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'"\xff"')
    with pytest.raises(ValueError, match="utf-8"):
        load_json(tmp_path / "a.json")

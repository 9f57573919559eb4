"""What is told of an input: the same file, or one of the same content, is known again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monai_lungxfer.inference.input_facts import InputFacts
from monai_lungxfer.utils.file_stamp import sample_file

LARGE = 1_000_000


def test_a_copy_fits_and_another_content_does_not(tmp_path: Path) -> None:
    for name, byte in (("a", b"a"), ("copy", b"a"), ("other", b"b")):
        (tmp_path / name).write_bytes(byte * LARGE)
        os.utime(tmp_path / name, ns=(0, 0))
    facts = InputFacts.look(tmp_path / "a").sampled(tmp_path / "a")
    assert facts.is_known
    assert InputFacts.split({**facts.as_values(), "file": "a"}) == (facts, {"file": "a"})
    assert facts.fit(InputFacts.look(tmp_path / "copy"), tmp_path / "copy")
    assert not facts.fit(InputFacts.look(tmp_path / "other"), tmp_path / "other")
    os.utime(tmp_path / "copy", ns=(0, 1))
    assert not facts.fit(InputFacts.look(tmp_path / "copy"), tmp_path / "copy")


def test_a_file_that_has_changed_since_gets_no_hash(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    facts = InputFacts.look(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"ab")
    assert not facts.sampled(tmp_path / "a").is_known
    assert not InputFacts.look(tmp_path / "missing").sampled(tmp_path / "missing").is_known
    assert sample_file(tmp_path / "missing") is None


@pytest.mark.parametrize("size", [3, 16 * 4096, 16 * 4096 + 1, LARGE])
def test_the_first_and_the_last_byte_count_and_so_does_the_size(tmp_path: Path, size: int) -> None:
    seen = set()
    for content in (b"a" * size, b"b" + b"a" * (size - 1), b"a" * (size - 1) + b"b", b"a" * (size + 1)):
        (tmp_path / "a").write_bytes(content)
        seen.add(sample_file(tmp_path / "a"))
    assert len(seen) == 4

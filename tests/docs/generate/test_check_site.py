"""Faults of a site are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from check_site import find_faults

SOUND = (
    '<a href="b.html#x">b</a> <a href="https://x.org">out</a> <img src="p.png"> <p id="here"></p> <a href="#here"></a>'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text(SOUND)
    (tmp_path / "b.html").write_text('<h1 id="x">b</h1>')
    (tmp_path / "p.png").write_bytes(b"")
    return tmp_path


def test_a_sound_site(site: Path) -> None:
    assert list(find_faults(site)) == []


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ('<a href="c.html">', "c.html leads nowhere"),
        ('<a href="b.html#y">', "b.html#y leads nowhere"),
        ('<a href="#there">', "#there leads nowhere"),
        ('<script src="https://x.org/a.js"></script>', "loads https://x.org/a.js"),
        ('<link rel="stylesheet" href="//x.org/a.css">', "loads //x.org/a.css"),
    ],
)
def test_a_fault_is_named(site: Path, tag: str, fault: str) -> None:
    (site / "index.html").write_text(SOUND + tag)
    assert [found.removeprefix("index.html: ") for found in find_faults(site)] == [fault]

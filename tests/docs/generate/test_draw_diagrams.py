"""The diagrams of the docs: every room is in its place, and the files are those that the script draws."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from draw_diagrams import draw_house, draw_stages, read_floors
from source_tree import REPOSITORY

PICTURES = REPOSITORY / "docs" / "pictures"
SVG = "{http://www.w3.org/2000/svg}"


def test_the_house_has_every_room_and_is_up_to_date() -> None:
    drawn = draw_house(read_floors((REPOSITORY / "CONTRIBUTING.md").read_text()))
    texts = [text.text for text in ET.fromstring(drawn).iter(f"{SVG}text")]
    rooms = {path.parent.name for path in (REPOSITORY / "monai_lungxfer").glob("*/__init__.py")}
    assert rooms <= set(texts)
    assert drawn == (PICTURES / "house.svg").read_text(), "run docs/generate/draw_diagrams.py docs/pictures"


def test_upper_floors_are_drawn_above() -> None:
    drawn = draw_house([("upper", [("cli", "commands")]), ("lower", [("io", "files")])])
    places = {text.text: float(text.get("y")) for text in ET.fromstring(drawn).iter(f"{SVG}text")}
    assert places["cli"] < places["io"]


def test_the_three_stages_stand_in_their_order() -> None:
    root = ET.fromstring(draw_stages())
    places = {text.text: float(text.get("x")) for text in root.iter(f"{SVG}text")}
    assert places["0 donor"] < places["1 general"] < places["2 portable"]
    pictures = [image.get("href") for image in root.iter(f"{SVG}image")]
    assert len(set(pictures)) == 3
    assert not re.search(r'href="(?!data:)', draw_stages())

"""CONTRIBUTING.md draws the floors that .importlinter holds the imports to."""

from __future__ import annotations

import re
from configparser import ConfigParser

from source_tree import REPOSITORY


def drawn_floors() -> list[set[str]]:
    """Return the rooms of each floor of the diagram, from the top floor down."""
    page = (REPOSITORY / "CONTRIBUTING.md").read_text()
    diagram = re.search(r"^```mermaid\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    assert diagram, "CONTRIBUTING.md has no diagram"
    floors = re.split(r"^\s*subgraph ", diagram[1], flags=re.MULTILINE)[1:]
    return [set(re.findall(r'^\s*(\w+)\["', floor, flags=re.MULTILINE)) for floor in floors]


def contracted_floors() -> list[set[str]]:
    """Return the rooms of each layer of the contract, from the top down."""
    contracts = ConfigParser()
    contracts.read(REPOSITORY / ".importlinter")
    layers = contracts["importlinter:contract:floors"]["layers"].split("\n")
    return [{room.strip() for room in layer.split("|")} for layer in layers if layer.strip()]


def test_the_diagram_has_the_floors_of_the_contract() -> None:
    assert drawn_floors() == contracted_floors()


def test_every_room_is_on_a_floor() -> None:
    package = REPOSITORY / "monai_lungxfer"
    assert set().union(*contracted_floors()) == {path.parent.name for path in package.glob("*/__init__.py")}

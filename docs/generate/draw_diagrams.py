"""Draw the diagrams of the docs: the rooms of the package, and the three stages of the paper (its Fig. 4).

    python docs/generate/draw_diagrams.py docs/pictures

The rooms are those of the diagram in CONTRIBUTING.md, which a test compares with the contract of the imports. The
pictures in the stages are phantoms.
"""

from __future__ import annotations

import argparse
import re
import textwrap
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image

from monai_lungxfer.synthetic.brain import brain_slice
from monai_lungxfer.synthetic.chest import chest_radiograph, portable_radiograph

__all__ = ["draw_house", "draw_stages", "read_floors"]

_ROOT = Path(__file__).resolve().parents[2]
_HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
    'role="img" font-family="Helvetica, Arial, sans-serif" font-size="13" fill="#1a1a1a">\n<title>{title}</title>\n'
    '<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L10 5L0 10z" fill="#0b4f6c"/></marker></defs>\n<rect width="100%" height="100%" fill="#fff"/>\n'
)
_ARROW = '<path d="{path}" fill="none" stroke="#0b4f6c" stroke-width="2" marker-end="url(#tip)"/>\n'
_BOX = '<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" fill="{fill}" stroke="#7a8b99"/>\n'
_FLOOR_WIDTH, _LABEL_WIDTH, _GAP = 940, 170, 10  # pixels
_LINE = 16

Floor = tuple[str, list[tuple[str, str]]]
"""Its name, and its rooms, each with what is in it."""

_STAGES = (
    ("0 donor", "glioma in brain MRI", "three sequences of 110 patients"),
    ("1 general", "lungs in chest radiographs", "6,302 radiographs in the paper"),
    ("2 portable", "lungs in portable radiographs", "600 radiographs in the paper"),
)


def read_floors(page: str) -> list[Floor]:
    """Read the floors, from the top down, from the diagram in CONTRIBUTING.md."""
    floors = re.split(r"^\s*subgraph ", page, flags=re.MULTILINE)[1:]
    return [
        (re.match(r"\w+ \[\d+ (.*?)\]", floor)[1], re.findall(r'^\s*\w+\["(\w+): (.*?)"\]', floor, flags=re.MULTILINE))
        for floor in floors
    ]


def draw_house(floors: list[Floor]) -> str:
    """Return an SVG: a row for each floor, a box for each room."""
    rows, top = [], _GAP
    for name, rooms in floors:
        height, boxes = _row(rooms, top)
        for line, words in enumerate(textwrap.wrap(name, 22)):
            rows.append(_text(_GAP, top + 18 + _LINE * line, words, weight="bold"))
        rows.append(boxes)
        top += height + _GAP
    arrow = _ARROW.format(path=f"M{_FLOOR_WIDTH + 15} {_GAP}V{top - _GAP}")
    note = f'<g transform="translate({_FLOOR_WIDTH + 34},{top / 2}) rotate(90)" text-anchor="middle">'
    note += _text(0, 0, "imports point down, never up") + "</g>"
    title = "The rooms of the package, floor by floor; a room imports from lower floors only"
    return _HEAD.format(width=_FLOOR_WIDTH + 50, height=top, title=title) + "".join(rows) + arrow + note + "\n</svg>\n"


def _row(rooms: list[tuple[str, str]], top: float) -> tuple[float, str]:
    width = (_FLOOR_WIDTH - _LABEL_WIDTH - _GAP * (len(rooms) - 1)) / len(rooms)
    wrapped = [textwrap.wrap(what, int((width - 16) / 6.6)) for _, what in rooms]
    height = 30 + _LINE * max(map(len, wrapped))
    drawn = []
    for number, ((name, _), lines) in enumerate(zip(rooms, wrapped, strict=True)):
        x = _LABEL_WIDTH + number * (width + _GAP)
        drawn.append(_BOX.format(x=round(x, 1), y=top, width=round(width, 1), height=height, fill="#eef5f9"))
        drawn.append(_text(x + 8, top + 18, name, weight="bold"))
        drawn += [_text(x + 8, top + 20 + _LINE * line, text) for line, text in enumerate(lines, start=1)]
    return height, "".join(drawn)


def _text(x: float, y: float, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:g}" y="{y:g}" font-weight="{weight}">{escape(text)}</text>\n'


def draw_stages(seed: int = 0) -> str:
    """Return an SVG of the flow of data and weights through the three stages."""
    parts = []
    for number, ((name, learns, data), picture) in enumerate(zip(_STAGES, _phantoms(seed), strict=True)):
        left = 20 + number * 310
        parts.append(_BOX.format(x=left, y=20, width=240, height=238, fill="#eef5f9"))
        parts.append(_text(left + 14, 44, name, weight="bold") + _text(left + 14, 62, learns))
        parts.append(f'<image x="{left + 50}" y="74" width="140" height="140" href="{_data_uri(picture)}"/>\n')
        parts.append(_text(left + 14, 240, data))
        if number:
            parts.append(_ARROW.format(path=f"M{left - 70} 140H{left - 4}"))
            parts.append('<g text-anchor="middle">' + _text(left - 36, 130, "weights") + "</g>\n")
    parts += [_text(*line) for line in _notes()]
    title = "Three stages: a U-Net learns glioma, then lungs in general radiographs, then lungs in portable ones"
    return _HEAD.format(width=900, height=345, title=title) + "".join(parts) + "</svg>\n"


def _notes() -> Iterator[tuple[float, float, str]]:
    yield 20, 290, "The donor ships trained: U-Net,"
    yield 20, 308, "256×256×3 in, one channel out."
    yield 330, 290, "Split 60/20/20 into training,"
    yield 330, 308, "validation and test; all weights go on"
    yield 330, 326, "learning, with early stopping."
    yield 640, 290, "First halved: one half is split"
    yield 640, 308, "60/20/20, the other is the independent"
    yield 640, 326, "test, measured before and after this stage."


def _phantoms(seed: int) -> Iterator[np.ndarray]:
    brain, _ = brain_slice(np.random.default_rng(seed), 140)
    yield brain[..., 1]  # FLAIR
    for draw in (chest_radiograph, portable_radiograph):
        yield draw(np.random.default_rng(seed), 140, 140, "normal")[0]


def _data_uri(picture: np.ndarray) -> str:
    file = BytesIO()
    Image.fromarray(picture).quantize(40).save(file, "png", optimize=True)
    return "data:image/png;base64," + b64encode(file.getvalue()).decode()


def main() -> None:
    """Draw both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    floors = read_floors((_ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    (folder / "house.svg").write_text(draw_house(floors), encoding="utf-8")
    (folder / "stages.svg").write_text(draw_stages(), encoding="utf-8")


if __name__ == "__main__":
    main()

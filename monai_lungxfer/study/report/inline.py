"""Pictures as parts of a page: SVG that takes the page's colours and font, photographs as data."""

from __future__ import annotations

import base64
import re
from io import BytesIO

from markupsafe import Markup
from PIL import Image

from monai_lungxfer.study.report.figures.style import FAINT, INK, RULE, Drawing

__all__ = ["inline_svg", "picture_data"]

_COLOURS = {INK: "var(--ink)", FAINT: "var(--faint)", RULE: "var(--rule)"}
_QUALITY = 85


def inline_svg(drawing: Drawing) -> Markup:
    """Return the SVG of a drawing to stand in an HTML page.

    Its ids get the drawing's name, since those of several drawings would be the same; greys become the page's own, so
    that it can be dark.
    """
    text = drawing.svg
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{drawing.name}-", text)
    text = re.sub(r"font: ([^']*?)'DejaVu Sans'[^;\"]*", r"font: \1var(--sans)", text)
    for colour, variable in _COLOURS.items():
        text = text.replace(colour, variable)
    label = Markup('<svg role="img" aria-label="{}" ').format(drawing.alt)
    return Markup(text.replace("<svg ", label, 1))  # noqa: S704 - it is our own, and matplotlib escapes its texts


def picture_data(picture: Image.Image) -> str:
    """Return a picture as a data URI: WebP, without anything but its pixels."""
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()

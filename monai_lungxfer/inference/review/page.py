"""The page as one file: template, styles, scripts and data, under a policy that lets the browser load nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from monai_lungxfer.inference.overlay import NOTICE

STYLES = ("style.css", "editor.css")
_EDITOR_SCRIPTS = ("mask", "history", "sides", "dialog", "view", "drawing", "input")
SCRIPTS = (
    *("marks.js", "drawing.js", "list.js", "viewer.js"),
    *(f"editor.{name}.js" for name in _EDITOR_SCRIPTS),
    *("editor.js", "review.js"),
)
"""In this order; those of the editor are only in a page that a server answers for."""

_EDITOR = "editor."


def render_page(data: Mapping[str, Any]) -> str:
    """Return the review page as HTML, which loads nothing from elsewhere.

    Parameters
    ----------
    data : mapping
        What `monai_lungxfer.inference.review.records.review_data` returns. With ``server`` true, the page may ask the
        server that it came from, and has the editor.
    """
    served = bool(data.get("server"))
    styles = "\n".join(_parts(STYLES, served))
    scripts = _parts(SCRIPTS, served)
    return Template(_read("template.html") or "").substitute(
        policy=_policy(styles, scripts, served=served),
        notice=escape(NOTICE),
        styles=styles,
        # "<" never stands in it, so no text can end the element.
        data=json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _policy(styles: str, scripts: list[str], *, served: bool) -> str:
    """Allow the scripts and styles of the page by their hashes, pictures in the page, and nothing else."""
    own = " 'self'" if served else ""
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(map(_hash, scripts)),
        "style-src": _hash(styles),
        "img-src": f"data: blob:{own}",
        "connect-src": own.strip() or "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _parts(names: tuple[str, ...], served: bool) -> list[str]:
    texts = (_read(name) for name in names if served or not name.startswith(_EDITOR))
    return [text for text in texts if text is not None]


def _read(name: str) -> str | None:
    """Return a file of the page, or None where there is none."""
    file = files("monai_lungxfer.inference.review") / "page" / name
    return file.read_text(encoding="utf-8") if file.is_file() else None

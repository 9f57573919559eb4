"""Links of Markdown pages within the site: GitHub's relative ones, and to files outside `docs/`."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["GENERATED", "ROOT", "link_within_site", "outside_pages", "title_page"]

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
GENERATED = DOCS / "reference" / "generated"

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```[ ]*$)", flags=re.MULTILINE | re.DOTALL)
_MERMAID = re.compile(r"^```mermaid\n.*?^```", flags=re.MULTILINE | re.DOTALL)
_HOUSE = "![The rooms of the package, floor by floor: a room imports from lower floors only.](/pictures/house.svg)"


def outside_pages() -> dict[Path, str]:
    """Return the Markdown files outside `docs/` that the site shows, each with the name of its page."""
    pages = {ROOT / name: Path(name).stem.lower() for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")}
    pages |= {ROOT / name / "README.md": name for name in ("benchmarks", "findings", "scripts")}
    return pages | {path: path.parts[-3] for path in sorted(ROOT.glob("bundles/*/docs/README.md"))}


def link_within_site(text: str, source: Path, page: Path) -> str:
    """Rewrite the relative links of a page, outside of its code blocks.

    Parameters
    ----------
    text : str
        Markdown.
    source : Path
        The file that the text comes from, which its links are relative to.
    page : Path
        The site's page that receives the text.

    Returns
    -------
    str
        Links to pages and pictures start at the site's top. Links to other files are relative to `page`, so that Sphinx
        offers the file. A link to a folder keeps its text alone.
    """
    parts = _FENCE.split(_MERMAID.sub(_HOUSE, text))
    parts[::2] = [_LINK.sub(lambda found: _rewritten(found, source, page), part) for part in parts[::2]]
    return "".join(parts)


def _rewritten(found: re.Match[str], source: Path, page: Path) -> str:
    picture, words, link = found.groups()
    words = _LINK.sub(lambda inner: _rewritten(inner, source, page), words)
    path, hash_sign, anchor = link.partition("#")
    if re.match(r"[a-z]+:|/", link) or not path:
        return f"{picture}[{words}]({link})"
    target = Path(os.path.normpath(source.parent / path))
    if target.is_dir():
        return words
    if (name := outside_pages().get(target)) is not None:
        target = GENERATED / f"{name}.md"
    if target.is_relative_to(DOCS) and target.suffix in (".md", ".png", ".svg"):
        path = f"/{target.relative_to(DOCS).as_posix()}"
    else:
        path = os.path.relpath(target, page.parent)
    return f"{picture}[{words}]({path}{hash_sign}{anchor})"


def title_page(text: str, page: Path) -> str:
    """Give a page that begins with a table a heading, made of its name; Sphinx needs one."""
    if re.search(r"^# ", text, flags=re.MULTILINE):
        return text
    return f"# {page.stem.replace('_', ' ').capitalize()}\n\n{text}"

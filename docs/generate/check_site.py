"""Check a built site: every link within it leads to a page and an anchor, and no page loads anything from elsewhere.

    python docs/generate/check_site.py build/site

Exits with 1 and names what is wrong. Links to other sites are not followed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["find_faults"]

_LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class _SitePage(HTMLParser):
    """The anchors, links and loaded files of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loaded: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        if (loaded := values.get(_LOADING.get(tag, ""))) and "canonical" not in values.get("rel", ""):
            self.loaded.add(loaded)


_read = cache(_SitePage)


def find_faults(site: Path) -> Iterator[str]:
    """Yield what is wrong with a site, page by page."""
    for path in sorted(site.rglob("*.html")):
        if path.is_relative_to(site / "_downloads") or path.is_relative_to(site / "_static"):
            continue  # files that pages offer
        page, name = _read(path), path.relative_to(site)
        yield from (f"{name}: loads {url}" for url in sorted(page.loaded) if urlsplit(url).netloc)
        for url in sorted(page.links | page.loaded):
            if not _leads_somewhere(url, path):
                yield f"{name}: {url} leads nowhere"


def _leads_somewhere(url: str, path: Path) -> bool:
    parts = urlsplit(url)
    if parts.scheme or parts.netloc:
        return True
    target = path.parent / unquote(parts.path) if parts.path else path
    if not target.is_file():
        return False
    return not parts.fragment or target.suffix != ".html" or unquote(parts.fragment) in _read(target.resolve()).anchors


def main() -> int:
    """Print the faults."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    site = parser.parse_args().site.resolve()
    faults = list(find_faults(site)) if (site / "index.html").is_file() else [f"{site}: no index.html"]
    print("\n".join(faults) or "every link leads somewhere")
    return bool(faults)


if __name__ == "__main__":
    raise SystemExit(main())

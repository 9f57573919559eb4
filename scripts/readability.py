"""How long the sentences of Markdown pages are.

    python scripts/readability.py [PAGE ...] [--longest 5]

A page's mean should be at most 17 words, and at most 3 % of its sentences should have over 35 words. Code blocks,
headings and the heads of model cards do not count. A code span and a number count as one word each. In tables, only
cells with several sentences count. The command exits with 1 when a page is over.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("*.md", "docs/*.md", "docs/*/*.md", "bundles/*/docs/*.md", "findings/*.md", "scripts/*.md")
LEFT_OUT = ("CHANGELOG.md",)
LONG = 35  # words
_END = re.compile(r"(?<=[.!?])[)\"”]*\s+(?=[A-Z0-9\"“(`*\[])")
_HEAD = re.compile(r"\A---\n.*?^---\n", flags=re.MULTILINE | re.DOTALL)  # of a model card, which is YAML
_ABBREVIATIONS = re.compile(r"\b(e\.g|i\.e|et al|vs|Fig|Figs|Eq|Eqs|no|approx|sec)\.\s")


class Page(NamedTuple):
    """The sentences of a page, each as its words."""

    path: Path
    sentences: list[list[str]]

    @property
    def mean(self) -> float:
        """Mean number of words in a sentence."""
        return sum(map(len, self.sentences)) / max(1, len(self.sentences))

    @property
    def long(self) -> float:
        """Share of sentences over `LONG` words."""
        return sum(len(words) > LONG for words in self.sentences) / max(1, len(self.sentences))


def read_page(path: Path) -> Page:
    """Split a Markdown page into sentences, and these into words."""
    markdown = MarkdownIt("commonmark").enable("table")
    sentences = []
    for text, in_table in _texts(markdown.parse(_HEAD.sub("", path.read_text(encoding="utf-8")))):
        if in_table and not _END.search(text):
            continue
        for sentence in _END.split(_ABBREVIATIONS.sub(r"\1 ", text)):
            words = [word for word in sentence.split() if re.search(r"\w", word)]
            if len(words) > 1:
                sentences.append(words)
    return Page(path, sentences)


def _texts(tokens: list[Token]) -> Iterator[tuple[str, bool]]:
    inside = []
    for token in tokens:
        if token.nesting == 1:
            inside.append(token.type)
        elif token.nesting == -1:
            inside.pop()
        elif token.type == "inline" and "heading_open" not in inside:
            yield _plain(token.children or []), "td_open" in inside or "th_open" in inside


def _plain(tokens: list[Token]) -> str:
    words = []
    for token in tokens:
        if token.type == "text":
            words.append(token.content)
        elif token.type == "code_inline":
            words.append("code")
        elif token.type in ("softbreak", "hardbreak"):
            words.append(" ")
    return "".join(words)


def main() -> int:
    """Print a row for each page, worst first, and on demand its longest sentences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--longest", type=int, default=0, metavar="N", help="print N sentences of each page")
    parser.add_argument("--most-words", type=float, default=17.0, metavar="MEAN", help="mean of a page, at most")
    parser.add_argument("--most-long", type=float, default=0.03, metavar="SHARE", help="of long sentences, at most")
    arguments = parser.parse_args()
    paths = arguments.pages or [path for pattern in PAGES for path in ROOT.glob(pattern) if path.name not in LEFT_OUT]
    pages = sorted(map(read_page, paths), key=lambda page: -page.mean)
    print(f"{'mean':>5} {'over ' + str(LONG):>7} {'sentences':>9}  page")
    over = 0
    for page in pages:
        is_over = page.mean > arguments.most_words or page.long > arguments.most_long
        over += is_over
        row = f"{page.mean:5.1f} {page.long:7.1%} {len(page.sentences):9}  {os.path.relpath(page.path)}"
        print(row + " *" * is_over)
        for words in sorted(page.sentences, key=len, reverse=True)[: arguments.longest]:
            print(f"        {len(words)}: {' '.join(words)}")
    print(f"{over} of {len(pages)} pages are over (*)")
    return int(over > 0)


if __name__ == "__main__":
    raise SystemExit(main())

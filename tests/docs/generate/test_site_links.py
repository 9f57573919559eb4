"""Links of pages within the site."""

from __future__ import annotations

import pytest
from site_links import GENERATED, ROOT, link_within_site, outside_pages, title_page

PAGE = ROOT / "docs" / "training.md"


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("[a](study.md#arms)", "[a](/study.md#arms)"),
        ("[a](#parents)", "[a](#parents)"),
        ("[a](https://x.org/y.md)", "[a](https://x.org/y.md)"),
        ("![a](review.png)", "![a](/review.png)"),
        ("[a](../CONTRIBUTING.md#test)", "[a](/reference/generated/contributing.md#test)"),
        ("[a](../deploy/app.py)", "[a](../deploy/app.py)"),
        ("[tables](results/study/tables)", "tables"),
        ("[![a](review.png)](review.md)", "[![a](/review.png)](/review.md)"),
        ("```\n[a](study.md)\n```", "```\n[a](study.md)\n```"),
    ],
)
def test_links_of_a_page_in_docs(link: str, expected: str) -> None:
    assert link_within_site(link, PAGE, PAGE) == expected


def test_links_of_a_page_from_elsewhere() -> None:
    card = ROOT / "bundles" / "cxr_lung_segmentation" / "docs" / "README.md"
    page = GENERATED / "cxr_lung_segmentation.md"
    assert link_within_site("[x](data_license.txt)", card, page) == (
        "[x](../../../bundles/cxr_lung_segmentation/docs/data_license.txt)"
    )
    assert link_within_site("[x](../../../docs/data.md)", card, page) == "[x](/data.md)"


def test_every_bundle_has_a_page() -> None:
    assert {path.name for path in (ROOT / "bundles").iterdir()} <= set(outside_pages().values())


def test_the_diagram_becomes_a_picture() -> None:
    text = link_within_site("before\n\n```mermaid\nflowchart\n```\n", ROOT / "CONTRIBUTING.md", GENERATED / "x.md")
    assert "(/pictures/house.svg)" in text
    assert "flowchart" not in text


def test_a_table_alone_gets_a_heading() -> None:
    assert title_page("| a |", ROOT / "docs" / "before_after.md") == "# Before after\n\n| a |"
    assert title_page("# Title\n", PAGE) == "# Title\n"

"""The page as a file: whole, self-contained, and without a name."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.report.cases import choose_cases
from monai_lungxfer.study.report.page import format_plan, list_environment, list_limits, render_page
from monai_lungxfer.study.report.paper_tables import paper_table
from monai_lungxfer.study.report.study_tables import study_tables
from monai_lungxfer.study.report.write import OPTIONAL_TABLES, _write_parts, study_drawings, write_report

SCRIPT = "<script>alert(1)</script>"


class Page(HTMLParser):
    """Collects ids, addresses and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "xlink:href", "action", "srcset", "data"):
                self.addresses.append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def html(written: Path) -> str:
    return (written / "report.html").read_text(encoding="utf-8")


def test_needs_no_network(html: str) -> None:
    page = Page(html)
    assert page.addresses
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert "default-src 'none'" in html
    assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest", html)


def test_ids_are_unique(html: str) -> None:
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= set(page.ids)


@pytest.mark.parametrize("secret", ["Smith", "hospital", "srv", "images/portable", "portable-0", ".png"])
def test_names_nobody_and_no_file(html: str, secret: str) -> None:
    readable = re.sub(r"base64,[A-Za-z0-9+/=\s]+", "", html)
    assert secret not in readable


def test_tells_all_of_it(html: str, analysis: Analysis) -> None:
    text = Page(html).text
    assert "The portable stage raises Dice" in text
    assert text.count("Not a medical device") >= 3
    assert "4 of 5 repetitions finished" in text
    assert "From scratch" in text
    assert "2.13.0+cpu" in text
    assert "repetitions: 5" in text
    after = analysis.moments["after"].groupby("repetition").DICE.mean()
    assert f"{after.mean():.4f} ± " in text
    assert "What does each stage add?" in text
    assert text.count("Case ") >= 34


def test_images_only_on_request(study: Path, written: Path, html: str, tmp_path: Path) -> None:
    assert html.count("data:image/webp;base64,") == 2 * 34
    assert (written / "figures" / "overlays.png").is_file()
    figures = tmp_path / "figures"
    figures.mkdir()
    (figures / "overlays.png").write_bytes(b"of an earlier report")
    report = write_report(study, tmp_path)
    assert (report.finished, report.planned) == (4, 5)
    assert "data:image" not in report.page.read_text()
    assert not list(figures.glob("overlays*"))
    assert {path.name for path in report.tables.iterdir()} >= {"arms_stages.csv", "table7_times.tex", "before_after.md"}
    assert len(list(figures.glob("*.svg"))) == len(list(figures.glob("*.png"))) == 7


def test_only_what_an_earlier_report_wrote_is_removed(tmp_path: Path) -> None:
    names = {"arms.csv", "arms.md", "arms.tex", "paper.csv", "paper.md", "paper.tex", "arms.xlsx", "own.csv"}
    for name in names:
        (tmp_path / name).write_text("of an earlier report")
    _write_parts(tmp_path, [paper_table()], OPTIONAL_TABLES)
    assert {path.name for path in tmp_path.iterdir()} == names - {"arms.csv", "arms.md", "arms.tex"}
    assert "of an earlier report" not in (tmp_path / "paper.csv").read_text()


def test_words_of_the_data_are_escaped(analysis: Analysis) -> None:
    images = analysis.results.images
    odd = images.assign(finding=images.finding.replace("normal", SCRIPT))
    changed = Analysis(StudyResults(**vars(analysis.results) | {"images": odd}))
    computed = ("gains", "independent")
    changed.__dict__ |= {name: getattr(analysis, name).replace("normal", SCRIPT) for name in computed}
    changed.__dict__ |= {"stage_tests": analysis.stage_tests, "arms": analysis.arms}  # of no finding
    drawings = study_drawings(changed)[:2]
    html = render_page(changed, study_tables(changed), drawings, choose_cases(changed.results), {})
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_plan_keeps_no_path(results: StudyResults) -> None:
    text = format_plan(results)
    assert "data: (a path)" in text
    assert "/" not in text
    assert "- scratch" in text
    assert "network_def#init_features: 4" in text


def test_environment_lists_every_value(results: StudyResults) -> None:
    steps = results.steps.copy()
    steps.loc[0, "version"] = "0.2.0"
    changed = StudyResults(**vars(results) | {"steps": steps})
    assert list_environment(changed)["monai_lungxfer"] == "0.2.0, 0.1.0"
    assert list_environment(results)["device"] == "cpu"


def test_limits_count_images_and_patients(results: StudyResults) -> None:
    told = " ".join(list_limits(results, with_images=False))
    assert "34 different images of 17 patients" in told
    assert "pixels of the network's input" in told
    assert "burnt" not in told
    assert "burnt" in " ".join(list_limits(results, with_images=True))

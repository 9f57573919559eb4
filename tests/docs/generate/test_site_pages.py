"""The site's pages that come from code."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
import yaml
from site_links import ROOT
from site_pages import api_pages, command_pages, settings_page

BUNDLES = sorted((ROOT / "bundles").iterdir())


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_settings_are_those_of_the_configuration(bundle) -> None:
    page = settings_page(bundle)
    tables = dict(re.findall(r"^### Settings of (\w+)\.yaml\n\n((?:\|.*\n)+)", page, flags=re.MULTILINE))
    assert {"inference", "train", "evaluate"} <= set(tables)
    for name, table in tables.items():
        config = yaml.safe_load((bundle / "configs" / f"{name}.yaml").read_text())
        rows = re.findall(r"^\| `(\w+)` \| `(.*?)` \| (.*) \|$", table, flags=re.MULTILINE)
        assert {setting: yaml.safe_load(value.replace(r"\|", "|")) for setting, value, _ in rows} == {
            setting: config[setting] for setting, _, _ in rows
        }
        plain = {key for key, value in config.items() if isinstance(value, bool | int | float)}
        assert plain <= {setting for setting, _, _ in rows}


def test_a_comment_says_what_a_setting_is() -> None:
    page = settings_page(ROOT / "bundles" / "portable_cxr_lung_segmentation")
    assert "| `clean` | `true` | cut bridges, drop islands, fill holes |\n" in page


def test_every_command_has_a_page() -> None:
    pages = command_pages()
    assert "--overlay" in pages["cli/predict.md"]
    assert pages["cli/study.md"].startswith("# `lungxfer study`")
    assert "cli/segment.md" not in pages  # hidden: another name of predict
    listed = re.findall(r"^\* \[`\w+`\]\((\w+\.md)\)", pages["cli/index.md"], flags=re.MULTILINE)
    assert {f"cli/{name}" for name in listed} == set(pages) - {"cli/index.md"}


def test_every_public_name_has_an_entry() -> None:
    pages = api_pages()
    for room in ("monai_lungxfer.io", "monai_lungxfer.networks", "monai_lungxfer.synthetic"):
        names = set(re.findall(rf"^\.\. [\w:]+:: {room}\.(\w+)$", pages[f"api/{room}.rst"], flags=re.MULTILINE))
        assert names == set(import_module(room).__all__)
    assert ".. py:data:: monai_lungxfer.synthetic.Line\n\n   A stroke" in pages["api/monai_lungxfer.synthetic.rst"]

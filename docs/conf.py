"""How Sphinx builds the site: `sphinx-build -W --keep-going docs build/site`. It needs no network."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "generate"))
from site_links import link_within_site, title_page
from site_math import visit_formula
from site_pages import write_pages
from sphinx.application import Sphinx

import monai_lungxfer

project = "monai_lungxfer"
author = "the monai_lungxfer developers"
copyright = author  # noqa: A001 - Sphinx's name for it
release = version = monai_lungxfer.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "generate"]
default_role = "code"  # docstrings mark code by single backticks
smartquotes = False  # they would turn the two hyphens of an option into a dash

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4  # named as GitHub names them
myst_links_external_new_tab = False

autodoc_typehints = "none"  # numpydoc's parameters say the types
autodoc_member_order = "bysource"
autodoc_default_options = {"show-inheritance": False}
numpydoc_show_class_members = False

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "monai_lungxfer"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_show_search_summary = False  # a browser may not fetch pages that are opened as files
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
    "collapse_navigation": True,
    "show_nav_level": 1,
    "show_toc_level": 1,
    "show_prev_next": True,
    "announcement": "Not a medical device: for research and for preparing annotations.",
}
html_context = {"default_mode": "auto"}
html_sidebars = {"index": []}
copybutton_prompt_text = "$ "


def _read_source(app: Sphinx, name: str, source: list[str]) -> None:
    """Point links that leave `docs/` at the site's own pages, and give pages without a heading one."""
    page = Path(app.env.doc2path(name))
    if page.suffix == ".md":
        source[0] = title_page(link_within_site(source[0], page, page), page)


def setup(app: Sphinx) -> None:
    """Write the pages that come from code and from files outside `docs/`, before Sphinx looks for pages."""
    app.add_html_math_renderer("mathml", (visit_formula, None), (visit_formula, None))
    app.connect("builder-inited", lambda _: write_pages())
    app.connect("source-read", _read_source)

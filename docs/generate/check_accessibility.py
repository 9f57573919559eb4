"""Look for barriers in built pages with axe-core: contrast, names of controls, headings, texts for pictures.

    npm install --prefix /tmp/axe axe-core
    python docs/generate/check_accessibility.py --axe /tmp/axe/node_modules/axe-core/axe.min.js build/site report.html

Each page is opened in a light and in a dark theme. The command exits with 1 when axe-core finds something. At the width
of a phone (`--width 390`), pages that can be scrolled sideways are found, too. It is not a part of the continuous
integration, since axe-core comes from npm.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from selenium import webdriver

sys.path.insert(0, str(Path(__file__).resolve().parent))
from chromium import open_chromium

_RUN = "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(r => done(r.violations));"
_TOO_WIDE = "return document.documentElement.scrollWidth > document.documentElement.clientWidth;"
_SHOWN = 2  # places of each finding
_PATIENCE = 300  # seconds; long pages take long on a busy machine


def find_barriers(driver: webdriver.Chrome, axe: str) -> Iterator[str]:
    """Return what axe-core finds in the open page, a line for each rule and two of its places."""
    driver.execute_script(axe)
    for found in driver.execute_async_script(_RUN):
        places = [f"{node['target'][0]} {node['html'][:120]}" for node in found["nodes"][:_SHOWN]]
        yield "\n      ".join([f"{found['impact']}: {found['id']} ({len(found['nodes'])}) {found['help']}", *places])
    if driver.execute_script(_TOO_WIDE):
        yield "serious: the page can be scrolled sideways"


def _site_pages(site: Path) -> list[Path]:
    """Return the pages of a folder, without the theme's own files."""
    return sorted(page for page in site.rglob("*.html") if "_static" not in page.parts)


def main() -> int:
    """Print the findings of every page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path, help="pages, or folders of them")
    parser.add_argument("--axe", type=Path, required=True, help="axe.min.js of axe-core")
    parser.add_argument("--width", type=int, default=1280, help="of the window in pixels")
    arguments = parser.parse_args()
    axe = arguments.axe.read_text(encoding="utf-8")
    pages = [page for path in arguments.pages for page in (_site_pages(path) if path.is_dir() else [path])]
    findings = 0
    with open_chromium(arguments.width, 900) as driver:
        driver.set_script_timeout(_PATIENCE)
        for page in pages:
            for theme in ("light", "dark"):
                feature = {"name": "prefers-color-scheme", "value": theme}
                driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
                driver.get(page.resolve().as_uri())
                barriers = list(find_barriers(driver, axe))
                findings += len(barriers)
                print("\n   ".join([f"{page} ({theme})", *barriers]) if barriers else f"{page} ({theme}): nothing")
    print(f"{findings} findings on {len(pages)} pages")
    return int(findings > 0)


if __name__ == "__main__":
    raise SystemExit(main())

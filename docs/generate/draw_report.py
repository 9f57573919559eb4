"""Take the screenshot of a study's report, such as that of the docs.

    python docs/generate/draw_report.py docs/pictures/report.png [--report docs/results/study/report.html]

Needs Chromium and its driver (Debian: chromium, chromium-driver), and selenium.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from chromium import open_chromium, take_picture
from PIL import Image

__all__ = ["take_screenshot"]

_REPORT = Path(__file__).resolve().parents[1] / "results" / "study" / "report.html"
_WINDOW = (1200, 800)
_COLOURS = 128  # make a small file


def take_screenshot(report: Path) -> Image.Image:
    """Return the top of the report as a screen of 1200 x 800 pixels shows it."""
    with open_chromium(*_WINDOW) as driver:
        driver.get(report.absolute().as_uri())
        return take_picture(driver)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--report", type=Path, default=_REPORT)
    given = parser.parse_args(arguments)
    picture = take_screenshot(given.report)
    picture.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE).save(given.out, optimize=True)


if __name__ == "__main__":
    main()

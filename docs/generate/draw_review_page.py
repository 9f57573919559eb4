"""Take the screenshot of the review page: predictions of phantoms, looked at in Chromium.

    python docs/generate/draw_review_page.py docs/review.png [--seed 0] [--count 24]

Needs Chromium and its driver (Debian: chromium, chromium-driver), and selenium.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from chromium import open_chromium, take_picture
from PIL import Image
from selenium.webdriver.common.by import By

from monai_lungxfer.cli import app
from monai_lungxfer.synthetic.phantoms import write_phantoms

__all__ = ["take_screenshot", "write_page"]

_SIDE = 512  # pixels of a phantom
_WINDOW = (1200, 800)
_COLOURS = 128  # make a small file; rare ones, such as of the marks, are among them


def write_page(work: Path, seed: int, count: int) -> Path:
    """Predict phantoms, and write the review page with pictures of them."""
    write_phantoms(work / "data", seed=seed, donor=0, general=0, portable=count, size=_SIDE)
    images, out = work / "data" / "portable" / "images", work / "out"
    for command in (
        ["predict", images, "-o", out],
        ["review", out, "--with-images", "--images", images],
    ):
        app(list(map(str, command)), standalone_mode=False)
    return out / "review.html"


def take_screenshot(page: Path) -> Image.Image:
    """Return the page as a screen of 1200 x 800 pixels shows it, with two masks marked."""
    with open_chromium(*_WINDOW) as driver:
        driver.get(page.as_uri())
        driver.find_element(By.TAG_NAME, "body").send_keys("rca")
        return take_picture(driver)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=24)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        picture = take_screenshot(write_page(Path(work), given.seed, given.count))
    picture.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=2).save(given.out, optimize=True)


if __name__ == "__main__":
    main()

"""Take the screenshot of the editor: the mask of a phantom, while a polygon cuts a piece away.

    python docs/generate/draw_editor.py docs/correcting.png [--seed 3]

Needs Chromium and its driver (Debian: chromium, chromium-driver), and selenium.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from chromium import open_chromium, take_picture
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.support.wait import WebDriverWait

from monai_lungxfer.cli import app
from monai_lungxfer.inference.review.results import read_results
from monai_lungxfer.serving.review.corrections import Corrections
from monai_lungxfer.serving.review.page import draw_page
from monai_lungxfer.serving.review.results import ReviewedResults
from monai_lungxfer.serving.review.server import open_server
from monai_lungxfer.synthetic.phantoms import write_phantoms

__all__ = ["predict_phantom", "take_screenshot"]

_SIDE = 768  # pixels of the phantom
_WINDOW = (1200, 800)
_COLOURS = 128  # make a small file
_POLYGON = ((628, 440), (690, 452), (738, 520), (730, 600), (660, 612))  # on the screen
_READY = "return document.querySelector('.lung-editor')?.dataset.state === 'ready'"


def predict_phantom(work: Path, seed: int) -> Corrections:
    """Predict a phantom, and open its mask for correction."""
    write_phantoms(work / "data", seed=seed, donor=0, general=0, portable=1, size=_SIDE)
    images, out = work / "data" / "portable" / "images", work / "out"
    app(["predict", str(images), "-o", str(out)], standalone_mode=False)
    return Corrections(ReviewedResults(read_results(out), images), "A. Reviewer")


def take_screenshot(url: str) -> Image.Image:
    """Return the editor as a screen of 1200 x 800 pixels shows it, with a polygon that is not closed yet."""
    with open_chromium(*_WINDOW) as driver:
        driver.get(url)
        ActionChains(driver).send_keys("c").perform()
        WebDriverWait(driver, 30).until(lambda page: page.execute_script(_READY))
        chain = ActionChains(driver).send_keys("x")
        for x, y in _POLYGON:
            chain.w3c_actions.pointer_action.move_to_location(x, y).click()
        chain.perform()
        return take_picture(driver)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=3)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        corrections = predict_phantom(Path(work), given.seed)
        with open_server(corrections) as server:
            server.show(draw_page(corrections))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            picture = take_screenshot(server.url)
            server.shutdown()
    picture.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE).save(given.out, optimize=True)


if __name__ == "__main__":
    main()

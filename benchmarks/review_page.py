"""Measure how smooth the review page of many radiographs is, in Chromium without a window.

    python benchmarks/review_page.py [--records 5000] [--with-images] [--out review.json]

Draws masks and pictures, writes the page, and measures in it: loading, 300 frames of scrolling, 200 steps by the key j,
200 marks by the key a, and a search. Chromium draws without a graphics processor here. Prints a table of milliseconds.
"""

from __future__ import annotations

import argparse
import base64
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from selenium import webdriver

from monai_lungxfer.inference.outlines import draw_outline, grid_size
from monai_lungxfer.inference.review.page import render_page
from monai_lungxfer.inference.review.records import NUMBERS
from monai_lungxfer.synthetic.chest import chest_radiograph

__all__ = ["measure_page", "page_data", "summary"]

_KINDS = 16  # of masks and pictures, which the records share
_SIZE = (512, 440)
_SCROLL = """
    const done = arguments[0], box = document.querySelector(".gallery"), times = [];
    let last = performance.now();
    requestAnimationFrame(function frame() {
      const now = performance.now();
      times.push(now - last);
      last = now;
      box.scrollTop += 180;
      if (times.length < 305) requestAnimationFrame(frame); else done(times.slice(5));
    });
"""
_KEY = """
    const [key, done] = arguments, times = [];
    (function press() {
      const start = performance.now();
      document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      requestAnimationFrame(() => setTimeout(() => {
        times.push(performance.now() - start);
        if (times.length < 200) press(); else done(times);
      }));
    })();
"""
_SEARCH = """
    return ["1", "12", "123", "12", "1", ""].map((text) => {
      const start = performance.now();
      document.getElementById("search").value = text;
      document.getElementById("search").dispatchEvent(new Event("input", { bubbles: true }));
      return performance.now() - start;
    });
"""


def page_data(count: int, *, pictures: bool) -> dict[str, Any]:
    """Return what the page of so many phantoms shows."""
    kinds = [_record(np.random.default_rng(seed), pictures) for seed in range(_KINDS)]
    records = [
        kinds[number % _KINDS] | {"file": f"ward/x{number:05}.png", "key": f"{number}"} for number in range(count)
    ]
    common = {"model": "benchmark", "server": False, "pictures": pictures}
    return common | {"flags": {"bridge": "a bridge"}, "records": records}


def _record(rng: np.random.Generator, pictures: bool) -> dict[str, Any]:
    image, lungs = chest_radiograph(rng, *_SIZE, "normal")
    height, width = grid_size(_SIZE)
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=60)
    url = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
    known = dict.fromkeys(("reason", "raw", "missing", "unpictured", *NUMBERS))
    known |= {"status": "done", "mask": "x_mask.png", "flags": ["bridge"] * int(rng.integers(2)), "remarks": []}
    known |= {"dice_expected": 0.9, "dice_low": 0.8, "dice_high": 0.95, "share": float(lungs.mean()), "cleaned": 0.0}
    sizes = {"height": _SIZE[0], "width": _SIZE[1], "grid": [width, height]}
    return known | sizes | {"outline": draw_outline(lungs), "picture": url if pictures else None}


def measure_page(page: Path) -> dict[str, list[float]]:
    """Return the milliseconds of each thing that was done with a page.

    Those of the processor are of the page's main thread, a mean over all; other programs hardly change them.
    """
    with _browser() as driver:
        driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        start = time.perf_counter()
        driver.get(page.as_uri())
        times = {"load": [1000 * (time.perf_counter() - start)]}
        for name, script, *given in (
            ("frame while scrolling", _SCROLL),
            ("next radiograph (j)", _KEY, "j"),
            ("mark and next (a)", _KEY, "a"),
        ):
            before = _processor_time(driver)
            times[name] = driver.execute_async_script(script, *given)
            times[f"{name}, processor"] = [(_processor_time(driver) - before) / len(times[name])]
        times["search"] = driver.execute_script(_SEARCH)
    return times


def _processor_time(driver: webdriver.Chrome) -> float:
    metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(1000 * metric["value"] for metric in metrics if metric["name"] == "TaskDuration")


@contextmanager
def _browser() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,900"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_script_timeout(120)
    try:
        yield driver
    finally:
        driver.quit()


def summary(times: dict[str, list[float]]) -> str:
    """Return a table of medians, 95th percentiles and greatest values."""
    lines = [f"{'milliseconds':34} {'n':>4} {'median':>8} {'p95':>8} {'most':>8}"]
    for name, values in times.items():
        middle, high = np.percentile(values, [50, 95])
        lines.append(f"{name:34} {len(values):4} {middle:8.1f} {high:8.1f} {max(values):8.1f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=5000)
    parser.add_argument("--with-images", action="store_true")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work:
        page = Path(work) / "review.html"
        page.write_text(render_page(page_data(given.records, pictures=given.with_images)), encoding="utf-8")
        print(f"{given.records} radiographs, {page.stat().st_size / 1e6:.1f} MB")
        times = measure_page(page)
    print(summary(times))
    if given.out:
        given.out.write_text(json.dumps(times), encoding="utf-8")


if __name__ == "__main__":
    main()

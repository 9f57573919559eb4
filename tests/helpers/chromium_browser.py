"""Chromium without a window, driven by selenium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-renderer-backgrounding",  # a second tab is to get its turn on a busy machine, too
    "--disable-backgrounding-occluded-windows",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",  # nothing moves on while it is clicked
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser, with what its console says kept for `get_log`; skips where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    found = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    for name, path in found.items():
        if path is None:
            pytest.skip(f"{name} is not installed (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = str(found["chromium"])
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(found["chromedriver"]))
    yield driver
    driver.quit()


def resize(driver: Any, width: int, height: int = 900) -> None:
    """Give the page a width in pixels; below 600 it is a phone's."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def open_page(driver: Any, url: str) -> None:
    """Load a page and wait until it has been painted: before that, Chromium drops clicks and keys."""
    driver.get(url)
    driver.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def contrast(page: Any, selector: str) -> float:
    """Return the WCAG contrast of an element's text with the ground behind it."""
    script = """
    const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
    let ground = document.querySelector(arguments[0]), back;
    const front = rgb(getComputedStyle(ground).color);
    do { back = rgb(getComputedStyle(ground).backgroundColor); ground = ground.parentElement; } while (back[3] === 0);
    const linear = (v) => v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const [x, y] = [light(front), light(back)].sort((a, b) => b - a);
    return (x + 0.05) / (y + 0.05);
    """
    return float(page.execute_script(script, selector))

"""Chromium without a screen, for the pictures of pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from PIL import Image
from selenium import webdriver


@contextmanager
def open_chromium(width: int, height: int) -> Iterator[webdriver.Chrome]:
    """Give a browser whose page is so many pixels large."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={width},{height}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        yield driver
    finally:
        driver.quit()


def take_picture(driver: webdriver.Chrome) -> Image.Image:
    """Return what the page shows."""
    return Image.open(BytesIO(driver.get_screenshot_as_png())).convert("RGB")

"""Take the screenshot of a DICOM node's status page, after it has answered a few phantoms.

    python docs/generate/draw_node_status.py docs/node_status.png [--count 3]

Needs Chromium and its driver (Debian: chromium, chromium-driver), and selenium.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chromium import open_chromium, take_picture
from PIL import Image

__all__ = ["run_node", "take_screenshot"]

_COMMAND = (sys.executable, "-c", "from monai_lungxfer.cli import main; main()")
_WINDOW = (1120, 830)
_COLOURS = 64  # make a small file
_PATIENCE = 180.0  # seconds
_SETTINGS = """
listen = false
[watch]
folder = "inbox"
settle_seconds = 0.1
[[destination]]
name = "archive"
kind = "folder"
folder = "answers"
[status]
port = {port}
"""


@contextmanager
def run_node(work: Path, count: int) -> Iterator[str]:
    """Run a node until it has delivered answers to so many phantoms, and give the address of its page."""
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port = line.getsockname()[1]
    (work / "node.toml").write_text(_SETTINGS.format(port=port))
    phantoms = ("data", "phantom", work / "inbox", "--dicom", str(count))
    subprocess.run([*_COMMAND, *phantoms], check=True, capture_output=True)  # noqa: S603 - this package's own command
    with (work / "node.log").open("w") as log:
        node = subprocess.Popen([*_COMMAND, "serve", "dicom", work / "node.toml"], stderr=log)  # noqa: S603
        try:
            _wait_for_answers(work / "answers", 3 * count)
            yield f"http://127.0.0.1:{port}"
        finally:
            node.terminate()
            node.wait()


def _wait_for_answers(folder: Path, files: int) -> None:
    end = time.monotonic() + _PATIENCE
    while len(list(folder.rglob("*.dcm"))) < files:
        if time.monotonic() > end:
            raise TimeoutError(f"{files} results were not written in {_PATIENCE:.0f} s")
        time.sleep(0.5)
    time.sleep(2)  # until the journal knows, too


def take_screenshot(url: str) -> Image.Image:
    """Return the page as a screen of 1120 x 830 pixels shows it."""
    with open_chromium(*_WINDOW) as driver:
        driver.get(url)
        return take_picture(driver)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=3)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as work, run_node(Path(work), given.count) as url:
        picture = take_screenshot(url)
    picture.quantize(_COLOURS, Image.Quantize.MAXCOVERAGE).save(given.out, optimize=True)


if __name__ == "__main__":
    main()

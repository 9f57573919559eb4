"""The commands of docs/label.md, as they stand there and in their order."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from label_servers import LABEL_MODEL
from PIL import Image
from source_tree import REPOSITORY
from typer.testing import CliRunner

from monai_lungxfer.bundle_files import WEIGHTS, bundle_path
from monai_lungxfer.cli import app
from monai_lungxfer.data.phantom import portable_radiograph
from monai_lungxfer.files import sha256_of

HOWTO = REPOSITORY / "docs" / "label.md"
PORT = 8010  # of the page


@pytest.fixture
def workplace(label_python: Path, tmp_path: Path) -> Path:
    """What the page says must be there."""
    if not HOWTO.is_file():
        pytest.skip("the tests run without the source tree")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            pytest.skip(f"port {PORT} is taken")
    for folder in ("radiographs", "corrected"):
        (tmp_path / folder).mkdir()
    for seed, name in enumerate("abcdef"):
        pixels, mask = portable_radiograph(np.random.default_rng(seed), 120, 150, "normal")
        Image.fromarray(pixels).save(tmp_path / "radiographs" / f"{name}.png")
        if name in "bcde":
            Image.fromarray(mask * np.uint8(255)).save(tmp_path / "corrected" / f"{name}.png")
    return tmp_path


def run_script(text: str, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "PYTHONPATH": str(REPOSITORY)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", text], cwd=folder, env=variables, stdout=log, stderr=log, start_new_session=True
        )
        try:
            status = process.wait(timeout=900)
        finally:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
    assert status == 0, (folder / "log").read_text(errors="replace")[-3000:]


@pytest.mark.slow
def test_the_page(workplace: Path) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```$", HOWTO.read_text(), re.MULTILINE | re.DOTALL)
    told = f"curl --silent --fail --output after.json http://127.0.0.1:{PORT}/info/"
    run_script("\n".join(["set -euo pipefail", *blocks, told]), workplace)
    words = ["predict", str(workplace / "radiographs" / "a.png"), "--out", str(workplace / "expected")]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert (workplace / "a_mask.png").read_bytes() == (workplace / "expected" / "a_mask.png").read_bytes()
    assert sorted(path.name for path in (workplace / "radiographs" / "labels" / "final").iterdir()) == [
        "b.png",
        "c.png",
        "d.png",
        "e.png",
    ]
    assert json.loads((workplace / "next.json").read_text())["id"] in ("a", "f")
    before, after = (
        json.loads((workplace / name).read_text())["models"][LABEL_MODEL]["weights_sha256"]
        for name in ("info.json", "after.json")
    )
    assert before == sha256_of(bundle_path("portable") / WEIGHTS)
    assert after == sha256_of(workplace / "runs" / "label" / "model" / LABEL_MODEL / WEIGHTS) != before

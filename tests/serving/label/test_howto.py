"""The commands of docs/label.md, as they stand there and in their order."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from howto_scripts import run_script, skip_unless_free
from label_servers import LABEL_MODEL
from PIL import Image
from source_tree import REPOSITORY
from typer.testing import CliRunner

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path
from monai_lungxfer.cli import app
from monai_lungxfer.synthetic.phantoms import portable_radiograph
from monai_lungxfer.utils.files import hash_file

HOWTO = REPOSITORY / "docs" / "label.md"
PORT = 8010  # of the page


@pytest.fixture
def workplace(label_python: Path, tmp_path: Path) -> Path:
    """What the page says must be there."""
    if not HOWTO.is_file():
        pytest.skip("the tests run without the source tree")
    skip_unless_free(PORT)
    for folder in ("radiographs", "corrected"):
        (tmp_path / folder).mkdir()
    for seed, name in enumerate("abcdef"):
        pixels, mask = portable_radiograph(np.random.default_rng(seed), 120, 150, "normal")
        Image.fromarray(pixels).save(tmp_path / "radiographs" / f"{name}.png")
        if name in "bcde":
            Image.fromarray(mask * np.uint8(255)).save(tmp_path / "corrected" / f"{name}.png")
    return tmp_path


@pytest.mark.slow
def test_the_page(workplace: Path) -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```$", HOWTO.read_text(), re.MULTILINE | re.DOTALL)
    told = f"curl --silent --fail --output after.json http://127.0.0.1:{PORT}/info/"
    run_script("\n".join([*blocks, told]), workplace, PYTHONPATH=str(REPOSITORY))
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
    assert before == hash_file(bundle_path("portable") / WEIGHTS)
    assert after == hash_file(workplace / "runs" / "label" / "model" / LABEL_MODEL / WEIGHTS) != before

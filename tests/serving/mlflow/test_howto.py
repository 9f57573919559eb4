"""The commands of docs/mlflow.md, as they stand there and in their order."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from dicom_radiograph import as_dicom, write
from howto_scripts import run_script, skip_unless_free
from PIL import Image
from source_tree import REPOSITORY
from typer.testing import CliRunner

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.cli import app
from monai_lungxfer.synthetic.phantoms import portable_radiograph, write_phantoms

HOWTO = REPOSITORY / "docs" / "mlflow.md"
PORTS = (5080, 5081)  # of the page
NAME = "portable_cxr_lung_segmentation"


def commands() -> str:
    """Return all blocks of the page as one script; those of Python are piped into it."""
    script = []
    for language, block in re.findall(r"^```(bash|python)\n(.*?)^```$", HOWTO.read_text(), re.MULTILINE | re.DOTALL):
        script.append(block if language == "bash" else f"python - <<'PYTHON'\n{block}PYTHON\n")
    return "\n".join(script)


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """What the page says must be there."""
    if not HOWTO.is_file():
        pytest.skip("the tests run without the source tree")
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    skip_unless_free(*PORTS)
    write_phantoms(tmp_path / "data", donor=0, general=0, portable=24, size=96)
    shutil.copytree(bundle_path("portable") / "models", tmp_path / "runs" / "portable" / "models")
    (tmp_path / "radiographs").mkdir()
    pixels, _ = portable_radiograph(np.random.default_rng(7), 120, 150, "normal")
    Image.fromarray(pixels).save(tmp_path / "radiographs" / "a.png")
    write(tmp_path / "radiographs" / "b.dcm", as_dicom(pixels, "MONOCHROME1"))
    (tmp_path / "radiographs" / "c.txt").write_text("no radiograph")
    return tmp_path


@pytest.mark.slow
def test_the_page(workplace: Path) -> None:
    run_script(commands(), workplace)
    out = workplace / "expected"
    words = ("predict", str(workplace / "radiographs"), "--out", str(out), "--json")
    rows = json.loads(CliRunner().invoke(app, words).stdout)["predictions"]
    assert [(row["file"], row["status"]) for row in rows] == [("a.png", "done"), ("b.dcm", "done")]
    expected = (out / "a_mask.png").read_bytes()
    assert (workplace / "a_mask.png").read_bytes() == expected
    scored = [json.loads(line) for line in (workplace / "scored-000000.jsonl").read_text().splitlines()]
    assert [row["path"] for row in scored] == ["a.png", "b.dcm", "c.txt"]
    assert [row["lung_px"] for row in scored] == [*(row["lung_px"] for row in rows), None]
    assert scored[2]["error"] == "is not an image of a known format. Send PNG, JPEG, TIFF, NIfTI or DICOM."
    log = (workplace / "log").read_text()
    assert f"Version 1 of {NAME} is the champion; there was none before." in log
    assert "champion" in log[log.index("aliases") :]

"""MONAI Label's folder of radiographs, which the server and its processes for scoring and training write at once."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from source_tree import REPOSITORY

pytestmark = pytest.mark.slow
TIMES = 25
CODE = f"""
import sys
from monai_lungxfer.serving.label.studies import FolderStudies
folder, name = sys.argv[1:]
studies = FolderStudies(folder, extensions=["*.png"], auto_reload=False)
print("ready", flush=True)
sys.stdin.readline()
for number in range({TIMES}):
    studies.update_image_info("chest", {{f"{{name}} {{number}}": number}})
"""


def test_processes_that_write_at_once_lose_nothing_of_each_other(label_python: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "chest.png")
    names = ("scoring", "training")
    processes = [
        subprocess.Popen(
            [str(label_python), "-c", CODE, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            text=True,
        )
        for name in names
    ]
    for process in processes:  # both have read the folder before either writes
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=120)
        assert process.returncode == 0
    told = json.loads((tmp_path / "datastore_v2.json").read_text())["objects"]["chest"]["image"]["info"]
    assert {f"{name} {number}" for name in names for number in range(TIMES)} <= set(told)


LISTING = """
import json, sys
from pathlib import Path
from monai_lungxfer.serving.label.launch import _PATTERNS
from monai_lungxfer.serving.label.studies import FolderStudies
studies = FolderStudies(sys.argv[1], extensions=_PATTERNS, auto_reload=False)
sent = studies.add_image("sent", sys.argv[2], {})
print(json.dumps({name: Path(studies.get_image_uri(name)).name for name in studies.list_images()}))
"""


def test_suffixes_are_known_in_any_case_and_results_are_no_images(label_python: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.PNG", "b.Png", "c.png", "c.d.TIF", "c_mask.png", "notes.txt"):
        Image.fromarray(np.zeros((40, 40), np.uint8)).save(folder / name, format="PNG")
    (tmp_path / "other.JPG").write_bytes((folder / "c.png").read_bytes())
    done = subprocess.run(
        [str(label_python), "-c", LISTING, str(folder), str(tmp_path / "other.JPG")],
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        text=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told == {"a": "a.PNG", "b": "b.Png", "c": "c.png", "c.d": "c.d.TIF", "sent": "sent.JPG"}

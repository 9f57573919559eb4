"""The tutorials run as they stand, from top to bottom, and print what they say."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import pytest
from source_tree import REPOSITORY

TUTORIALS = sorted(path.stem for path in (REPOSITORY / "docs" / "tutorials").glob("*.md") if path.stem != "index")
NEEDED = {
    "from_python": ("monai",),
    "own_bundle": ("ignite", "monai"),
    "pacs": ("highdicom", "pynetdicom"),
    "serve_and_promote": ("ignite", "mlflow", "onnx"),
    "study_in_small": ("ignite", "matplotlib", "mlflow"),
}


class Block(NamedTuple):
    language: str
    text: str


def read_blocks(page: str) -> list[Block]:
    return [Block(*found) for found in re.findall(r"^```(\w+)\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)]


def is_printed(expected: str, printed: str) -> bool:
    """Tell whether the lines of a block are printed in their order; an ellipsis is anything, alone any lines."""
    pattern = r".*?".join(map(re.escape, expected.strip().split("…"))).replace(r"\ ", r"\s+").replace("\\\n", r"\s+")
    return re.search(pattern, printed, flags=re.DOTALL) is not None


def run_bash(text: str) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def run_python(text: str, names: dict[str, object]) -> str:
    with redirect_stdout(io.StringIO()) as printed:
        exec(text, names)
    return printed.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("name", TUTORIALS)
def test_the_tutorial_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in NEEDED.get(name, ()):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    blocks = read_blocks((REPOSITORY / "docs" / "tutorials" / f"{name}.md").read_text(encoding="utf-8"))
    names: dict[str, object] = {}
    printed = ""
    for block in blocks:
        match block.language:
            case "bash":
                printed = run_bash(block.text)
            case "python":
                printed = run_python(block.text, names)
            case "yaml":
                Path(block.text.split("\n", 1)[0].removeprefix("# ")).write_text(block.text)
            case "text":
                assert is_printed(block.text, printed), printed
    assert {"text"} < {block.language for block in blocks}


def test_what_is_printed_is_compared() -> None:
    assert is_printed("segmented  6\n…\nResults: masks\n", " segmented   6 \n skipped 0\nResults: masks\n")
    assert is_printed("0.9… no flag\n…\n", "0.95 no flag\n0.96 no flag\n")
    assert not is_printed("segmented  6\n…\nResults: masks\n", "segmented 5\nResults: masks\n")
    assert not is_printed("one\ntwo\n", "two\none\n")

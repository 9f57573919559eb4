"""The environment of the MONAI Deploy application, made by the commands of docs/deploy.md when it is missing."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from howto_scripts import run_script
from source_tree import REPOSITORY, copied

HOWTO = REPOSITORY / "docs" / "deploy.md"
ENVIRONMENT = Path("~/.cache/monai_lungxfer/deploy").expanduser()  # as on the page
MODEL = "portable_cxr_lung_segmentation"


def commands(heading: str) -> str:
    """Return the commands below a heading of the page."""
    section = HOWTO.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return "\n".join(re.findall(r"^```bash\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


def run_app(study: Path, results: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the application of this source tree."""
    python, app = ENVIRONMENT / "bin" / "python", REPOSITORY / "deploy" / "app.py"
    model = REPOSITORY / "bundles" / MODEL
    words = [python, app, "-i", study, "-o", results, "-m", model, *options]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **variables}
    return subprocess.run(words, check=False, env=environment, capture_output=True, text=True, timeout=600)


@pytest.fixture(scope="session")
def deploy_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment's folder; one process makes it, and the others wait."""
    if not HOWTO.is_file():
        pytest.skip("the tests run without the source tree")
    if sys.platform != "linux":
        pytest.skip("the SDK is for Linux")
    ENVIRONMENT.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{ENVIRONMENT}.lock"):
        install, mark = commands("Install"), ENVIRONMENT / "made_by"
        pins = (REPOSITORY / "deploy" / "requirements.txt").read_text()
        python = str(Path(sys.executable).resolve())
        recipe = hashlib.sha256((install + pins + python).encode()).hexdigest()
        if not mark.is_file() or mark.read_text() != recipe:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)  # `venv` fails on one that another Python made
            run_script(install, copied(tmp_path_factory.mktemp("source")), PYTHONPATH="")
            mark.write_text(recipe)
    return ENVIRONMENT

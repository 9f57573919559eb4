"""What is installed from the wheel: every module, the bundles, and the command line."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from source_tree import REPOSITORY, copied

LEFT_BY_A_TRAINING = ("data/datalist.json", "eval/split.json", "models/resume.pt", "mlruns.db")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (REPOSITORY / "setup.cfg").is_file():
        pytest.skip("the tests run without the source tree")
    folder = tmp_path_factory.mktemp("wheel")
    source = copied(folder / "source")
    for name in LEFT_BY_A_TRAINING:
        file = source / "bundles" / "portable_cxr_lung_segmentation" / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("monai_lungxfer-*.whl"))


def test_wheel_holds_every_module_and_every_bundle_file(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "monai_lungxfer").rglob("*.py")}
    assert modules <= held
    page = (REPOSITORY / "monai_lungxfer" / "study" / "report" / "page").iterdir()
    assert {path.relative_to(REPOSITORY).as_posix() for path in page} <= held
    assert {
        "monai_lungxfer/checks/bundle/metadata_schema.json",
        "monai_lungxfer/serving/label/requirements.txt",
    } <= held
    tracked = subprocess.run(["git", "ls-files", "bundles"], cwd=REPOSITORY, capture_output=True, check=True, text=True)
    bundles = "monai_lungxfer/bundles/"
    packed = {name for name in held if name.startswith(bundles)}
    assert packed == {f"monai_lungxfer/{name}" for name in tracked.stdout.split()}


def test_an_installed_wheel_finds_its_bundles(wheel: Path, tmp_path: Path) -> None:
    """Unpacked outside the source tree, with the dependencies of this environment."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    code = "import sys; from monai_lungxfer.cli import main; sys.argv[1:] = ['bundles', 'path', 'portable']; main()"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed"), "PATH": ""},
        capture_output=True,
        check=True,
        text=True,
    )
    found = Path(result.stdout.strip())
    assert found == tmp_path / "installed" / "monai_lungxfer" / "bundles" / "portable_cxr_lung_segmentation"
    assert (found / "configs" / "train.yaml").is_file()

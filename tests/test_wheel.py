"""What the source distribution and the wheel hold: every module, the bundles, and the command line."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from source_tree import REPOSITORY, copied

LEFT_BY_A_TRAINING = ("data/datalist.json", "eval/split.json", "models/resume.pt", "mlruns.db")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution, made where a training has been."""
    if not (REPOSITORY / ".git").exists():
        pytest.skip("the tests run without the repository")
    folder = tmp_path_factory.mktemp("sdist")
    source = copied(folder / "source")
    for name in LEFT_BY_A_TRAINING:
        file = source / "bundles" / "portable_cxr_lung_segmentation" / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    build = f"from setuptools.build_meta import build_sdist; build_sdist({str(folder)!r})"
    subprocess.run([sys.executable, "-c", build], cwd=source, check=True, capture_output=True)
    with tarfile.open(next(folder.glob("monai_lungxfer-*.tar.gz"))) as archive:
        archive.extractall(folder, filter="data")
    return next(path for path in folder.glob("monai_lungxfer-*") if path.is_dir())


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(sdist)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("monai_lungxfer-*.whl"))


def tracked(folder: str = ".") -> set[str]:
    listing = subprocess.run(["git", "ls-files", folder], cwd=REPOSITORY, capture_output=True, check=True, text=True)
    return {name for name in listing.stdout.splitlines() if (REPOSITORY / name).is_file()}


def test_the_source_distribution_holds_every_file_but_those_of_the_repository_itself(sdist: Path) -> None:
    held = {path.relative_to(sdist).as_posix() for path in sdist.rglob("*") if path.is_file()}
    assert {name for name in tracked() - held if not name.startswith((".github/", ".ci/", ".gitignore"))} == set()
    assert not {name for name in held if name.endswith(LEFT_BY_A_TRAINING)}


def test_the_wheel_holds_every_file_of_the_package_and_of_the_bundles(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    assert tracked("monai_lungxfer") <= held
    bundles = "monai_lungxfer/bundles/"
    assert {name for name in held if name.startswith(bundles)} == {
        f"monai_lungxfer/{name}" for name in tracked("bundles")
    }


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

"""What the source distribution and the wheels hold, and what an installation with few extras can do."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from importlib.metadata import distribution, distributions
from pathlib import Path

import numpy as np
import pydicom
import pytest
from dicom_radiograph import as_dicom, write
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from source_tree import REPOSITORY, copied

from monai_lungxfer.synthetic.phantoms import portable_radiograph

LEFT_BY_A_TRAINING = ("data/datalist.json", "eval/split.json", "models/resume.pt", "mlruns.db")
OTHER_STAGES = ("lgg_mri_segmentation", "cxr_lung_segmentation")
LARGEST_WHEEL, LARGEST_RUNTIME = 20_000_000, 400_000_000  # bytes


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


def built(source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, source]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(sdist, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def stages_wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(sdist / "packaging" / "stages", tmp_path_factory.mktemp("stages"))


@pytest.fixture(scope="module")
def runtime(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and what its extra `runtime` asks for, linked from this environment."""
    folder = tmp_path_factory.mktemp("runtime")
    venv.create(folder, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    zipfile.ZipFile(wheel).extractall(packages)
    for name in required_by("monai_lungxfer", "runtime", path=[str(packages)]):
        for file in distribution(name).files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                (packages / file).parent.mkdir(parents=True, exist_ok=True)
                (packages / file).symlink_to(file.locate())
    return folder


def required_by(name: str, extra: str = "", path: Sequence[str] = sys.path, known: set[str] | None = None) -> set[str]:
    """Return all that a distribution requires, directly or not, with an extra of its."""
    known = set() if known is None else known
    (found,) = distributions(name=name, path=list(path))
    for text in found.requires or ():
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        needed = canonicalize_name(requirement.name)
        if needed != "monai-lungxfer" and needed not in known:
            known.add(needed)
            required_by(needed, "", sys.path, known)
        for inner in requirement.extras:
            required_by(needed, inner, path if needed == "monai-lungxfer" else sys.path, known)
    return known


def tracked(folder: str = ".") -> set[str]:
    listing = subprocess.run(["git", "ls-files", folder], cwd=REPOSITORY, capture_output=True, check=True, text=True)
    return {name for name in listing.stdout.splitlines() if (REPOSITORY / name).is_file()}


def test_the_source_distribution_holds_every_file_but_those_of_the_repository_itself(sdist: Path) -> None:
    held = {path.relative_to(sdist).as_posix() for path in sdist.rglob("*") if path.is_file()}
    assert {name for name in tracked() - held if not name.startswith((".github/", ".ci/", ".gitignore"))} == set()
    assert not {name for name in held if name.endswith(LEFT_BY_A_TRAINING)}


def bundle_files(wheel: Path) -> set[str]:
    package = "monai_lungxfer/"
    names = zipfile.ZipFile(wheel).namelist()
    return {name.removeprefix(package) for name in names if name.startswith(f"{package}bundles/")}


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    assert tracked("monai_lungxfer") <= set(zipfile.ZipFile(wheel).namelist())
    assert wheel.stat().st_size < LARGEST_WHEEL


def test_the_wheels_together_hold_every_file_of_the_bundles(wheel: Path, stages_wheel: Path) -> None:
    """Each file once, so that one wheel can be removed without the other."""
    weights = {name for stage in OTHER_STAGES for name in tracked(f"bundles/{stage}/models/model.*")}
    assert len(weights) > len(OTHER_STAGES)
    weights |= set(tracked("bundles/portable_cxr_lung_segmentation/models/paper/*"))
    assert bundle_files(stages_wheel) == weights
    assert bundle_files(wheel) == tracked("bundles") - weights


def test_the_wheel_of_the_stages_is_of_the_same_version(wheel: Path, stages_wheel: Path) -> None:
    version = wheel.name.split("-")[1]
    assert stages_wheel.name.split("-")[:2] == ["monai_lungxfer_stages", version]
    (metadata,) = (name for name in zipfile.ZipFile(stages_wheel).namelist() if name.endswith("/METADATA"))
    assert f"Requires-Dist: monai_lungxfer=={version}" in zipfile.ZipFile(stages_wheel).read(metadata).decode()


def test_the_runtime_is_small(runtime: Path) -> None:
    """As `du` counts, without bytecode."""
    files = [path for path in runtime.glob("lib/**/*") if path.is_file()]
    assert len(files) > 1000
    assert sum(path.stat().st_blocks * 512 for path in files) < LARGEST_RUNTIME


@pytest.mark.parametrize("words", ["--help", "predict --help", "bundles path portable"])
def test_the_runtime_has_a_command_line(runtime: Path, words: str) -> None:
    run = run_in(runtime, *words.split())
    assert run.returncode == 0, run.stderr


def test_the_runtime_segments_and_writes_dicom(runtime: Path, tmp_path: Path) -> None:
    if not list(runtime.glob("lib/*/site-packages/monai_lungxfer/bundles/portable*/models/*pipeline.onnx")):
        pytest.skip("the portable bundle has no compiled pipeline")
    pixels, drawn = portable_radiograph(np.random.default_rng(7), 240, 300, "normal")
    write(tmp_path / "a.dcm", as_dicom(pixels, "MONOCHROME1"))
    run = run_in(runtime, "predict", str(tmp_path / "a.dcm"), "--out", str(tmp_path / "out"), "--format", "dicom-seg")
    assert run.returncode == 0, run.stderr
    mask = pydicom.dcmread(tmp_path / "out" / "a_mask.dcm").pixel_array
    assert 2 * (mask & drawn).sum() / (mask.sum() + drawn.sum()) > 0.8


def test_the_runtime_names_what_it_lacks(runtime: Path) -> None:
    assert '"monai_lungxfer[train]"' in run_in(runtime, "bundles", "verify").stderr
    assert "pip install ./packaging/stages" in run_in(runtime, "doctor").stdout


def run_in(environment: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [environment / "bin" / "python", "-c", "from monai_lungxfer.cli import main; main()", *words]
    variables = {"PATH": "", "HOME": str(environment)}
    return subprocess.run(command, cwd=environment, env=variables, check=False, capture_output=True, text=True)


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

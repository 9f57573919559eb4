"""Names in configurations: what is imported, under which name, and which packages may be."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.checks.bundle.targets import check_packages, check_targets
from monai_lungxfer.utils.errors import BundleError


def check_both(bundle: Path) -> None:
    check_packages(bundle, bundle)
    check_targets(bundle, bundle)


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    """The folder of a bundle that has no configuration but its metadata."""
    (tmp_path / "configs").mkdir()
    shutil.copy(bundle_path("portable") / "configs" / "metadata.json", tmp_path / "configs")
    return tmp_path / "configs"


@pytest.mark.parametrize(
    "lines",
    [
        "a:\n  _target_: DiceLoss\n",
        "a:\n  _target_: torch.optim.Adam\n",
        "a:\n- b:\n    _target_: ignite.metrics.Average\n",
        "imports: ['$import os']\na: $os.path.join('x', 'y')\n",
        "imports: ['$from os import path as where']\na: $where.join('x', 'y')\n",
        "imports: ['$import numpy.linalg as algebra']\na: $algebra.norm([1])\n",
        "a: $np.pi + monai.utils.set_determinism(0)\n",
        "a: 5\nb: $@a.bit_length()\n",
        "a: '$(lambda os: os.absent)(1)'\n",  # no module: nothing is imported under this name
        "a: os.absent\n",  # no expression
    ],
)
def test_what_is_there_passes(configs: Path, tmp_path: Path, lines: str) -> None:
    (configs / "train.yaml").write_text(lines)
    assert check_targets(tmp_path, tmp_path).endswith("names, all known")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("imports: ['$import os']\na: $os.path.joined('x')\n", "a names os.path.joined, which is not there"),
        ("imports: ['$from os import path as where']\na: $where.joined('x')\n", "names os.path.joined"),
        ("imports: ['$from os import paths']\n", "imports#0 names os.paths, which is not there"),
        ("a: $torch.nn.Conv5d()\n", "a names torch.nn.Conv5d, which is not there"),
        ("a: $np.nothing\n", "a names numpy.nothing"),
        ("a:\n  _target_: builtins.eval\n", "builtins is not a package that the bundle asks for"),
        ("a:\n  _target_: eval\n", "eval, which is no component of MONAI"),
        ("a:\n  _target_: rich.print\n", "rich is not a package that the bundle asks for"),
        ("a:\n  _target_: $__import__('os').system\n", "is not a package that the bundle asks for"),
    ],
)
def test_what_is_not_is_named(configs: Path, tmp_path: Path, lines: str, problem: str) -> None:
    (configs / "train.yaml").write_text(lines)
    with pytest.raises(BundleError) as caught:
        check_both(tmp_path)
    assert problem in caught.value.problem
    assert caught.value.source == str(configs / "train.yaml")


def test_a_package_that_breaks_on_import_is_told(
    configs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import monai_lungxfer

    (tmp_path / "breaking.py").write_text("1 / 0")
    monkeypatch.setattr(monai_lungxfer, "__path__", [*monai_lungxfer.__path__, str(tmp_path)])
    (configs / "train.yaml").write_text("a:\n  _target_: monai_lungxfer.breaking.Net\n")
    with pytest.raises(BundleError, match=r"which cannot be imported \(.*division by zero"):
        check_both(tmp_path)

"""What is logged with a model: the code, and nothing of this machine; it runs where the package is not installed."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import monai_lungxfer
from monai_lungxfer.serving.mlflow.packaging import input_example, save_model

PACKAGE = Path(monai_lungxfer.__file__).parent
ABSOLUTE = re.compile(r"(?<![\w:/])(/\w|[A-Za-z]:\\)|file:|/home/")
WRITTEN = ("MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "model_code.py")

ELSEWHERE = """
import sys
sys.path += sys.argv[2:]
from importlib.util import find_spec
print(find_spec("monai_lungxfer"))
import json, mlflow
model = mlflow.pyfunc.load_model(sys.argv[1])
import monai_lungxfer
print(monai_lungxfer.__file__)
with open("request.json") as file:
    print(model.predict([json.load(file)])["mask"][0])
"""


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", WRITTEN)
def test_no_path_of_this_machine_is_logged(saved_model: Path, name: str) -> None:
    assert not ABSOLUTE.findall((saved_model / name).read_text())


def test_the_example_is_the_phantom(saved_model: Path) -> None:
    example = json.loads((saved_model / "input_example.json").read_text())
    assert example["data"] == input_example().to_numpy().tolist()


def test_the_model_holds_the_package_and_one_bundle(saved_model: Path) -> None:
    expected = {name for name in files_of(PACKAGE) if "__pycache__" not in name and not name.startswith("bundles/")}
    held = {name for name in files_of(saved_model / "code" / "monai_lungxfer") if "__pycache__" not in name}
    assert held == expected
    assert "inference/content_check.npz" in held
    told = yaml.safe_load((saved_model / "MLmodel").read_text())["flavors"]["python_function"]
    assert told["artifacts"]["bundle"]["path"] == "artifacts/portable_cxr_lung_segmentation"


def test_bundles_of_an_installed_package_stay_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / "monai_lungxfer"
    for name in ("bundles/portable/models/model.pt", "bundle/files.py", "bundle/__pycache__/files.pyc"):
        (installed / name).parent.mkdir(parents=True, exist_ok=True)
        (installed / name).touch()
    monkeypatch.setattr("monai_lungxfer.serving.mlflow.packaging._PACKAGE", installed)
    save_model(tmp_path / "model", saved_bundle(tmp_path))
    assert files_of(tmp_path / "model" / "code") == {"monai_lungxfer/bundle/files.py"}


def test_the_project_of_the_current_folder_is_not_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("uv.lock", "pyproject.toml", ".python-version"):
        (tmp_path / name).write_text('[project]\nname = "other"\nversion = "1"\n')
    monkeypatch.chdir(tmp_path)
    save_model(tmp_path / "model", saved_bundle(tmp_path))
    assert not {"uv.lock", "pyproject.toml", ".python-version"} & files_of(tmp_path / "model")


def saved_bundle(folder: Path) -> Path:
    """A folder that MLflow takes for a bundle; nothing looks into it before it is loaded."""
    (folder / "bundle").mkdir()
    (folder / "bundle" / "LICENSE").touch()
    return folder / "bundle"


@pytest.mark.slow
def test_a_copy_runs_where_the_package_is_not_installed(saved_model: Path, predicted, tmp_path: Path) -> None:
    """In an interpreter that has the libraries of this one, but not this package."""
    shutil.copytree(saved_model, tmp_path / "copy")
    (tmp_path / "request.json").write_text(json.dumps(predicted.request("a.png")))
    libraries = [folder for folder in sys.path if Path(folder).name == "site-packages"]
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        ELSEWHERE,
        "copy",
        *libraries,
    ]  # -S: links to a checkout are not followed
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-3000:]
    installed, code, mask = result.stdout.splitlines()[-3:]
    if installed != "None":
        pytest.skip("the package is installed next to its libraries, not as a link")
    assert Path(code).is_relative_to(tmp_path / "copy" / "code")
    assert base64.b64decode(mask) == predicted.masks["a.png"]

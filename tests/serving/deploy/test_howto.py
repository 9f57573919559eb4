"""The commands of docs/deploy.md, as they stand there and in their order, and what they put together for a package."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
import yaml
from deploy_environment import ENVIRONMENT, MODEL, commands
from dicom_radiograph import as_dicom, write
from howto_scripts import run_script
from source_tree import REPOSITORY, copied
from typer.testing import CliRunner

import monai_lungxfer
from monai_lungxfer.cli import app
from monai_lungxfer.synthetic.phantoms import portable_radiograph

PACKAGER = """
import json
from pathlib import Path
from holoscan_cli.packager.config_reader import ApplicationConfiguration
from holoscan_cli.packager.models import Models
from holoscan_cli.packager.parameters import PackageBuildParameters
parameters, configuration = PackageBuildParameters(), ApplicationConfiguration()
parameters.application, parameters.models = Path("map/app.py"), Models().build(Path("models"))
configuration.read(Path("map/app.yaml"))
application = configuration.populate_app_manifest(parameters)
package = configuration.populate_package_manifest(parameters)
print(json.dumps([application.command, package.models, str(parameters.requirements_file_path)]))
"""
"""What the packager makes of the folders, up to where it needs a container engine."""


@dataclass(frozen=True)
class Done:
    folder: Path  # where the page's commands have been run
    mask: np.ndarray  # that of `lungxfer predict`


@pytest.fixture(scope="module")
def done(deploy_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Done:
    pytest.importorskip("highdicom", reason="the extra dicom is not installed")
    folder = copied(tmp_path_factory.mktemp("page"))
    (folder / "study").mkdir()
    pixels, _ = portable_radiograph(np.random.default_rng(7), 120, 150, "normal")
    write(folder / "study" / "a.dcm", as_dicom(pixels, "MONOCHROME1"))
    run_script("\n".join(map(commands, ("Install", "Run", "Package"))), folder, PYTHONPATH="")
    words = ("predict", str(folder / "study"), "--format", "dicom-seg", "--out", str(folder / "expected"))
    assert CliRunner().invoke(app, words).exit_code == 0
    return Done(folder, pydicom.dcmread(folder / "expected" / "a_mask.dcm").pixel_array)


@pytest.mark.slow
def test_the_page(done: Done) -> None:
    assert np.array_equal(pydicom.dcmread(done.folder / "results" / "a_mask.dcm").pixel_array, done.mask)


@pytest.mark.slow
def test_the_folder_for_a_package_works_by_itself(done: Done, tmp_path: Path) -> None:
    """As in a package: no options, the models' folder above the bundle's, and this package beside the application."""
    with (done.folder / "map" / "monai_lungxfer" / "__init__.py").open("a") as file:
        file.write('\n__version__ = "of the folder map"\n')
    variables = {"INPUT": "study", "MODEL": "models", "CONFIG": "map/app.yaml"}
    environment = {f"HOLOSCAN_{name}_PATH": str(done.folder / path) for name, path in variables.items()}
    environment |= {"HOLOSCAN_OUTPUT_PATH": str(tmp_path / "output"), "PYTHONPATH": ""}
    words = [ENVIRONMENT / "bin" / "python", done.folder / "map" / "app.py"]
    subprocess.run(words, cwd=tmp_path, env=os.environ | environment, check=True, timeout=600)
    assert np.array_equal(pydicom.dcmread(tmp_path / "output" / "a_mask.dcm").pixel_array, done.mask)
    assert json.loads((tmp_path / "output" / "predictions.json").read_text())["package_version"] == "of the folder map"


@pytest.mark.slow
def test_the_packager_finds_application_and_model(done: Done) -> None:
    words = [ENVIRONMENT / "bin" / "python", "-c", PACKAGER]
    told = subprocess.run(words, cwd=done.folder, check=True, capture_output=True, text=True).stdout
    assert json.loads(told) == [
        '["python3", "/opt/holoscan/app/app.py"]',
        {MODEL: f"/opt/holoscan/models/{MODEL}"},
        "map/requirements.txt",
    ]


def pins(name: str) -> dict[str, str]:
    """Return versions by the normalised names of packages."""
    if not (REPOSITORY / name).is_file():
        pytest.skip("the tests run without the source tree")
    found = re.findall(r"^([\w.-]+)==(\S+)$", (REPOSITORY / name).read_text(), re.MULTILINE)
    return {normalised(package): version for package, version in found}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_requirements_are_the_constraints_but_for_two() -> None:
    own, constraints = pins("deploy/requirements.txt"), pins("constraints.txt")
    differing = {name for name in own.keys() & constraints.keys() if own[name] != constraints[name]}
    assert differing == {"protobuf", "packaging"}


def test_requirements_name_all_that_the_package_needs() -> None:
    own = pins("deploy/requirements.txt")
    setup = configparser.ConfigParser()
    setup.read(REPOSITORY / "setup.cfg")
    extras = setup["options.extras_require"]
    needed = setup["options"]["install_requires"] + extras["dicom"] + extras["train"]
    names = {normalised(name) for name in re.findall(r"^([\w-]+)", needed, re.MULTILINE)} - {"monai-lungxfer"}
    assert len(names) > 20
    assert names - own.keys() == set()


def test_the_version_is_the_package_s() -> None:
    pins("deploy/requirements.txt")
    settings = yaml.safe_load((REPOSITORY / "deploy" / "app.yaml").read_text())
    assert settings["application"]["version"] == monai_lungxfer.__version__

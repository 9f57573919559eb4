"""What is decided before a server starts: who can reach it, its folder, and its environment's recipe."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import socket
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock
from source_tree import REPOSITORY

from monai_lungxfer.serving.label import launch
from monai_lungxfer.serving.label.environment import environment_hash
from monai_lungxfer.serving.label.launch import EXPOSED, LabelSettings, prepare
from monai_lungxfer.serving.label.server import SETTINGS
from monai_lungxfer.utils.errors import LungXferError

REQUIREMENTS = files("monai_lungxfer.serving.label") / "requirements.txt"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "label.example"])
def test_other_addresses_need_an_option_that_is_told_what_it_exposes(host: str, tmp_path: Path) -> None:
    with pytest.raises(LungXferError, match=re.escape(EXPOSED)):
        LabelSettings(str(tmp_path), host=host)
    assert not LabelSettings(str(tmp_path), host=host, expose=True).is_local
    with pytest.raises(LungXferError):  # the stock app is for comparing
        LabelSettings(str(tmp_path), host=host, expose=True, stock=True)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_needs_none(host: str, tmp_path: Path) -> None:
    assert LabelSettings(str(tmp_path), host=host).is_local


def test_studies_are_a_folder_or_a_url(tmp_path: Path) -> None:
    with pytest.raises(LungXferError, match="neither a folder nor a URL"):
        LabelSettings(str(tmp_path / "none"))
    with pytest.raises(LungXferError, match="holds a password"):
        LabelSettings("http://user:secret@127.0.0.1:8042/dicom-web")
    assert LabelSettings("http://127.0.0.1:8042/dicom-web").is_dicomweb


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(launch, "label_environment", lambda: tmp_path / "env" / "bin" / "python")


def test_the_folder_of_a_server(no_environment: None, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    out = tmp_path / "out"
    for _ in range(2):  # started again in the same folder
        command = prepare(LabelSettings(str(tmp_path / "studies"), ("general", "portable"), out, max_megabytes=7))
    assert command.words[1:] == ["-m", "monai_lungxfer.serving.label.server"]
    decided = json.loads(command.environment[SETTINGS])
    assert (decided["host"], decided["max_bytes"], decided["with_proxy"]) == ("127.0.0.1", 7_000_000, False)
    assert "127.0.0.1" in decided["hosts"]
    conf = json.loads(command.environment["MONAI_LABEL_APP_CONF"])
    assert conf["models"] == "cxr_lung_segmentation,portable_cxr_lung_segmentation"
    assert {path.name for path in (out / "app" / "model").iterdir() if path.is_dir()} == set(conf["models"].split(","))
    assert (out / "python" / "monai_lungxfer" / "bundle" / "stages.py").is_file()
    assert not (out / "python" / "torch").exists()
    assert command.folder == out / "tmp"


def contents(folder: Path) -> dict[Path, tuple[int, int]]:
    """Tell files, folders and links apart from others that took their places."""
    return {path: (path.lstat().st_ino, path.lstat().st_mtime_ns) for path in folder.rglob("*")}


def test_a_second_start_disturbs_no_server(no_environment: None, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    out = tmp_path / "out"
    prepare(LabelSettings(str(tmp_path / "studies"), out=out))
    (out / "tmp" / "of_a_request.png").write_bytes(b"0")
    with FileLock(out / "server.lock"):
        before = contents(out)
        with pytest.raises(LungXferError, match="another server works in this folder"):
            prepare(LabelSettings(str(tmp_path / "studies"), ("general",), out))
        assert contents(out) == before
    prepare(LabelSettings(str(tmp_path / "studies"), out=out))
    links = [out / "app" / "model", out / "python" / "monai_lungxfer", out / "tmp" / "of_a_request.png"]
    assert all(contents(out)[link] == before[link] for link in links)


def test_an_interrupted_copy_of_the_stock_app_is_made_again(
    no_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "studies").mkdir()
    source = tmp_path / "env" / "monailabel" / "sample-apps" / "monaibundle"
    (source / "lib").mkdir(parents=True)
    for name in ("main.py", "lib/utils.py"):
        (source / name).write_text("")
    settings = LabelSettings(str(tmp_path / "studies"), out=tmp_path / "out", stock=True)
    prepare(replace(settings, stock=False))  # copies the bundle

    def interrupted(source: Path, target: Path, **options: object) -> None:
        target.mkdir(exist_ok=True)
        shutil.copy(source / "main.py", target)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copytree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare(settings)
    prepare(settings)
    for name in ("main.py", "lib/utils.py", "torchvision/utils.py", "model"):
        assert (tmp_path / "out" / "stock" / name).exists()


def test_the_stock_app_gets_no_adapter_whose_base_it_would_not_load(
    no_environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapted = SimpleNamespace(identity=SimpleNamespace(base_sha256="a" * 64))
    monkeypatch.setattr(launch, "load_segmenter", lambda *_: adapted)
    with pytest.raises(LungXferError, match="does not load the base"):
        prepare(LabelSettings(str(tmp_path), out=tmp_path / "out", stock=True))


def test_names_that_browsers_may_use(no_environment: None, tmp_path: Path) -> None:
    def names(**options: object) -> set[str]:
        command = prepare(LabelSettings(str(tmp_path), out=tmp_path / "out", **options))
        return set(json.loads(command.environment[SETTINGS])["hosts"])

    assert names() == {"127.0.0.1", "localhost"}
    exposed = names(host="0.0.0.0", expose=True, allow_hosts=("Label.example",))
    assert exposed >= {"localhost", "label.example", socket.gethostname().lower()}


def test_wrong_weights_start_no_server(no_environment: None, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    settings = LabelSettings(str(tmp_path / "studies"), out=tmp_path / "out")
    prepare(settings)
    weights = tmp_path / "out" / "model" / "portable_cxr_lung_segmentation" / "models" / "model.pt"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(LungXferError, match="does not have the hash"):
        prepare(settings)


def test_requirements_name_all_that_the_package_needs() -> None:
    own = {normalised(name) for name in re.findall(r"^([\w.-]+)==", REQUIREMENTS.read_text(), re.MULTILINE)}
    setup = configparser.ConfigParser()
    if not setup.read(REPOSITORY / "setup.cfg"):
        pytest.skip("the tests run without the source tree")
    asked = setup["options"]["install_requires"] + setup["options.extras_require"]["train"]
    needed = {normalised(name) for name in re.findall(r"^([\w-]+)", asked, re.MULTILINE)} - {"monai-lungxfer"}
    assert len(needed) > 20
    assert needed - own == set()


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_another_recipe_is_another_environment() -> None:
    text = REQUIREMENTS.read_text()
    assert environment_hash(text) == environment_hash(text) != environment_hash(text + "a==1\n")
    assert re.fullmatch("[0-9a-f]{12}", environment_hash(text))

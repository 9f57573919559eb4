"""What is decided before a server starts: who can reach it, its folder, and its environment's recipe."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
import requests
from filelock import FileLock
from orthanc_server import free_port
from requests.adapters import HTTPAdapter
from source_tree import REPOSITORY
from urllib3.util import Retry

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


def test_names_that_browsers_may_use(no_environment: None, tmp_path: Path) -> None:
    def names(**options: object) -> set[str]:
        command = prepare(LabelSettings(str(tmp_path), out=tmp_path / "out", **options))
        return set(json.loads(command.environment[SETTINGS])["hosts"])

    assert names() == {"127.0.0.1", "localhost"}
    exposed = names(host="0.0.0.0", expose=True, allow_hosts=("Label.example",))
    assert exposed >= {"localhost", "label.example", socket.gethostname().lower()}


APP = """
from fastapi import BackgroundTasks, FastAPI
from monailabel.endpoints import infer

app = FastAPI()

@app.get("/info/")
def info(): return {}

@app.post("/infer/{model}")
def run(tasks: BackgroundTasks, model: str, params: str):
    return infer.run_inference(tasks, model, "", "", params, None, None, None)
"""


class Process:
    """The process that listens, with an application in the place of MONAI Label's, which its environment has."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        modules = {"app": APP, "endpoints/infer": "def run_inference(*given): return given[4]\n"}
        modules |= {"endpoints/datastore": "add_image = save_label = print\n"}
        modules |= {"interfaces/exception": "class MONAILabelException(Exception): pass\n"}
        for name, text in modules.items():
            file = folder / "python" / "monailabel" / f"{name}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (folder / "tmp").mkdir()

    def start(self) -> subprocess.Popen:
        decided = {"host": "127.0.0.1", "port": self.port, "hosts": [], "max_bytes": 1000, "with_proxy": False}
        paths = [str(self.folder / "python"), os.environ.get("PYTHONPATH", "")]
        own = {SETTINGS: json.dumps(decided | {"lock": str(self.folder / "server.lock")})}
        own |= {"TMPDIR": str(self.folder / "tmp"), "PYTHONPATH": os.pathsep.join(paths)}
        # Whoever starts the tests in the background has interruptions ignored.
        code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        code += "from monai_lungxfer.serving.label.server import main; main()"
        command = [sys.executable, "-c", code]
        return subprocess.Popen(command, env=os.environ | own, cwd=self.folder / "tmp", stderr=subprocess.PIPE)

    def ends(self) -> tuple[int, str]:
        process = self.start()
        told = process.communicate(timeout=60)[1].decode()
        return process.returncode, told


@pytest.fixture
def listening(tmp_path: Path) -> Process:
    pytest.importorskip("fastapi")
    return Process(tmp_path)


def test_a_folder_or_a_port_that_is_in_use_is_wrong_usage(listening: Process) -> None:
    left = listening.folder / "tmp" / "left.dcm"
    left.write_bytes(b"0")
    with FileLock(listening.folder / "server.lock"):
        code, told = listening.ends()
    assert (code, told.count("\n")) == (2, 1)
    assert "another server works in this folder" in told
    assert left.exists()
    with socket.create_server(("127.0.0.1", listening.port)):
        code, told = listening.ends()
    assert code == 2
    assert "Choose a free --port" in told
    assert "Traceback" not in told
    assert not left.exists()  # of a killed server


def test_an_application_that_does_not_start_is_unexpected(listening: Process) -> None:
    app = listening.folder / "python" / "monailabel" / "app.py"
    app.write_text(f"{APP}\napp.router.lifespan_context = None\n")
    assert listening.ends()[0] == 3
    app.write_text("raise ValueError('/a/path')\n")
    assert listening.ends() == (3, "Unexpected error: ValueError.\n")


def test_an_interrupted_server_ends_as_the_command_line_does(listening: Process) -> None:
    process, url = listening.start(), f"http://127.0.0.1:{listening.port}"
    try:
        patient = requests.Session()
        patient.mount("http://", HTTPAdapter(max_retries=Retry(60, backoff_factor=0.1, backoff_max=1)))
        assert patient.get(f"{url}/info/", timeout=10).ok
        for params, status in (("{}", 200), ('{"label_tag": "final"}', 400), ('{"bundle_path": "a"}', 400)):
            assert requests.post(f"{url}/infer/a", params={"params": params}, timeout=10).status_code == status
        process.send_signal(signal.SIGINT)
        assert b"Traceback" not in process.communicate(timeout=60)[1]
        assert process.returncode == 130
    finally:
        process.kill()


def test_wrong_weights_start_no_server(no_environment: None, tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    settings = LabelSettings(str(tmp_path / "studies"), out=tmp_path / "out")
    prepare(settings)
    weights = tmp_path / "out" / "model" / "portable_cxr_lung_segmentation" / "models" / "model.pt"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(LungXferError, match="is not what"):
        prepare(settings)


def test_requirements_name_all_that_the_package_needs() -> None:
    own = {normalised(name) for name in re.findall(r"^([\w.-]+)==", REQUIREMENTS.read_text(), re.MULTILINE)}
    setup = configparser.ConfigParser()
    if not setup.read(REPOSITORY / "setup.cfg"):
        pytest.skip("the tests run without the source tree")
    needed = {normalised(name) for name in re.findall(r"^([\w-]+)", setup["options"]["install_requires"], re.MULTILINE)}
    assert len(needed) > 20
    assert needed - own == set()


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_another_recipe_is_another_environment() -> None:
    text = REQUIREMENTS.read_text()
    assert environment_hash(text) == environment_hash(text) != environment_hash(text + "a==1\n")
    assert re.fullmatch("[0-9a-f]{12}", environment_hash(text))

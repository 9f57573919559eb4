"""The file of settings: faults with their lines, paths, and the example."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from monai_lungxfer.serving.dicom.settings import DicomDestination, NodeSettings
from monai_lungxfer.serving.dicom.settings_file import example_text, load_settings
from monai_lungxfer.utils.errors import LungXferError

DESTINATION = '[[destination]]\nname = "archive"\nkind = "dicom"\nhost = "127.0.0.1"\n'


def write(folder: Path, text: str) -> Path:
    path = folder / "node.toml"
    path.write_text(text, encoding="utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    """Return what is told of each fault, without the name of the file."""
    with pytest.raises(LungXferError) as caught:
        load_settings(write(folder, text))
    head, *rows = caught.value.problem.splitlines()
    assert head in ("1 fault in the settings", f"{len(rows)} faults in the settings")
    assert caught.value.source == str(folder / "node.toml")
    return [row.removeprefix("node.toml:") for row in rows]


def test_the_example_gives_every_setting_its_default() -> None:
    example = NodeSettings.model_validate(tomllib.loads(example_text()))
    (archive,) = example.destination
    assert archive == DicomDestination(name="archive", kind="dicom", host="127.0.0.1", port=4242, ae_title="ORTHANC")
    assert example == NodeSettings(destination=(archive,))


def test_the_example_names_every_setting_there_is(tmp_path: Path) -> None:
    """Also those that are commented out, which are valid and have their defaults."""
    text = re.sub(r"^#(?=[\w\[])", "", example_text(), flags=re.MULTILINE)
    settings = load_settings(write(tmp_path, text))
    content = tomllib.loads(text)
    for name, table in settings:
        if name == "destination":
            for given, destination in zip(content[name], table, strict=True):
                assert set(given) == set(type(destination).model_fields)
        elif hasattr(table, "model_fields"):
            assert set(content[name]) == set(type(table).model_fields), name
            required = {n: v for n, v in content[name].items() if type(table).model_fields[n].is_required()}
            optional = {"tls", "weights", "tracking_uri", "file", "folder"}  # None without the line, or made absolute
            default = type(table)(**required)
            assert table.model_dump(exclude=optional) == default.model_dump(exclude=optional)
    assert content.keys() == NodeSettings.model_fields.keys()


def test_a_file_without_anything_but_a_destination_is_enough(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, DESTINATION))
    assert settings.listen is not None
    assert settings.listen.host == "127.0.0.1"
    assert settings.spool.folder == tmp_path / "lungxfer-node"


def test_every_fault_is_told_with_its_line(tmp_path: Path) -> None:
    text = """\
listn = 1
jobs = "two"
[listen]
prot = 4
port = 99999
callers = [
  "A",
  "B\\\\C",
]
addresses = ["10.0.0.0/8", "10.1.2.3.4"]
[model]
engine = "tensorrt"
[[destination]]
name = "a b"
kind = "dicom"
hots = "x"
[[destination]]
kind = "ftp"
[spool]
keep_done_days = -1
"""
    assert faults(tmp_path, text) == [
        "1: listn is unknown; did you mean 'listen'? Rename or remove it",
        "2: jobs must be a whole number, but is 'two'",
        "4: listen.prot is unknown; did you mean 'port'? Rename or remove it",
        "5: listen.port must be less than or equal to 65535, but is 99999",
        "6: listen.callers[2] must be 1 to 16 ASCII characters, not all blank, without backslash, but is 'B\\\\C'",
        """10: listen.addresses[2] must be an address or a network, as in "10.1.2.0/24", but is '10.1.2.3.4'""",
        "12: model.engine must be 'auto', 'torch', 'onnx' or 'openvino', but is 'tensorrt'",
        "13: destination[1].host is missing; add it",
        "14: destination[1].name must be 1 to 32 letters, digits, - or _, but is 'a b'",
        "16: destination[1].hots is unknown; did you mean 'host'? Rename or remove it",
        '17: destination[2] has a kind that is unknown; use "dicom", "dicomweb" or "folder"',
        "20: spool.keep_done_days must be greater than or equal to 0, but is -1",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1: destination must have an entry"),
        ("destination = []\n", "1: destination must have an entry"),
        ('[destination]\nname = "a"\n', "1: destination must have an entry"),
        ("listen = 5\n" + DESTINATION, "1: listen must be a table of settings, as in [listen], but is 5"),
        ("listen = false\n" + DESTINATION, "1: the file names no source. Add [listen], [watch] or [poll]"),
        (DESTINATION + "[status]\nport = 11112\n", "6: status.port is that of [listen], 11112"),
        (DESTINATION + DESTINATION, "6: destination[2].name 'archive' is given twice"),
        (DESTINATION + '[poll]\nurl = "ftp://a"\n', "6: poll.url is refused: this is not a URL of a DICOMweb server"),
        (DESTINATION + '[poll]\nurl = "http://a"\ndays_back = 10\n', "7: poll.days_back must be less than 10 times"),
        (DESTINATION + '[watch]\nfolder = "lungxfer-node/in"\n', "6: watch.folder lies in spool.folder"),
    ],
)
def test_single_faults(tmp_path: Path, text: str, told: str) -> None:
    (found,) = faults(tmp_path, text)
    assert found.startswith(told)


def test_no_secret_is_repeated(tmp_path: Path) -> None:
    head = '[[destination]]\nname = "a"\nkind = "dicomweb"\n'
    (header,) = faults(tmp_path, head + 'url = "http://a"\nauthorization = "Basic dTpzZWNyZXQ="\n')
    assert header.startswith("5: destination[1].authorization must be the name of an environment variable")
    (password,) = faults(tmp_path, head + 'url = "http://user:hidden@a"\n')
    assert "password" in password
    assert "hidden" not in password
    assert "dTpzZWNyZXQ" not in header


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[listen\n", "not TOML: .*line 1"),
        (b"[listen]\nport = 1\nport = 2\n", "not TOML: .*line 3"),
        (b"a = 1\nb = '\xff'\n", "line 2 is not UTF-8"),
    ],
)
def test_what_is_not_toml_is_told_with_the_line(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "node.toml").write_bytes(content)
    with pytest.raises(LungXferError, match=told):
        load_settings(tmp_path / "node.toml")


def test_a_missing_file_leads_to_the_example(tmp_path: Path) -> None:
    with pytest.raises(LungXferError, match="--example"):
        load_settings(tmp_path / "none.toml")


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf" / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    text = '[model]\nbundle = "mine"\ntracking_uri = "sqlite:///mlflow.db"\n[log]\nfile = "/var/log/n"\n' + DESTINATION
    tls = '[destination.tls]\ncertificate = "a"\nkey = "../b"\nauthority = "~/c"\n'
    settings = load_settings(write(tmp_path / "conf", text + tls))
    assert settings.model.bundle == str(tmp_path / "conf" / "mine")
    assert settings.model.tracking_uri == f"sqlite:///{tmp_path}/conf/mlflow.db"
    assert settings.log.file == Path("/var/log/n")
    (archive,) = settings.destination
    assert isinstance(archive, DicomDestination)
    assert archive.tls is not None
    assert archive.tls.certificate == tmp_path / "conf" / "a"
    assert archive.tls.authority == Path.home() / "c"


def test_sources_and_status_can_be_switched_off(tmp_path: Path) -> None:
    text = 'listen = false\nstatus = false\n[watch]\nfolder = "in"\n' + DESTINATION
    settings = load_settings(write(tmp_path, text))
    assert settings.listen is None
    assert settings.status is None

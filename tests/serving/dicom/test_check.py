"""What `--check` finds: with a real archive and server, and where there is none."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
from orthanc_server import BASIC, free_port
from tls_certificates import make_certificates

from monai_lungxfer.serving.dicom.check import NodeCheck, check_node
from monai_lungxfer.serving.dicom.settings import NodeSettings

MODEL = {"bundle": "portable"}


def settings(folder: Path, **tables: Any) -> NodeSettings:
    content = {
        "listen": {"port": free_port()},
        "status": {"port": free_port()},
        "spool": {"folder": folder / "spool", "free_megabytes": 0},
        "destination": [{"name": "share", "kind": "folder", "folder": folder / "answers"}],
    }
    return NodeSettings.model_validate(content | tables)


@pytest.fixture
def checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Check settings without the model, which has a test of its own."""
    from monai_lungxfer.serving.dicom import check

    monkeypatch.setattr(check, "_check_model", lambda *_: "not loaded")

    def run(**tables: Any) -> dict[str, NodeCheck]:
        return {found.name: found for found in check_node(settings(tmp_path, **tables))}

    return run


def test_all_is_fine(checked: Any, orthanc: tuple[str, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    web, port = orthanc
    (tmp_path / "in").mkdir()
    monkeypatch.setenv("ARCHIVE_AUTHORIZATION", BASIC)
    monkeypatch.setenv("LUNGXFER_DICOMWEB_AUTHORIZATION", BASIC)
    kinds = ["segmentation", "overlay", "report", "presentation"]
    found = checked(
        watch={"folder": tmp_path / "in"},
        poll={"url": web},
        results={"kinds": kinds},
        destination=[
            {"name": "archive", "kind": "dicom", "host": "127.0.0.1", "port": port, "ae_title": "ORTHANC"},
            {"name": "web", "kind": "dicomweb", "url": web, "authorization": "ARCHIVE_AUTHORIZATION"},
            {"name": "share", "kind": "folder", "folder": tmp_path / "answers"},
        ],
    )
    assert {name: one.found for name, one in found.items() if not one.is_fine} == {}
    assert list(found) == [
        *("spool", "listen", "status", "watch", "poll"),
        *("destination archive", "destination web", "destination share", "model"),
    ]
    assert found["destination archive"].found == f"answers C-ECHO as ORTHANC, and takes {', '.join(kinds)}"
    assert found["destination web"].found.startswith("answers QIDO-RS")
    assert not (tmp_path / "spool").exists(), "who runs the check, such as root, may not be the node's user"
    assert not (tmp_path / "answers").exists()


def test_a_watched_folder_that_is_missing_is_not_made(checked: Any, tmp_path: Path) -> None:
    found = checked(watch={"folder": tmp_path / "not mounted"})["watch"]
    assert (found.is_fine, found.found) == (False, "is missing")
    assert not (tmp_path / "not mounted").exists()


def test_a_dead_port_and_a_wrong_title(checked: Any, orthanc: tuple[str, int]) -> None:
    archive = {"kind": "dicom", "host": "127.0.0.1", "timeout_seconds": 5}
    found = checked(
        destination=[
            archive | {"name": "dead", "port": free_port()},
            archive | {"name": "other", "port": orthanc[1], "ae_title": "WRONG"},
            {"name": "web", "kind": "dicomweb", "url": f"http://127.0.0.1:{free_port()}/dicom-web"},
            {"name": "unset", "kind": "dicomweb", "url": orthanc[0], "authorization": "NOT_SET_ANYWHERE"},
        ]
    )
    dead, other, web, unset = (found[f"destination {name}"] for name in ("dead", "other", "web", "unset"))
    assert not any(one.is_fine for one in (dead, other, web, unset))
    assert "cannot be reached" in dead.found
    assert "refuses the association" in other.found
    assert "WRONG" in (other.remedy or "")
    assert "no complete answer" in web.found
    assert "NOT_SET_ANYWHERE is not set" in unset.found


def test_what_is_wrong_with_tls(checked: Any, start: Any, tmp_path: Path) -> None:
    tls, stranger = make_certificates(tmp_path / "own"), make_certificates(tmp_path / "other")
    foreign = stranger | {"authority": tls["authority"]}
    expired = make_certificates(tmp_path / "expired", days=-1)
    archive = start(tmp_path / "a", listen={"port": free_port(), "tls": tls})
    old = start(tmp_path / "b", listen={"port": free_port(), "tls": expired})
    place = {"kind": "dicom", "host": "127.0.0.1", "ae_title": "LUNGXFER", "timeout_seconds": 5}
    found = checked(
        listen={"port": free_port(), "tls": tls | {"key": stranger["key"]}},
        results={"kinds": ["segmentation"]},
        destination=[
            place | {"name": "fine", "port": archive.receiver.port, "tls": tls},
            place | {"name": "refused", "port": archive.receiver.port, "tls": foreign},
            place | {"name": "unknown", "port": archive.receiver.port, "tls": stranger},
            place | {"name": "expired", "port": old.receiver.port, "tls": tls | {"authority": expired["authority"]}},
            place | {"name": "dead", "port": free_port(), "tls": tls},
        ],
    )
    assert found["listen"].found == "the certificates cannot be used (KEY_VALUES_MISMATCH)"
    fine, refused, unknown, old_one, dead = (found[name] for name in found if name.startswith("destination"))
    assert fine.is_fine
    assert refused.found == "does not agree on TLS (TLSV1_ALERT_UNKNOWN_CA)"
    assert unknown.found.startswith("shows a certificate that is not accepted (")
    assert old_one.found == "shows a certificate that is not accepted (certificate has expired)"
    assert dead.found == "the archive cannot be reached"


def test_what_is_not_a_server_of_dicomweb(checked: Any, orthanc: tuple[str, int]) -> None:
    """Without credentials, Orthanc answers 401."""
    os.environ.pop("LUNGXFER_DICOMWEB_AUTHORIZATION", None)
    found = checked(poll={"url": orthanc[0]})["poll"]
    assert not found.is_fine
    assert "401" in found.found


def test_ports_that_others_have(checked: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        found = checked(listen={"port": port}, status={"port": free_port()})["listen"]
        assert not found.is_fine
        assert "nothing can listen there (Address already in use)" in found.found
        found = checked(status={"port": port})["status"]
    assert not found.is_fine
    assert found.remedy == "End the other program, or change host and port in [status]"


def test_an_address_of_another_machine(checked: Any) -> None:
    found = checked(listen={"host": "192.0.2.1", "port": free_port()})["listen"]
    assert not found.is_fine


def test_a_full_disk_and_a_folder_that_is_a_file(checked: Any, tmp_path: Path) -> None:
    found = checked(spool={"folder": tmp_path / "spool", "free_megabytes": 10**9})["spool"]
    assert not found.is_fine
    assert "radiographs would be refused" in found.found
    (tmp_path / "file").touch()
    found = checked(destination=[{"name": "a", "kind": "folder", "folder": tmp_path / "file"}])["destination a"]
    assert not found.is_fine
    assert "cannot be written" in found.found
    assert str(tmp_path) not in found.found


def test_the_model_is_loaded_and_tried(tmp_path: Path) -> None:
    *_, model = check_node(settings(tmp_path))
    assert model.is_fine, model.found
    assert model.found.startswith("portable_cxr_lung_segmentation ")
    assert model.found.endswith("lung in a phantom, and makes segmentation, overlay, report of it")
    *_, missing = check_node(settings(tmp_path, model={"bundle": "nothing"}))
    assert not missing.is_fine
    assert "no such stage, bundle or folder" in missing.found

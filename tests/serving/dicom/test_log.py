"""The node's log: JSON, and nothing of a patient in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from dicom_radiograph import radiograph, write

from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.serving.dicom.log import configure_node_log
from monai_lungxfer.serving.dicom.settings import Log
from monai_lungxfer.utils.errors import InputFileError, OutputError

SECRETS = ("Secret", "Name", "SECRET-ID", "A1")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    root, own = logging.getLogger(), logging.getLogger("monai_lungxfer")
    before, levels = list(root.handlers), (root.level, own.level)
    path = tmp_path / "logs" / "node.log"
    configure_node_log(Log(file=path))
    yield path
    for handler in list(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = before
    root.setLevel(levels[0])
    own.setLevel(levels[1])
    logging.getLogger("pynetdicom").setLevel(logging.NOTSET)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_is_an_object_with_time_level_and_message(file: Path) -> None:
    logging.getLogger("monai_lungxfer.serving.dicom.worker").info("radiograph %d of\n%s", 3, "é", extra={"took": 1.5})
    logging.getLogger("monai_lungxfer.serving.dicom.worker").debug("too much")
    (line,) = lines(file)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "monai_lungxfer.serving.dicom.worker",
        "message": "radiograph 3 of\né",
        "took": 1.5,
    }


def test_libraries_that_quote_headers_are_not_quoted(file: Path, tmp_path: Path) -> None:
    logging.getLogger("pydicom").warning("Invalid value for VR PN: %s", "Secret^Name")
    logging.getLogger("pynetdicom.events").error("Secret^Name")
    logging.getLogger("pynetdicom").warning("Secret^Name")
    path = write(tmp_path / "Secret^Name.dcm", radiograph(AccessionNumber="Secret " * 9))
    read_radiograph(path)
    try:
        pydicom.dcmread(tmp_path / "Secret^Name-2.dcm")
    except OSError:
        logging.getLogger("monai_lungxfer.serving.dicom.worker").exception("radiograph %d", 1)
    text = file.read_text()
    assert not [secret for secret in SECRETS if secret in text]
    found = lines(file)
    assert found[0]["message"] == "pydicom: WARNING (text left out)"
    assert any("test_log.py" in place for place in found[-1]["traceback"])


def test_paths_and_names_of_images_are_left_out(file: Path) -> None:
    own = logging.getLogger("monai_lungxfer.inference.segmenter")
    own.warning("%s: %s", "ward/Secret^Name.dcm", "the header is wrong")
    own.warning("%s: %s", Path("/in/Secret^Name.dcm"), "so is this")
    own.warning("%s: %s", "radiograph 12", "it has no pixel spacing")
    error = InputFileError("is broken", source="/in/Secret^Name.dcm", remedy="Export it anew")
    logging.getLogger("monai_lungxfer.serving.dicom.worker").error("left out: %s", error)
    messages = [line["message"] for line in lines(file)]
    assert messages == [
        "(a path): the header is wrong",
        "(a path): so is this",
        "radiograph 12: it has no pixel spacing",
        "left out: is broken. Export it anew.",
    ]


def test_a_log_that_was_rotated_is_begun_anew(file: Path) -> None:
    own = logging.getLogger("monai_lungxfer.serving.dicom")
    own.info("before")
    file.rename(file.with_suffix(".1"))
    own.info("after")
    assert [line["message"] for line in lines(file)] == ["after"]


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        configure_node_log(Log(file=tmp_path / "file" / "node.log"))

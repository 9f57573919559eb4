"""Nothing that a file's header says is in what a command prints, logs or writes into its tables.

Each message of a library comes from a real call of it, on files whose every text is a marker.
"""

from __future__ import annotations

import logging
import shutil
import traceback
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from marked_files import MAKERS, MARK, UIDS
from PIL import Image
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.data.datalist import save_datalist
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.error_redaction import LIBRARY_MESSAGES
from monai_lungxfer.utils.errors import InputFileError

pytest.importorskip("highdicom")
NETWORK = "network_def={_target_: torch.nn.Conv2d, in_channels: 3, out_channels: 1, kernel_size: 1}"
PIECES = {MARK[start : start + 4] for start in range(len(MARK) - 3)} | {UIDS}  # a chunk's name in PNG is 4 letters


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for name, make in MAKERS.items():
        assert len(make(folder / name)) > 60
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "model.pt"
    torch.save({"weight": torch.full((1, 3, 1, 1), 10 / 3), "bias": torch.zeros(1)}, path)
    return path


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root, package = logging.getLogger(), logging.getLogger("monai_lungxfer")
    before = root.handlers[:], root.level, package.level
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])  # which forgets, unlike an assignment, what loggers have remembered
    package.setLevel(before[2])


def told(folder: Path, capfd: pytest.CaptureFixture[str], *words: object) -> str:
    """Return all that a command tells: on the terminal, also by libraries in C, in its log and in its tables."""
    command = ["--verbose", "--log-file", folder / "run.log", *words]
    result = CliRunner().invoke(app, [str(word) for word in command])
    assert result.exit_code == 1, result.stderr  # some files cannot be read
    tables = [file.read_text() for suffix in ("csv", "json") for file in (folder / "out").rglob(f"*.{suffix}")]
    return "\n".join([result.output, *capfd.readouterr(), (folder / "run.log").read_text(), *tables])


def leaks(text: str) -> list[str]:
    return [line for line in text.splitlines() if any(piece in line for piece in PIECES)]


def predicted(folder: Path, weights: Path, capfd: pytest.CaptureFixture[str], *words: object) -> str:
    model = ("--weights", weights, "--device", "cpu", "--set", NETWORK, "--set", "precision=float32")
    return told(folder, capfd, "predict", *words, "--out", folder / "out", *model)


@pytest.mark.parametrize(
    ("files", "options"),
    [
        ("dicom", ("--format", "dicom-seg", "--overlay")),
        ("dicom", ("--format", "nifti", "--any-view")),
        ("pictures", ("--format", "png", "--overlay")),
    ],
)
def test_predict(marked: Path, weights: Path, tmp_path: Path, capfd, files: str, options: tuple) -> None:
    text = predicted(tmp_path, weights, capfd, marked / files, *options)
    assert leaks(text) == []
    assert "(text left out)" in text or files == "pictures"


def test_debug(marked: Path, weights: Path, tmp_path: Path, capfd) -> None:
    lone = ("--debug", "predict", marked / "dicom" / "UI_00080016.dcm", "--format", "dicom-seg")
    result = CliRunner().invoke(app, [str(word) for word in (*lone, "--out", tmp_path / "out")])
    assert result.exit_code == 2
    assert leaks(result.output) == []


def test_libraries_do_quote_headers(marked: Path, weights: Path, tmp_path: Path, capfd, monkeypatch) -> None:
    """Or these tests would show nothing."""
    monkeypatch.setenv(LIBRARY_MESSAGES, "1")
    folder = tmp_path / "some"
    folder.mkdir()
    for name in ("UI_00080018", "PN_00100010", "cut"):
        shutil.copy(marked / "dicom" / f"{name}.dcm", folder)
    text = predicted(tmp_path, weights, capfd, folder, "--format", "dicom-seg")
    assert {piece for piece in (MARK, UIDS) if piece in text} == {MARK, UIDS}
    assert leaks((tmp_path / "run.log").read_text()) == []  # a file that is passed on


def test_errors_of_the_reader_can_be_shown_with_their_traceback(marked: Path) -> None:
    """As MONAI's own commands, notebooks and processes that load data show it."""
    shown = {}
    for file in sorted(marked.rglob("*.*")):
        try:
            read_radiograph(file)
        except InputFileError as error:
            shown[file.name] = "\n".join(traceback.format_exception(error))
    assert len(shown) > 50
    assert [(name, line) for name, text in shown.items() for line in leaks(text)] == []


@pytest.mark.parametrize("files", list(MAKERS))
def test_data_check_and_prepare(marked: Path, tmp_path: Path, capfd, files: str) -> None:
    mask = np.zeros((96, 112), np.uint8)
    mask[20:80, 15:50] = mask[20:80, 60:95] = 255
    raw = tmp_path / "raw" / "covid19"
    shutil.copytree(marked / files, raw / "images")
    (raw / "masks").mkdir()
    records = []
    for file in sorted((raw / "images").iterdir()):
        name = f"{file.stem}_{file.suffix[1:]}"
        image, label = file.rename(file.with_stem(name)), raw / "masks" / f"{name}.png"
        Image.fromarray(mask).save(label)
        records.append({"image": str(image), "label": str(label), "patient": str(len(records))})
    facts = ("--view", "AP Supine", "--license", "private", "--device", "none", "--mask-convention", "v7")
    words = ("data", "prepare", "folder", "--raw", raw.parent, "--out", tmp_path / "out", *facts)
    assert leaks(told(tmp_path, capfd, *words)) == []
    save_datalist(records, tmp_path / "datalist.json")
    assert leaks(told(tmp_path, capfd, "data", "check", tmp_path / "datalist.json")) == []

"""A file that ends the process is found and skipped, and no other file is lost for it."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bright_segmenter import bright_segmenter
from ending_transform import EndingTransform
from radiograph_folder import files_in, save_radiograph

from monai_lungxfer.inference import trial
from monai_lungxfer.inference.batch import predict_files
from monai_lungxfer.inference.engines.torch_engine import TorchEngine
from monai_lungxfer.inference.inputs import InputFile, find_inputs
from monai_lungxfer.inference.outputs import OutputOptions, plan
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.utils.errors import OutputError

WIDE = 150  # of the radiograph that ends the process


class Died(BaseException):
    """What nothing in the package expects, so that the journal stays as a dead process leaves it."""


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory) -> Segmenter:
    whole = bright_segmenter(tmp_path_factory.mktemp("weights"))
    ending = EndingTransform(whole.engine._parts.preprocessing, WIDE)
    return Segmenter(TorchEngine(dataclasses.replace(whole.engine._parts, preprocessing=ending)), whole.identity)


@pytest.fixture
def found(tmp_path: Path) -> list[InputFile]:
    for number in range(3):
        save_radiograph(tmp_path / "in" / f"x{number}.png", width=WIDE if number == 1 else 80 + number)
    return find_inputs([tmp_path / "in"])


@pytest.fixture(autouse=True)
def _helpers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1] / "helpers"))  # for the other process


def die(segmenter: Segmenter, found: list[InputFile], out: Path, error: BaseException, **how: Any) -> None:
    """Run until a batch is loaded, and end there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Segmenter, "load", lambda *_, **__: pytest.fail("read") if how.get("resume") else None)
        patch.setattr("monai_lungxfer.inference.task_run._load", lambda *_: None)
        patch.setattr("monai_lungxfer.inference.task_run._batch_done", lambda *_: (_ for _ in ()).throw(error))
        with pytest.raises(type(error)):
            predict_files(segmenter, found, out, **how)


def noted(out: Path) -> list[Any]:
    lines = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    return [line["in_work"] for line in lines if "in_work" in line]


def statuses(rows: list[Prediction]) -> list[str]:
    return [row.status for row in rows]


def test_the_file_that_ends_the_process_is_skipped_and_the_rest_is_done(
    segmenter: Segmenter, found: list[InputFile], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    die(segmenter, found, out, Died())
    assert noted(out) == [{f"x{number}.png": 0} for number in range(3)]
    seen = []
    rows = predict_files(segmenter, found, out, resume=True, on_done=seen.append)
    assert statuses(rows) == ["done", "skipped", "done"]
    assert seen == rows
    assert rows[1].reason.startswith("the process that worked on it alone was ended (SIGKILL). Export it anew")
    assert "x1.png was skipped: the process" in caplog.text
    names = ["predictions.csv", "predictions.json", "predictions.jsonl", "x0_mask.png", "x2_mask.png"]
    assert files_in(out) == names

    with pytest.MonkeyPatch.context() as patch:  # nothing is tried again that has not changed
        patch.setattr(Segmenter, "load", lambda *_, **__: pytest.fail("read again"))
        assert predict_files(segmenter, found, out, resume=True) == rows
    save_radiograph(tmp_path / "in" / "x1.png", width=90)
    assert statuses(predict_files(segmenter, found, out, resume=True)) == ["done"] * 3


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let no other process be started; the names of the files that are tried one by one."""
    names = []

    def begin(segmenter: Segmenter, tasks: Any, *_: object) -> Iterator[None]:
        yield None

    monkeypatch.setattr(trial, "_process", trial.contextmanager(begin))
    real = trial.segment_tasks

    def segment(segmenter: Segmenter, tasks: Any, *rest: Any) -> Iterator[Prediction]:
        names.append(tasks[0].item.name)
        if tasks[0].item.name == "x1.png":
            raise Died
        yield from real(segmenter, tasks, *rest)

    monkeypatch.setattr(trial, "segment_tasks", segment)
    return names


def test_where_the_run_dies_with_it_a_file_is_skipped_the_third_time(
    segmenter: Segmenter, found: list[InputFile], tmp_path: Path, alone: list[str]
) -> None:
    out = tmp_path / "out"
    die(segmenter, found, out, Died())
    for expected in (["x0.png", "x1.png"], ["x1.png"]):  # what was done alone is in the journal
        alone.clear()
        with pytest.raises(Died):
            predict_files(segmenter, found, out, resume=True)
        assert alone == expected
    alone.clear()
    rows = predict_files(segmenter, found, out, resume=True)
    assert statuses(rows) == ["done", "skipped", "done"]
    assert alone == ["x2.png"]
    assert "each time that it was tried" in rows[1].reason


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), OutputError("disk full")], ids=repr)
def test_no_file_is_suspected_when_the_run_is_ended_in_order(
    segmenter: Segmenter, found: list[InputFile], tmp_path: Path, alone: list[str], error: BaseException
) -> None:
    found = [found[0], found[2]]
    die(segmenter, found, tmp_path / "out", error)
    assert statuses(predict_files(segmenter, found, tmp_path / "out", resume=True)) == ["done"] * 2
    assert alone == []


def test_an_error_that_nobody_expected_makes_suspects_too(
    segmenter: Segmenter, found: list[InputFile], tmp_path: Path, alone: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    found = [found[0], found[2]]
    die(segmenter, found, tmp_path / "out", ZeroDivisionError())
    with caplog.at_level(logging.WARNING):
        assert statuses(predict_files(segmenter, found, tmp_path / "out", resume=True)) == ["done"] * 2
    assert alone == ["x0.png", "x2.png"]
    assert "Files that were in work when the last run was ended, and are tried one by one: 2" in caplog.text


def test_a_suspect_that_is_no_input_this_time_stays_one(
    segmenter: Segmenter, found: list[InputFile], tmp_path: Path, alone: list[str]
) -> None:
    out = tmp_path / "out"
    die(segmenter, found, out, Died())
    predict_files(segmenter, found[2:], out, resume=True)
    assert noted(out)[0] == {f"x{number}.png": 0 for number in range(3)}
    with pytest.raises(Died):
        predict_files(segmenter, found, out, resume=True)
    assert alone == ["x2.png", "x0.png", "x1.png"]


def test_a_disk_that_is_full_for_the_other_process_ends_the_run(found: list[InputFile]) -> None:
    (task,) = plan(found[:1], OutputOptions())
    with pytest.raises(OutputError, match=r"x_mask\.png: cannot be written"):
        trial._restored({"output_error": ["cannot be written", "x_mask.png", "Free space"]}, task)


def test_what_cannot_be_sent_is_done_here(
    segmenter: Segmenter, found: list[InputFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmenter, "made_here", lambda: None, raising=False)
    monkeypatch.setattr(trial.subprocess, "Popen", lambda *_, **__: pytest.fail("sent"))
    die(segmenter, found[2:], tmp_path / "out", Died())
    assert statuses(predict_files(segmenter, found[2:], tmp_path / "out", resume=True)) == ["done"]

"""The journal: what it keeps, and when it refuses to go on."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.inference.journal import Journal
from monai_lungxfer.inference.measurements import measure
from monai_lungxfer.inference.outputs import OutputOptions, plan
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.utils.errors import OutputError

MODEL = ModelIdentity("portable", "0.1.0", "ab" * 32, ("threshold=0.4",))


def done(folder: Path, name: str) -> Prediction:
    (folder / f"{name}.png").write_bytes(b"radiograph")
    (folder / f"{name}_mask.png").write_bytes(b"mask")
    mask = np.zeros((20, 30), np.uint8)
    mask[4:9, 3:12] = 1
    measurements = measure(mask, mask.astype(np.float32), (0.2, 0.3))
    return Prediction(
        file=f"{name}.png",
        mask=f"{name}_mask.png",
        spacing=(0.2, 0.3),
        measurements=measurements,
        flags=("asymmetric",),
        remarks=("its window was left out",),
    )


def journal_in(folder: Path, *names: str, inputs: Path | None = None) -> Journal:
    tasks = plan([InputFile((inputs or folder) / name, name) for name in names], OutputOptions())
    return Journal(folder, MODEL, OutputOptions(), tasks)


def begun(folder: Path, *predictions: Prediction) -> Journal:
    names = [prediction.file for prediction in predictions]
    journal = journal_in(folder, *names)
    journal.open({})
    for prediction in predictions:
        journal.add(prediction)
    journal.close()
    return journal_in(folder, *names)


def test_done_rows_come_back_as_they_were_and_others_are_tried_again(tmp_path: Path) -> None:
    row = done(tmp_path, "a")
    others = [Prediction(file="b.png", status=status, reason="is empty.") for status in ("skipped", "left out")]
    assert begun(tmp_path, row, *others).done() == {"a.png": row}


def test_a_journal_of_a_version_without_remarks_and_strict(tmp_path: Path) -> None:
    row = done(tmp_path, "a")
    journal = begun(tmp_path, row)
    lines = [json.loads(line) for line in journal.path.read_text().splitlines()]
    del lines[0]["options"]["strict"], lines[1]["remarks"]
    journal.path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert journal.done() == {"a.png": dataclasses.replace(row, remarks=())}


def test_without_a_journal_nothing_is_done(tmp_path: Path) -> None:
    assert Journal(tmp_path, MODEL, OutputOptions()).done() == {}


def test_half_a_line_and_a_lost_mask_are_to_be_done_again(tmp_path: Path) -> None:
    journal = begun(tmp_path, done(tmp_path, "a"), done(tmp_path, "b"), done(tmp_path, "c"))
    text = journal.path.read_text()
    journal.path.write_text(text[:-40])  # the power went while c was written
    (tmp_path / "a_mask.png").unlink()
    assert list(journal.done()) == ["b.png"]


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (dataclasses.replace(MODEL, weights_sha256="cd" * 32), OutputOptions()),
        (MODEL, OutputOptions(mask_format="nifti")),
    ],
)
def test_another_model_or_format_is_refused(tmp_path: Path, model: ModelIdentity, options: OutputOptions) -> None:
    begun(tmp_path, done(tmp_path, "a"))
    with pytest.raises(OutputError, match="another model or other options"):
        Journal(tmp_path, model, options).done()


def test_what_is_kept_stands_in_the_new_journal(tmp_path: Path) -> None:
    journal = begun(tmp_path, done(tmp_path, "a"))
    kept = journal.done()
    row = done(tmp_path, "b")
    journal = journal_in(tmp_path, "b.png")
    assert journal.done() == kept  # though it is no input this time
    journal.open(kept)
    journal.add(row)
    journal.close()
    journal = journal_in(tmp_path, "a.png", "b.png")
    assert list(journal.done()) == ["a.png", "b.png"]


def test_a_crash_while_the_journal_is_begun_anew_loses_nothing(tmp_path: Path, monkeypatch) -> None:
    journal = begun(tmp_path, done(tmp_path, "a"), done(tmp_path, "b"))
    kept = journal.done()
    monkeypatch.setattr("pathlib.Path.write_text", lambda *arguments, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        journal.open(kept)
    assert journal.done() == kept


def test_names_with_separators_of_other_alphabets_stay_on_one_line(tmp_path: Path) -> None:
    row = done(tmp_path, "a\u2028b\x85c")
    assert begun(tmp_path, row).done() == {row.file: row}


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "predictions.jsonl").write_text("no JSON\n")
    with pytest.raises(OutputError, match="not a journal"):
        Journal(tmp_path, MODEL, OutputOptions()).done()


@pytest.mark.parametrize(
    "change",
    [
        [1, 2],
        7,
        "text",
        None,
        {},
        {"flags": 5},
        {"mask": 5},
        {"file": []},
        {"measurements": {}},
        {"measurements": 5},
        {"spacing": 5},
        {"unknown": 5},
    ],
    ids=str,
)
@pytest.mark.parametrize("number", [0, 1])
def test_lines_of_another_form_are_refused(tmp_path: Path, change: Any, number: int) -> None:
    journal = begun(tmp_path, done(tmp_path, "a"))
    lines = [json.loads(line) for line in journal.path.read_text().splitlines()]
    lines[number] = lines[number] | change if isinstance(change, dict) and change else change
    journal.path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(OutputError, match="not a journal, or is damaged" if number else "not a journal|another model"):
        journal.done()


@pytest.mark.parametrize("change", ["size", "time"])
def test_another_image_of_the_same_name_is_to_be_done(tmp_path: Path, change: str) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    out.mkdir()
    other.mkdir()
    begun(out, done(out, "a"), done(out, "b"))
    for name in ("a.png", "b.png"):
        time = (out / name).stat().st_mtime_ns
        (other / name).write_bytes(b"radiograph")
        os.utime(other / name, ns=(time, time))
    assert list(journal_in(out, "a.png", "b.png", inputs=other).done()) == ["a.png", "b.png"]  # moved, but the same
    time = (other / "a.png").stat().st_mtime_ns
    (other / "a.png").write_bytes(b"another radiograph" if change == "size" else b"radiosonde")
    time += 0 if change == "size" else 1_000_000_000
    os.utime(other / "a.png", ns=(time, time))
    assert list(journal_in(out, "a.png", "b.png", inputs=other).done()) == ["b.png"]


def test_an_input_that_changed_while_another_run_left_it_out_is_to_be_done(tmp_path: Path) -> None:
    begun(tmp_path, done(tmp_path, "a"))
    between = journal_in(tmp_path)
    between.open(between.done())
    between.close()
    (tmp_path / "a.png").write_bytes(b"another radiograph")
    assert journal_in(tmp_path, "a.png").done() == {}


def test_lines_without_size_and_time_are_not_trusted(tmp_path: Path) -> None:
    journal = begun(tmp_path, done(tmp_path, "a"))
    head, line = map(json.loads, journal.path.read_text().splitlines())
    size, time = (line.pop(name) for name in ("input_size", "input_mtime_ns"))
    status = (tmp_path / "a.png").stat()
    assert (size, time) == (status.st_size, status.st_mtime_ns)
    journal.path.write_text("".join(json.dumps(values) + "\n" for values in (head, line)))
    assert journal.done() == {}


def test_the_journal_holds_no_path(tmp_path: Path) -> None:
    assert str(tmp_path) not in begun(tmp_path, done(tmp_path, "a")).path.read_text()


def test_a_result_that_another_input_would_get_now_is_to_be_made_again(tmp_path: Path) -> None:
    begun(tmp_path, done(tmp_path, "a"), done(tmp_path, "b"))
    assert list(journal_in(tmp_path, "a.png", "a", "b.png").done()) == ["b.png"]  # a_mask.png is that of "a"
    assert list(journal_in(tmp_path, "A.jpg").done()) == ["b.png"]  # it replaces a_mask.png on some file systems
    assert list(journal_in(tmp_path, "c.png").done()) == ["a.png", "b.png"]


def test_another_image_with_the_same_name_size_and_time_is_to_be_done(tmp_path: Path) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    out.mkdir()
    other.mkdir()
    begun(out, done(out, "a"), done(out, "b"))
    for name, content in (("a.png", b"radiograph"), ("b.png", b"radiogroph")):
        time = (out / name).stat().st_mtime_ns
        (other / name).write_bytes(content)
        os.utime(other / name, ns=(time, time))
    assert list(journal_in(out, "a.png", "b.png", inputs=other).done()) == ["a.png"]


def test_a_file_that_was_replaced_while_it_was_in_work_is_to_be_done_again(tmp_path: Path) -> None:
    row = done(tmp_path, "a")
    journal = journal_in(tmp_path, "a.png")
    journal.open({})
    time = (tmp_path / "a.png").stat().st_mtime_ns
    (tmp_path / "new").write_bytes(b"radiogroph")
    os.utime(tmp_path / "new", ns=(time, time))
    (tmp_path / "new").replace(tmp_path / "a.png")
    journal.add(row)
    journal.close()
    assert journal_in(tmp_path, "a.png").done() == {}


@pytest.mark.parametrize("line", [{"in_work": 5}, {"in_work": ["a"]}, {"in_work": {"a": "b"}}], ids=str)
def test_notes_of_another_form_are_refused(tmp_path: Path, line: dict[str, Any]) -> None:
    journal = begun(tmp_path)
    with journal.path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    with pytest.raises(OutputError, match="not a journal, or is damaged"):
        journal.done()


def test_what_is_in_work_is_suspect_until_it_is_done_or_acquitted(tmp_path: Path) -> None:
    rows = [done(tmp_path, name) for name in "abc"]
    names = [row.file for row in rows]
    tasks = plan([InputFile(tmp_path / name, name) for name in names], OutputOptions())
    journal = journal_in(tmp_path, *names)
    journal.open({})
    assert list(journal.noted(tasks)) == tasks
    journal.note(tasks[2], 1)
    journal.add(rows[0])
    again = journal_in(tmp_path, *names)
    assert list(again.done()) == ["a.png"]
    assert again.suspects == {"b.png": 0, "c.png": 1}
    journal.acquit()
    journal.close()
    again = journal_in(tmp_path, *names)
    again.done()
    assert again.suspects == {}


def test_a_suspect_stays_one_when_its_trial_is_interrupted(tmp_path: Path) -> None:
    (task,) = plan([InputFile(tmp_path / "a.png", "a.png")], OutputOptions())
    journal = journal_in(tmp_path, "a.png")
    journal.open({})
    journal.note(task)
    journal.close()
    journal = journal_in(tmp_path, "a.png")
    journal.open(journal.done())
    journal.note(task, 1)
    journal.acquit()
    journal.close()
    journal = journal_in(tmp_path, "a.png")
    journal.done()
    assert journal.suspects == {"a.png": 0}

"""The journal: what it keeps, and when it refuses to go on."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from monai_lungxfer.errors import OutputError
from monai_lungxfer.prediction.journal import Journal
from monai_lungxfer.prediction.outputs import OutputOptions
from monai_lungxfer.prediction.quality import measure
from monai_lungxfer.prediction.segmenter import ModelIdentity
from monai_lungxfer.prediction.tables import Prediction

MODEL = ModelIdentity("portable", "0.1.0", "ab" * 32, ("threshold=0.4",))


def done(folder: Path, name: str) -> Prediction:
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
    )


def begun(folder: Path, *predictions: Prediction) -> Journal:
    journal = Journal(folder, MODEL, OutputOptions())
    journal.open({})
    for prediction in predictions:
        journal.add(prediction)
    journal.close()
    return Journal(folder, MODEL, OutputOptions())


def test_done_rows_come_back_as_they_were_and_others_are_tried_again(tmp_path: Path) -> None:
    row = done(tmp_path, "a")
    others = [Prediction(file="b.png", status=status, reason="is empty.") for status in ("skipped", "left out")]
    assert begun(tmp_path, row, *others).done() == {"a.png": row}


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
    journal.open(kept)
    journal.add(done(tmp_path, "b"))
    journal.close()
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
    with pytest.raises(OutputError, match="no journal"):
        Journal(tmp_path, MODEL, OutputOptions()).done()

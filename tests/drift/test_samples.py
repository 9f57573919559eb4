"""Tables of predictions and a node's journal, as samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reviewed_run import write_radiographs, write_run

from monai_lungxfer.drift.samples import read_sample
from monai_lungxfer.inference.review.results import read_results
from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.journal_rows import Arrival
from monai_lungxfer.utils.errors import InputFileError


def test_a_table_gives_the_numbers_of_its_rows(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    found = read_sample(folder)
    rows = [row for row in read_results(folder).rows if row["status"] == "done"]
    assert (found.images, found.files) == (4, 6)
    for name in ("share", "lung_cm2", "dice_expected", "confidence"):
        wanted = [row[name] for row in rows if row[name] is not None]
        np.testing.assert_allclose(found.values[name], wanted)
    ratios = [row["right_lung_px"] / row["left_lung_px"] for row in rows if row["left_lung_px"]]
    np.testing.assert_allclose(found.values["side_ratio"], ratios)
    flags = {"bridge": 1, "low_confidence": 1, "empty": 1, "area_out_of_range": 1}
    assert dict(found.counts) == flags | {"skipped": 1, "left out": 1}
    assert found.models == {read_results(folder).model}
    assert read_sample(folder / "predictions.csv").values.keys() == found.values.keys()
    assert "noise" not in found.values


@pytest.mark.parametrize(
    ("column", "value", "refused"), [("left_lung_px", "0", False), ("share", "nan", True), ("height", "0", True)]
)
def test_zeros_and_what_is_no_number(tmp_path: Path, column: str, value: str, refused: bool) -> None:
    row = {"file": "a.png", "status": "done", "flags": "", "model": "m", "share": "0.3", "width": "4", "height": "8"}
    row |= {"right_lung_px": "5", "left_lung_px": "2", column: value}
    table = tmp_path / "predictions.csv"
    table.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    if refused:
        with pytest.raises(InputFileError, match="damaged"):
            read_sample(table)
    else:
        assert "side_ratio" not in read_sample(table).values


def test_images_add_grey_values_as_far_as_they_can_be_read(tmp_path: Path) -> None:
    folder, images = write_run(tmp_path / "run"), write_radiographs(tmp_path / "images")
    found = read_sample(folder, images)
    assert found.unread == 1  # of b.png there is none
    assert found.values["noise"].size == found.values["grey_mean"].size == 3
    with pytest.raises(InputFileError, match="none of the radiographs"):
        read_sample(folder, tmp_path)


def test_a_journal_gives_flags_and_failures(tmp_path: Path) -> None:
    journal = NodeJournal(tmp_path)
    for number in range(4):
        reason = "is a lateral view" if number == 3 else None
        journal.add(Arrival(f"{number}.dcm", f"1.2.{number}", "", str(number), "store", reason))
    first, second, third = journal.claim(3)
    journal.finish(first.number, model="m", flags=["island", "bridge"], destinations=[])
    journal.finish(second.number, model="m", flags=[], destinations=[])
    journal.fail(third.number, "cannot be read")
    journal.close()
    found = read_sample(tmp_path)
    assert (found.images, found.files, found.models) == (2, 4, frozenset({"m"}))
    assert dict(found.counts) == {"island": 1, "bridge": 1, "skipped": 1, "left out": 1}
    with pytest.raises(InputFileError, match="names no images"):
        read_sample(tmp_path, tmp_path)


@pytest.mark.parametrize("content", [None, "a,b\n1,2\n", "file,status,flags,model,share\nx.png,done,,m,wide\n"])
def test_what_is_no_table_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "predictions.csv").write_text(content)
    with pytest.raises(InputFileError, match=r"predictions\.csv: "):
        read_sample(tmp_path)

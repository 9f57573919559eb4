"""Marks as a table: written, read, and refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_lungxfer.inference.review.marks import ReviewMark, read_marks, write_marks
from monai_lungxfer.utils.errors import InputFileError
from monai_lungxfer.utils.file_stamp import sample_file

MARKS = [
    ReviewMark("ward/a.png", "accept", "", "model 1", "2026-01-31T09:30:00Z"),
    ReviewMark("=b.png", "correct", 'lower, "left"\nlobe', "model 1", "2026-01-31T09:31:00Z"),
    ReviewMark("c.png", "", "a note alone", "model 1", "2026-01-31T09:32:00Z"),
]


def test_marks_survive_csv_and_json(tmp_path: Path) -> None:
    write_marks(tmp_path / "review.csv", MARKS)
    assert list(read_marks(tmp_path / "review.csv").values()) == MARKS
    assert "'=b.png" in (tmp_path / "review.csv").read_text()
    (tmp_path / "review.json").write_text(json.dumps({"marks": [vars(mark) for mark in MARKS]}))
    assert read_marks(tmp_path / "review.json") == {mark.file: mark for mark in MARKS}


def test_the_later_mark_of_a_file_counts(tmp_path: Path) -> None:
    later, earlier = ReviewMark("a", "reject", time="2026-02"), ReviewMark("a", "accept", time="2026-01")
    write_marks(tmp_path / "review.csv", [later, earlier])
    assert read_marks(tmp_path / "review.csv") == {"a": later}
    write_marks(tmp_path / "review.csv", [ReviewMark("a", "accept"), ReviewMark("a", "correct")])
    assert read_marks(tmp_path / "review.csv")["a"].mark == "correct"


def test_a_table_of_two_columns_from_a_spreadsheet_is_enough(tmp_path: Path) -> None:
    (tmp_path / "review.csv").write_bytes(b"\xef\xbb\xbffile,mark\r\na.png,reject\r\n")
    assert read_marks(tmp_path / "review.csv") == {"a.png": ReviewMark("a.png", "reject")}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("review.csv", "file,mark\na.png,good\n"),
        ("review.csv", "file;mark\na.png;reject\n"),
        ("review.csv", "file,mark\na.png\n"),
        ("review.json", "[]"),
        ("review.json", '{"marks": [{"file": 1, "mark": "accept"}]}'),
        ("review.json", '{"marks": '),
    ],
)
def test_what_holds_no_marks_is_refused(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputFileError, match=r"holds no marks.*review\.csv"):
        read_marks(tmp_path / name)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="no such file"):
        read_marks(tmp_path / "review.csv")


def test_a_mark_with_a_hash_fits_its_own_file_alone(tmp_path: Path) -> None:
    own, other = tmp_path / "a.png", tmp_path / "b.png"
    own.write_bytes(b"one radiograph")
    other.write_bytes(b"another one")
    mark = ReviewMark("a.png", "accept", input_sample=sample_file(own) or "")
    assert mark.fits(own)
    assert not mark.fits(other)
    assert not mark.fits(tmp_path / "missing.png")
    assert ReviewMark("a.png", "accept").fits(other)  # it does not say which file it is of

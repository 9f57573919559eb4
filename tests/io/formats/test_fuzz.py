"""Broken files of every format end in a radiograph or in an error of ours: a short run, the same every time.

`scripts/fuzz_reader.py` does the long one.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

pytest.importorskip("pydicom", minversion="3", reason="pydicom 2 cannot write most of the encodings")

from fuzz_meaning import REFUSED, REMARKED, RIGHT, SILENT, broken_header, end_of, meaning_seeds
from fuzz_mutations import mutated
from fuzz_outcome import FindingError, outcome
from fuzz_seeds import FORMATS, seeds

from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.utils.errors import InputFileError

HEADERS = 400
INPUTS = 250  # of each format; all eleven take some twenty seconds


@pytest.mark.parametrize("name", FORMATS)
def test_broken_files(name: str, tmp_path: Path) -> None:
    results = []
    for number in range(INPUTS):
        (tmp_path / "file").write_bytes(mutated(name, seeds(name), Random(number)))
        results.append(outcome(tmp_path / "file"))
    assert results.count("read") > INPUTS // 20
    assert results.count("refused") > INPUTS // 5


@pytest.mark.parametrize("name", FORMATS)
def test_seeds_are_valid(name: str, tmp_path: Path) -> None:
    assert len(seeds(name)) > 6
    for content in seeds(name):
        (tmp_path / "file").write_bytes(content)
        assert outcome(tmp_path / "file") == "read"


def test_broken_headers_mean_the_same_radiograph(tmp_path: Path) -> None:
    ends = []
    for number in range(HEADERS):
        (tmp_path / "file").write_bytes(broken_header(Random(number)))
        ends.append(end_of(tmp_path / "file"))
    assert ends.count(SILENT) == 0
    assert min(ends.count(end) for end in (RIGHT, REMARKED, REFUSED)) > HEADERS // 5


def test_other_pictures_are_found_out(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for content in meaning_seeds():
        file.write_bytes(content)
        assert end_of(file) == RIGHT
    plain = meaning_seeds()[0]
    for wrong in (plain[:-6000] + bytes(6000), plain.replace(b"MONOCHROME2 ", b"MONOCHROME1 ")):
        file.write_bytes(wrong)
        assert end_of(file) == SILENT


def test_the_same_seed_breaks_alike() -> None:
    for name in FORMATS:
        first, again, other = (mutated(name, seeds(name), Random(seed)) for seed in (1, 1, 2))
        assert first == again != other


@pytest.mark.parametrize(
    ("result", "finding"),
    [
        (ZeroDivisionError("x"), "ZeroDivisionError: x"),
        (InputFileError("is damaged", source="elsewhere", remedy="Copy it"), "the error says too little"),
        (InputFileError("is damaged"), "the error says too little"),
        ("nan", "radiograph's values cannot be"),
        ("cube", "radiograph's shape cannot be"),
    ],
)
def test_findings_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, result: Exception | str, finding: str
) -> None:
    import fuzz_outcome
    import numpy as np

    radiographs = {
        "nan": Radiograph(np.full((40, 60), np.nan, np.float32), "png"),
        "cube": Radiograph(np.zeros((2, 40, 60), np.float32), "png"),
    }

    def read(path: Path, channels: str, *, any_view: bool) -> Radiograph:
        if isinstance(result, Exception):
            raise result
        return radiographs[result]

    monkeypatch.setattr(fuzz_outcome, "read_radiograph", read)
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(FindingError, match=finding):
        outcome(tmp_path / "file")

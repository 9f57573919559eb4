"""The files that `scripts/experiments/measure_damage.py` damages, and its table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from damaged_files import FORMATS, IN_BYTES, IN_PICTURE, SUFFIXES
from measure_damage import dice, table

from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.synthetic.chest import chest_radiograph


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return chest_radiograph(np.random.default_rng(0), 96, 112, "normal")[0]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read(tmp_path: Path, picture: np.ndarray, kind: str) -> None:
    file = tmp_path / f"x{SUFFIXES.get(kind, '')}"
    file.write_bytes(FORMATS[kind](picture))
    found = read_radiograph(file)
    assert (found.pixels.shape, found.is_damaged) == (picture.shape, False)
    assert np.corrcoef(found.pixels.ravel(), picture.ravel())[0, 1] > 0.99


def test_faults_change_something_and_repeat_themselves(picture: np.ndarray) -> None:
    other = picture[::-1]
    for alter in IN_PICTURE.values():
        first, again = (alter(picture, other, np.random.default_rng(1)) for _ in range(2))
        assert first.shape == picture.shape
        assert np.array_equal(first, again)
        assert not np.array_equal(first, picture)
    data = FORMATS["BMP"](picture)
    for change in IN_BYTES.values():
        first, again = (change(data, FORMATS["BMP"](other), np.random.default_rng(1)) for _ in range(2))
        assert first == again != data


def test_the_table_counts_what_is_silent() -> None:
    ends = [
        {"end": "refused"},
        {"end": "read", "dice": 0.9, "flags": [], "remarks": []},
        {"end": "read", "dice": 0.1, "flags": ["empty"], "remarks": []},
        {"end": "read", "dice": 0.1, "flags": [], "remarks": ["text"]},
        {"end": "read", "dice": 0.79, "flags": [], "remarks": []},
    ]
    rows = pd.DataFrame([{"format": "PNG", **end} for end in ends])
    assert list(table(rows, "format"))[2:] == [
        f"| {name} | 5 | 1 | 0 | 4 | 3 | 1 | 1 | 1 (33.3%) |" for name in ("PNG", "all")
    ]


def test_a_mask_of_another_size_is_wrong(picture: np.ndarray) -> None:
    class Found:
        mask = (picture > 99).astype(np.uint8)

    same = np.packbits(Found.mask), Found.mask.shape
    assert dice(Found(), same) == 1
    assert dice(Found(), (same[0], (1, 1))) == 0

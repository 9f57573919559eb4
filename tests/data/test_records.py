"""Masks of different conventions are not mixed unknowingly."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.data.checks import ProblemKind, check_datalist
from monai_lungxfer.data.datalist import load_datalist, save_datalist
from monai_lungxfer.data.records import check_mask_conventions
from monai_lungxfer.data.splits import ensure_split
from monai_lungxfer.utils.errors import DatalistError


@pytest.fixture
def mixed(tmp_path):
    """A data set in which records 2, 4 and 5 differ from record 1, and record 0 states nothing."""
    records = []
    for index, convention in enumerate((None, "v7", "scr", "v7", "montgomery", "scr")):
        image, label = tmp_path / f"{index}.png", tmp_path / f"{index}_mask.png"
        Image.fromarray(np.random.default_rng(index).integers(0, 255, (33, 41), dtype=np.uint8)).save(image)
        Image.fromarray(np.eye(33, 41, dtype=np.uint8) * 255).save(label)
        record = {"image": str(image), "label": str(label), "patient": f"p{index}"}
        records.append(record | ({"mask_convention": convention} if convention else {}))
    save_datalist(records, tmp_path / "datalist.json")
    return tmp_path


def test_mixture_is_refused_unless_asked_for(mixed):
    records = load_datalist(mixed)
    with pytest.raises(DatalistError, match=r"conventions montgomery, scr, v7.*--allow-mixed-masks"):
        check_mask_conventions(records, source=mixed)
    check_mask_conventions(records, allow_mixed=True, source=mixed)


def test_one_convention_and_none_stated_pass(mixed):
    records = load_datalist(mixed)
    check_mask_conventions([records[0], records[1], records[3]], source=mixed)
    del records[2]["label"]  # an image without a mask cannot mix anything
    check_mask_conventions(records[:4], source=mixed)


def test_training_is_refused_until_a_split_was_made_on_purpose(mixed):
    file = mixed / "split.json"
    with pytest.raises(DatalistError, match="mixes masks"):
        ensure_split(mixed, file, seed=0)
    assert not file.exists()
    made = ensure_split(mixed, file, seed=0, allow_mixed_masks=True)
    assert ensure_split(mixed, file, seed=0).hash == made.hash


def test_check_reports_each_further_convention_once(mixed):
    records = load_datalist(mixed)
    problems = check_datalist(records)
    assert [(problem.record, problem.kind) for problem in problems] == [
        (2, ProblemKind.MIXED_MASKS),
        (4, ProblemKind.MIXED_MASKS),
    ]
    assert re.search("scr.* record 1 .*v7", problems[0].message)
    assert check_datalist(records, allow_mixed_masks=True) == []

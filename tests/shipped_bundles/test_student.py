"""A student of the portable bundle learns from drawn masks and from its teachers' pseudo-masks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_lungxfer.bundle.workflow import run_bundle
from monai_lungxfer.utils.errors import DatalistError
from monai_lungxfer.utils.torch_files import read_checkpoint


@pytest.fixture
def pseudo_masks(own_discs: Callable[[str, str], Path]) -> Callable[[str, str], Path]:
    """Write discs whose masks are said to be pseudo-masks; these have the value 255, which is ignored, and 0."""

    def write(name: str, patients: str) -> Path:
        folder = own_discs(name, patients)
        records = json.loads((folder / "datalist.json").read_text())
        (folder / "datalist.json").write_text(json.dumps([record | {"soft": True} for record in records]))
        return folder

    return write


@pytest.fixture
def settings(small_settings: dict[str, Any], pseudo_masks: Callable[[str, str], Path]) -> dict[str, Any]:
    pseudo = str(pseudo_masks("pseudo", "unseen"))
    return small_settings | {"max_epochs": 1, "samples_per_epoch": 8, "pseudo_dir": pseudo}


def test_a_student_learns_from_both_and_is_validated_on_drawn_masks(settings: dict[str, Any]) -> None:
    parser = run_bundle("portable", "train_student", settings).parser
    training, dataset = parser.get_parsed_content("split").training, parser.get_parsed_content("train#dataset")
    assert len(dataset) == len(training) + 8
    drawn, pseudo = (dataset._cache[number]["label"] for number in (0, len(dataset) - 1))
    assert drawn.dtype == pseudo.dtype == torch.uint8
    assert drawn.unique().tolist() == [0, 254]
    assert pseudo.unique().tolist() == [0, 255]
    validation = parser.get_parsed_content("validate#dataset")
    assert validation._cache[0]["label"].unique().tolist() == [0, 1]
    known = read_checkpoint(Path(settings["ckpt_dir"]) / "model.pt")
    assert all(torch.isfinite(value).all() for value in known.values())


def test_pseudo_masks_of_a_patient_who_is_measured_are_refused(
    settings: dict[str, Any], pseudo_masks: Callable[[str, str], Path]
) -> None:
    settings |= {"pseudo_dir": str(pseudo_masks("same", "p"))}
    with pytest.raises(DatalistError, match="of its patients are in validation, test, independent or locked"):
        run_bundle("portable", "train_student", settings)

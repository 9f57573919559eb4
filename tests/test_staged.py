"""Where the images of a stage are looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_lungxfer.errors import DatalistError
from monai_lungxfer.staged import stage_data
from monai_lungxfer.stages import STAGES


@pytest.mark.parametrize(
    ("stage", "folders", "expected"),
    [
        ("general", ("general", "portable"), "general"),
        ("general", ("images",), "."),
        ("donor", ("lgg/kaggle_3m/TCGA_1",), "lgg/kaggle_3m"),
        ("donor", ("lgg/images", "general"), "lgg"),
        ("donor", ("TCGA_1",), "."),
    ],
)
def test_the_images_of_a_stage(stage: str, folders: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
    assert stage_data(tmp_path, STAGES[stage]) == tmp_path / expected


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatalistError, match="there is no such folder"):
        stage_data(tmp_path / "away", STAGES["donor"])

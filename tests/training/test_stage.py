"""Where the images of a stage are looked for, and what all stages together are refused for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.training.stage import StageFolder, stage_data, train_stage, transfer_stages
from monai_lungxfer.utils.errors import DatalistError, LungXferError
from monai_lungxfer.utils.locks import lock_output


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


def test_a_patient_of_two_stages_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    data = write_phantoms(tmp_path / "data", donor=2, general=4, portable=4, size=64)
    lists = [data / stage / "datalist.json" for stage in ("general", "portable")]
    general, portable = (json.loads(path.read_text()) for path in lists)
    portable[0]["patient"] = general[0]["patient"]
    lists[1].write_text(json.dumps(portable))
    with pytest.raises(DatalistError, match=r"1 patients stand among general and portable.*--allow-shared-patients"):
        transfer_stages(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path / "run")
    with lock_output(folder.path), pytest.raises(LungXferError, match="another run writes into this folder: process"):
        train_stage(STAGES["portable"], tmp_path, folder)
    assert not list(folder.path.iterdir())

"""Where the images of a stage are looked for, and what all stages together are refused for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from adapter_files import write_base

from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.training.stage import StageFolder, evaluate_stage, stage_data, train_stage, transfer_stages
from monai_lungxfer.utils.csv_tables import read_rows
from monai_lungxfer.utils.errors import DatalistError, LungXferError, TransferError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.utils.locks import lock_output
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.sidecar import Sidecar, read_sidecar, save_sidecar


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
    with pytest.raises(DatalistError, match=r"1 patients are among both general and portable.*--allow-shared-patients"):
        transfer_stages(data, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_two_trainings_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = StageFolder(tmp_path / "run")
    with lock_output(folder.path), pytest.raises(LungXferError, match="another run writes into this folder: process"):
        train_stage(STAGES["portable"], tmp_path, folder)
    assert not list(folder.path.iterdir())


@pytest.fixture(scope="module")
def portable_phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_phantoms(tmp_path_factory.mktemp("data"), donor=0, general=0, portable=12, size=64)


def test_an_adapter_is_trained_resumed_and_measured_on_its_base(portable_phantoms: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.pt"
    before = write_base(base).state_dict()
    folder, stage = StageFolder(tmp_path / "run"), STAGES["portable"]
    settings = {"translator": "tail:2:4", "parent": base, "tracking_uri": "", "layer_table": True, "batch_size": 4}
    for epochs in (1, 2):
        train_stage(stage, portable_phantoms, folder, {**settings, "max_epochs": epochs})
    assert folder.weights.stat().st_size < 30_000
    assert all(name.startswith("translator.") for name in read_state_dict(folder.weights))
    sidecar = read_sidecar(folder.weights)
    assert sidecar.image_size == [64, 64]  # of the base
    assert (sidecar.base.sha256, sidecar.network["depth"]) == (hash_file(base), 2)
    layers = read_rows(folder.path / "layers.csv")
    assert {row["epoch"] for row in layers} == {"1", "2"}
    assert {row["layer"].split(".")[0] for row in layers if row["gradient_norm"]} == {"translator"}
    kept = read_state_dict(folder.weights.with_name(f"base-{hash_file(base)[:12]}.pt"))
    assert all(torch.equal(value, before[name]) for name, value in kept.items())
    measure = {"tracking_uri": "", "batch_size": 4}
    alone = evaluate_stage(stage, portable_phantoms, folder, folder.weights, "independent", measure)
    given = {**measure, "adapter": folder.weights, "overwrite": True}
    named = evaluate_stage(stage, portable_phantoms, folder, base, "independent", given)
    assert alone["weights_sha256"] == hash_file(folder.weights)
    assert (alone["all"], alone["report_file"]) == (named["all"], named["report_file"])
    with pytest.raises(LungXferError, match="translator was tail:2:4, is None"):
        train_stage(stage, portable_phantoms, folder, {**settings, "translator": None})


def test_a_training_that_leaves_the_size_or_sizing_of_its_parent_says_so(
    portable_phantoms: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parent = tmp_path / "parent.pt"
    network = DonorUNet(init_features=4)
    torch.save(network.state_dict(), parent)
    save_sidecar(parent, Sidecar([64, 64], describe_network(network), sizing="pad"))
    folder = StageFolder(tmp_path / "run")
    wrong = {"parent": parent, "fractions": [0.5, 0.5, 0.5]}  # so that nothing is trained
    for chosen, told in (({}, 2), ({"sizing": "aspect"}, 1), ({"sizing": "pad", "image_size": [64, 64]}, 0)):
        caplog.clear()
        with pytest.raises(LungXferError):
            train_stage(STAGES["portable"], portable_phantoms, folder, wrong | chosen)
        assert len([record for record in caplog.records if "The parent's" in record.message]) == told


def test_a_translator_is_refused_without_a_parent(portable_phantoms: Path, tmp_path: Path) -> None:
    settings = {"translator": "tail:3", "parent": "none", "tracking_uri": ""}
    with pytest.raises(TransferError, match=r"needs trained weights as its base.*\(--parent\)"):
        train_stage(STAGES["portable"], portable_phantoms, StageFolder(tmp_path / "run"), settings)

"""Prediction on a Ray cluster gives what one process gives, also when a worker is lost."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import torch
from radiograph_folder import files_in, save_radiograph
from ray_nodes import KilledWorker
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.inference.ray_batch import _from_any_folder, _ordered_and_quiet, _workers
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils.errors import LungXferError

FILES = 40
SETTINGS = ["--set", "network_def#init_features=4", "--set", "image_size=[64, 64]", "--set", "precision=float32"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Radiographs of several sizes, and a file that is none, with weights beside them."""
    root = tmp_path_factory.mktemp("ray-batch")
    for number in range(FILES):
        save_radiograph(root / "in" / f"ward{number % 3}" / f"x{number}.png", width=80 + number)
    (root / "in" / "empty.png").write_bytes(b"")
    torch.manual_seed(0)
    torch.save(DonorUNet(init_features=4).state_dict(), root / "model.pt")
    return root


def predicted(folder: Path, out: Path, *options: str) -> dict:
    command = ["predict", folder / "in", "--weights", folder / "model.pt", "--out", out, "--batch-size", "2", *SETTINGS]
    result = CliRunner().invoke(app, [*map(str, command), "--device", "cpu", "--json", *options])
    assert result.exit_code == 1, result.output  # the file that is none was skipped
    return json.loads(result.stdout)


def test_workers_are_given_absolute_paths_and_names_as_they_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert _from_any_folder({"bundle": "own", "weights": Path("model.pt")}) == {
        "bundle": folder / "own",
        "weights": str(folder / "model.pt"),
    }
    assert _from_any_folder({"weights": "own"}) == {"weights": str(folder / "own")}  # a bundle's folder
    named = {"bundle": Path("portable"), "weights": "cxr_lung_segmentation", "device": "cpu"}
    assert _from_any_folder(named) == named


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"CPU": 4.0}, (4, 0)),
        ({"CPU": 8.0, "GPU": 2.0}, (2, 1)),
        ({"CPU": 2.0, "GPU": 4.0}, (2, 1)),
        ({"CPU": 2.0, "GPU": 0.5}, (2, 0)),
    ],
)
def test_there_are_as_many_workers_as_the_cluster_has_room_for(
    resources: dict[str, float], expected: tuple[int, int]
) -> None:
    assert _workers(resources) == expected


def test_a_cluster_without_a_processor_is_refused() -> None:
    with pytest.raises(LungXferError, match="no processor"):
        _workers({"memory": 1e9, "GPU": 1.0})


def test_ray_datas_own_settings_are_as_before_afterwards() -> None:
    data = pytest.importorskip("ray.data")

    def settings() -> tuple[bool, bool, int]:
        context = data.DataContext.get_current()
        level = logging.getLogger("ray.data").level
        return context.execution_options.preserve_order, context.enable_progress_bars, level

    before = settings()
    with _ordered_and_quiet(data):
        assert settings() == (True, False, logging.WARNING) != before
    assert settings() == before


@pytest.mark.slow
def test_a_cluster_of_which_a_worker_is_killed_gives_what_one_process_gives(
    ray_cluster: str, folder: Path, tmp_path: Path
) -> None:
    here = predicted(folder, tmp_path / "here", "--threads", "1")  # as many as a worker has, for the last digits
    killer = KilledWorker(lambda: list((tmp_path / "there").rglob("*_mask.png")), "_Worker")
    there = predicted(folder, tmp_path / "there", "--ray-address", ray_cluster)
    killer.join()
    assert killer.killed
    assert there == here
    assert len(here["predictions"]) == FILES + 1
    names = files_in(tmp_path / "here")
    assert files_in(tmp_path / "there") == names
    for name in names:
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes(), name


@pytest.mark.slow
def test_a_result_that_a_worker_cannot_write_ends_the_run_with_the_reason(
    ray_cluster: str, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "ward1").write_text("a file where a folder belongs")
    command = ["predict", folder / "in", "--weights", folder / "model.pt", "--out", tmp_path / "out", *SETTINGS]
    result = CliRunner().invoke(app, [*map(str, command), "--device", "cpu", "--ray-address", ray_cluster])
    assert result.exit_code == 2, result.output
    assert "x1_mask.png: cannot be written" in result.stderr
    assert "Traceback" not in result.output

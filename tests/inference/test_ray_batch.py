"""Prediction on a Ray cluster gives what one process gives, also when a worker is lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from radiograph_folder import files_in, save_radiograph
from ray_nodes import KilledWorker
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.cli.console import _described
from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.inference.journal import JOURNAL_NAME
from monai_lungxfer.inference.outputs import OutputOptions, plan
from monai_lungxfer.inference.ray_batch import RayRunner, _from_any_folder, _in_order
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils.errors import ClusterError
from monai_lungxfer.utils.exit_codes import EXIT_CLUSTER

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


def test_a_lost_cluster_is_told_with_what_is_left(tmp_path: Path) -> None:
    class LostRay:
        exceptions = SimpleNamespace(RayError=ConnectionError)

        def cluster_resources(self) -> dict[str, float]:
            raise ConnectionError("10.0.0.1")

    tasks = plan([InputFile(tmp_path / "x.png", "x.png")], OutputOptions())
    segmenter = SimpleNamespace(engine=SimpleNamespace(takes_batches=False))
    with pytest.raises(ClusterError, match=r"^the cluster was lost: 1 of 1 radiographs are not done\. .*--resume"):
        list(RayRunner(LostRay())(segmenter, tasks, tmp_path, 4))  # type: ignore[arg-type]
    assert _described(ClusterError("lost"))[1] == EXIT_CLUSTER == 4


def test_rows_come_in_the_order_of_the_tasks(tmp_path: Path) -> None:
    names = ["a", "b", "c", "d"]
    tasks = plan([InputFile(tmp_path / name, name) for name in names], OutputOptions())
    made = (Prediction(file=name) for name in ("c", "b", "a", "d"))
    assert [row.file for row in _in_order(tasks, made)] == names


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
    for name in set(names) - {JOURNAL_NAME}:  # which tells what is in work, and that differs
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
    assert re.search(r"x\d+_mask\.png: cannot be written", result.stderr)
    assert "Traceback" not in result.output

"""The bundles do what they say: properties, overrides, training, resume, export, inference from any folder."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import mlflow
import nibabel
import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from ignite.engine import Engine, Events
from monai.bundle import ckpt_export, onnx_export
from PIL import Image

from monai_lungxfer.bundle.files import METADATA, WEIGHTS, bundle_metadata, bundle_path, export_bundle
from monai_lungxfer.bundle.workflow import bundle_workflow, run_bundle
from monai_lungxfer.data.datalist import hash_dataset, load_datalist
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.utils.errors import BundleError, DatalistError, LungXferError, OutputError
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.utils.temporary import TEMPORARY

SMALL = describe_network(DonorUNet(init_features=4))


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)


def assert_equal_weights(first: Path, second: Path) -> None:
    one, two = weights(first), weights(second)
    assert list(one) == list(two)
    assert all(torch.equal(one[key], two[key]) for key in one)


def epochs(folder: Path) -> list[dict[str, str]]:
    """The table of epochs, without the times."""
    with (folder / "epochs.csv").open(newline="") as file:
        return [{key: value for key, value in row.items() if "seconds" not in key} for row in csv.DictReader(file)]


def saved_network(folder: Path) -> Path:
    torch.save(DonorUNet(init_features=4).state_dict(), folder / "model.pt")
    return folder / "model.pt"


def test_training_learns_and_keeps_the_best_epoch(bundle: Path, small_settings: dict[str, Any]) -> None:
    workflow = run_bundle(bundle, "train", small_settings | {"max_epochs": 12, "learning_rate": 0.02})
    evaluator = workflow.parser.get_parsed_content("validate#evaluator")
    trainer = workflow.parser.get_parsed_content("train#trainer")
    assert trainer.state.epoch == 12
    assert evaluator.state.best_metric < 0.25
    network = workflow.parser.get_parsed_content("network_def")
    saved = weights(Path(small_settings["ckpt_dir"]) / "model.pt")
    assert all(torch.equal(network.state_dict()[key], value) for key, value in saved.items())
    evaluator.run(99)
    assert evaluator.state.metrics["val_loss"] == pytest.approx(evaluator.state.best_metric, abs=1e-6)


def test_another_seed_can_train_on_the_same_split(small_settings: dict[str, Any], tmp_path: Path) -> None:
    first, second = (
        run_bundle(
            "portable",
            "train",
            small_settings
            | {"seed": seed, "split_seed": 5, "output_dir": str(tmp_path / str(seed)), "max_epochs": 1}
            | {"ckpt_dir": str(tmp_path / str(seed) / "models")},
        ).parser
        for seed in (1, 2)
    )
    assert first.get_parsed_content("split").hash == second.get_parsed_content("split").hash
    one, two = (parser.get_parsed_content("network_def").state_dict() for parser in (first, second))
    assert not torch.equal(one["conv.weight"], two["conv.weight"])


def test_a_section_without_images_is_told(bundle: Path, small_settings: dict[str, Any]) -> None:
    with pytest.raises(LungXferError, match=r"split\.json: .*no images in the section 'validation'.*a share for it"):
        run_bundle(bundle, "train", small_settings | {"fractions": [0.8, 0.0, 0.2]})
    settings = small_settings | {"fractions": [0.8, 0.0, 0.2], "section": "independent"}
    settings |= {"weights": small_settings["parent"], "image_size": [32, 32]}
    with pytest.raises(LungXferError, match=r"split\.json: .*no images in the section 'independent'.*Choose another"):
        run_bundle(bundle, "evaluate", settings)


def test_early_stop_ends_training(small_settings: dict[str, Any]) -> None:
    settings = small_settings | {"max_epochs": 50, "early_stop_patience": 2, "learning_rate": 0.0}
    workflow = run_bundle("portable", "train", settings)
    # Without learning the weights stay, and the running statistics soon bring no more improvement.
    assert workflow.parser.get_parsed_content("train#trainer").state.epoch < 50
    best = workflow.parser.get_parsed_content("validate#evaluator").state.best_metric_epoch
    assert workflow.parser.get_parsed_content("train#trainer").state.epoch == best + 2


def test_a_training_that_was_stopped_early_goes_on_with_more_patience(
    small_settings: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    patient = small_settings | {"max_epochs": 12, "early_stop_patience": 9, "learning_rate": 0.0}
    run_bundle("portable", "train", patient)
    parts = patient | {"output_dir": str(tmp_path / "parts"), "ckpt_dir": str(tmp_path / "parts" / "models")}
    run_bundle("portable", "train", parts | {"early_stop_patience": 2})
    stopped = epochs(tmp_path / "parts")
    with caplog.at_level("INFO", "monai_lungxfer"):
        run_bundle("portable", "train", parts | {"early_stop_patience": 2})
    assert "2 validations in a row were no better; a larger early_stop_patience (--set" in caplog.text
    assert epochs(tmp_path / "parts") == stopped
    run_bundle("portable", "train", parts)
    assert len(stopped) < len(epochs(tmp_path / "parts"))
    assert epochs(tmp_path / "parts") == epochs(tmp_path / "out")


def test_learning_rate_falls_on_a_plateau(small_settings: dict[str, Any]) -> None:
    settings = small_settings | {"max_epochs": 8, "lr_patience": 0, "lr_scheduler#threshold": 10.0, "lr_factor": 0.1}
    optimizer = run_bundle("portable", "train", settings).parser.get_parsed_content("optimizer")
    assert optimizer.param_groups[0]["lr"] < 0.001


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("train#random_transforms#0#prob", 0.25, "train#random_transforms#0#prob"),
        ("loss", {"_target_": "TverskyLoss", "sigmoid": True}, "loss#_target_"),
        ("optimizer#_target_", "torch.optim.SGD", "optimizer#_target_"),
        ("max_epochs", 1, "train#trainer#max_epochs"),
        ("early_stop_patience", 3, "early_stop#patience"),
    ],
)
def test_settings_can_be_overridden(small_settings: dict[str, Any], name: str, value: Any, read: str) -> None:
    parser = run_bundle("portable", "train", small_settings | {"max_epochs": 1, name: value}).parser
    expected = value["_target_"] if isinstance(value, dict) else value
    found = parser[read]
    assert (parser.get_parsed_content(read) if str(found).startswith("@") else found) == expected


def test_resumed_training_gives_the_same_weights(bundle: Path, small_settings: dict[str, Any], tmp_path: Path) -> None:
    whole = small_settings | {"max_epochs": 4}
    run_bundle(bundle, "train", whole)
    parts = whole | {"output_dir": str(tmp_path / "parts"), "ckpt_dir": str(tmp_path / "parts" / "models")}
    run_bundle(bundle, "train", parts | {"max_epochs": 2})
    run_bundle(bundle, "train", parts)
    assert_equal_weights(tmp_path / "out" / "models" / "model.pt", tmp_path / "parts" / "models" / "model.pt")
    one = weights(tmp_path / "out" / "models" / "resume.pt")
    two = weights(tmp_path / "parts" / "models" / "resume.pt")
    assert one["best"] == two["best"]
    assert epochs(tmp_path / "out") == epochs(tmp_path / "parts")
    assert [row["epoch"] for row in epochs(tmp_path / "parts")] == ["1", "2", "3", "4"]
    assert one["objects"]["lr_scheduler"]["num_bad_epochs"] == two["objects"]["lr_scheduler"]["num_bad_epochs"]
    for key, value in one["objects"]["network"].items():
        assert torch.equal(value, two["objects"]["network"][key])


def test_the_second_recipe_resumes_and_keeps_the_averaged_weights(
    small_settings: dict[str, Any], tmp_path: Path
) -> None:
    whole = small_settings | {"max_epochs": 4, "samples_per_epoch": 8}
    run_bundle("portable", "train_best", whole)
    parts = whole | {"output_dir": str(tmp_path / "parts"), "ckpt_dir": str(tmp_path / "parts" / "models")}
    with pytest.raises(RuntimeError, match="resume_point"):
        run_bundle("portable", "train_best", parts, _StopAfter(2))
    run_bundle("portable", "train_best", parts)
    one, two = (weights(tmp_path / name / "models" / "resume.pt") for name in ("out", "parts"))
    assert one["epoch"] == two["epoch"] == 4
    for name in ("network", "averaged"):
        for key, value in one["objects"][name].items():
            assert torch.equal(value, two["objects"][name][key]), (name, key)
    assert not torch.equal(one["objects"]["network"]["conv.weight"], one["objects"]["averaged"]["conv.weight"])
    assert_equal_weights(tmp_path / "out" / "models" / "model.pt", tmp_path / "parts" / "models" / "model.pt")


def test_the_second_recipes_statistics_are_of_images_of_the_whole_training_section(
    small_settings: dict[str, Any], tmp_path: Path
) -> None:
    records = [{"image": f"{n}.png", "label": f"{n}_mask.png", "patient": f"p{n:03}"} for n in range(300)]
    (tmp_path / "datalist.json").write_text(json.dumps(records))
    parser = bundle_workflow("portable", "train_best", small_settings | {"dataset_dir": str(tmp_path)}).parser
    training = parser.get_parsed_content("split").training
    places = [training.index(record) for record in parser.get_parsed_content("batch_norm_images#data")]
    assert len(training) == 180
    assert places == [number * 180 // 128 for number in range(128)]


def test_the_second_recipes_rate_falls_with_the_epochs_also_in_a_training_that_is_prolonged(
    small_settings: dict[str, Any], tmp_path: Path
) -> None:
    """Whether every epoch is validated or not."""
    settings = small_settings | {"samples_per_epoch": 4, "val_interval": 2}
    run_bundle("portable", "train_best", settings | {"max_epochs": 4})
    run_bundle("portable", "train_best", settings | {"max_epochs": 6})
    cosine = [0.5 * (1 + math.cos(math.pi * step / length)) for length, step in ((2, 0), (2, 1), (4, 2), (4, 3))]
    expected = [0.0005 * share for share in (0.1, 0.55, *cosine)]
    assert [float(row["learning_rate"]) for row in epochs(tmp_path / "out")] == pytest.approx(expected)


def test_the_second_recipe_learns_from_the_stage_before_too(small_settings: dict[str, Any], other_discs: Path) -> None:
    settings = small_settings | {"max_epochs": 1, "samples_per_epoch": 8, "rehearsal_dir": str(other_discs)}
    settings["rehearsal_views"] = None  # all; the discs have no view
    parser = run_bundle("portable", "train_best", settings).parser
    training, dataset = parser.get_parsed_content("split").training, parser.get_parsed_content("train#dataset")
    assert len(dataset) == len(training) + 20
    assert len(parser.get_parsed_content("train#sampler")) == 8
    folder = Path(small_settings["ckpt_dir"])  # after one epoch, the best weights are its averaged ones
    averaged, saved = weights(folder / "resume.pt")["objects"]["averaged"], weights(folder / "model.pt")
    assert all(torch.equal(saved[key], value) for key, value in averaged.items())


def test_the_second_recipe_does_not_rehearse_whom_it_is_measured_on(
    small_settings: dict[str, Any], discs: Path
) -> None:
    settings = small_settings | {"max_epochs": 1, "samples_per_epoch": 4, "rehearsal_dir": str(discs)}
    settings["rehearsal_views"] = None
    with pytest.raises(DatalistError, match="8 of its patients are in validation, test, independent or locked"):
        run_bundle("portable", "train_best", settings)
    assert not (Path(small_settings["ckpt_dir"]) / "model.pt").exists()
    run_bundle("portable", "train_best", settings | {"allow_shared_patients": True})


def test_a_stage_without_a_second_recipe_says_so(small_settings: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match=r"no configs/train_best\.yaml.*paper's recipe"):
        run_bundle("general", "train_best", small_settings)


class _StopAfter:
    """A watcher that breaks the training off after so many epochs, once the resume point is written."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def watch(self, trainer: Engine, evaluator: Engine) -> None:
        trainer.add_event_handler(Events.EPOCH_STARTED(once=self.epochs + 1), self.stop)

    def stop(self) -> None:
        raise RuntimeError("stop")


KILL_WHILE_SAVING = """
import os, signal
from pathlib import Path
flush = os.fsync
def killed(file):
    Path(resume).exists() and os.kill(os.getpid(), signal.SIGKILL)
    flush(file)
os.fsync = killed
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_training_gives_the_same_weights(small_settings: dict[str, Any], tmp_path: Path, number: int) -> None:
    settings = small_settings | {"max_epochs": 6}
    run_bundle("portable", "train", settings)
    killed = settings | {"output_dir": str(tmp_path / "killed"), "ckpt_dir": str(tmp_path / "killed" / "models")}
    resume = tmp_path / "killed" / "models" / "resume.pt"
    code = f"from monai_lungxfer.bundle.workflow import run_bundle; run_bundle('portable', 'train', {killed!r})"
    if number == signal.SIGKILL:
        code = f"resume = {str(resume)!r}\n{KILL_WHILE_SAVING}\n{code}"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not resume.exists() and process.poll() is None:
        time.sleep(0.02)
    if number == signal.SIGTERM:
        process.send_signal(number)
    process.wait()
    left = {path.name for path in resume.parent.iterdir() if not path.name.startswith(".")}
    assert left == {"model.pt", "model.json", "resume.pt"}
    assert number == signal.SIGTERM or list(resume.parents[1].rglob(f"{TEMPORARY}*"))
    run_bundle("portable", "train", killed)
    assert not list(resume.parents[1].rglob(f"{TEMPORARY}*"))
    assert_equal_weights(tmp_path / "out" / "models" / "model.pt", resume.parent / "model.pt")


def test_finished_training_is_not_repeated(small_settings: dict[str, Any]) -> None:
    run_bundle("portable", "train", small_settings)
    resume = Path(small_settings["ckpt_dir"]) / "resume.pt"
    before = resume.stat().st_mtime_ns
    run_bundle("portable", "train", small_settings)
    assert resume.stat().st_mtime_ns == before
    run_bundle("portable", "train", small_settings | {"resume": False})
    assert resume.stat().st_mtime_ns > before


def test_other_settings_in_the_same_folder_are_refused(small_settings: dict[str, Any]) -> None:
    run_bundle("portable", "train", small_settings | {"max_epochs": 1})
    with pytest.raises(LungXferError, match="batch_size was 4, is 5"):
        run_bundle("portable", "train", small_settings | {"batch_size": 5})


def test_a_parent_is_known_by_its_weights_and_not_by_its_path(
    small_settings: dict[str, Any], small_parent: Path, tmp_path: Path
) -> None:
    parent = shutil.copyfile(small_parent, tmp_path / "parent.pt")
    settings = small_settings | {"parent": str(parent), "max_epochs": 1}
    run_bundle("portable", "train", settings)
    moved = parent.rename(tmp_path / "moved.pt")
    run_bundle("portable", "train", settings | {"parent": str(moved), "max_epochs": 2})
    torch.save({name: value + 1 for name, value in weights(moved).items()}, moved)
    with pytest.raises(LungXferError, match=r"parent was [0-9a-f]{64}, is [0-9a-f]{64}"):
        run_bundle("portable", "train", settings | {"parent": str(moved), "max_epochs": 3})


def test_a_setting_that_is_misspelt_is_refused(small_settings: dict[str, Any]) -> None:
    with pytest.raises(BundleError, match=r"no setting 'lerning_rate'; did you mean 'learning_rate'\? Correct"):
        run_bundle("portable", "train", small_settings | {"lerning_rate": 0.5})
    with pytest.raises(BundleError, match="no setting 'rehearsal_dir'"):  # which train_best.yaml alone has
        run_bundle("portable", "train", small_settings | {"rehearsal_dir": small_settings["dataset_dir"]})
    own = {"epochs_of_mine": 1, "max_epochs": "@epochs_of_mine"}
    parser = run_bundle("portable", "train", small_settings | own).parser
    assert parser.get_parsed_content("train#trainer").state.epoch == 1


def test_weights_that_ship_are_kept_when_they_are_trained_over(
    small_settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In a copy that stands for the package's bundles, as a training in a source tree does it, twice."""
    bundle = export_bundle("portable", tmp_path / "bundles")
    shipped = hash_file(bundle / WEIGHTS)
    monkeypatch.setattr("monai_lungxfer.handlers.best_weights.bundles_root", lambda: tmp_path / "bundles")
    settings = {key: value for key, value in small_settings.items() if key != "ckpt_dir"} | {"max_epochs": 1}
    for _ in range(2):
        run_bundle(bundle, "train", settings)
    assert "kept in models/shipped" in caplog.text
    assert hash_file(bundle / "models" / "shipped" / "model.pt") == shipped != hash_file(bundle / WEIGHTS)
    assert (bundle / "models" / "shipped" / "model.json").is_file()
    for kept, own in (("metadata.json", METADATA), ("README.md", "docs/README.md")):
        assert hash_file(bundle / "models" / "shipped" / kept) == hash_file(bundle_path("portable") / own)


def test_a_copy_of_a_bundle_is_trained_in_its_own_folder(small_settings: dict[str, Any], tmp_path: Path) -> None:
    copy = export_bundle("portable", tmp_path / "mine")
    settings = {key: value for key, value in small_settings.items() if key not in ("output_dir", "ckpt_dir")}
    run_bundle(copy, "train", settings | {"max_epochs": 1})
    assert weights(copy / WEIGHTS)["conv.weight"].shape == (1, 4, 1, 1)
    told = bundle_metadata(copy)
    assert told["weights_sha256"] == hash_file(copy / WEIGHTS)
    assert told["network_data_format"]["inputs"]["image"]["spatial_shape"] == [32, 32]
    assert "not those that shipped" in (copy / "docs" / "README.md").read_text()
    assert (copy / "eval" / "split.json").is_file()


def test_missing_parent_is_our_error_and_not_a_nested_one(small_settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(LungXferError, match="there is no such weights file, bundle or stage"):
        run_bundle("portable", "train", small_settings | {"parent": str(tmp_path / "nothing.pt")})


def test_frozen_layers_keep_the_parents_weights(small_settings: dict[str, Any], small_parent: Path) -> None:
    run_bundle("portable", "train", small_settings | {"max_epochs": 2, "frozen": ["encoder*", "bottleneck*"]})
    parent, child = weights(small_parent), weights(Path(small_settings["ckpt_dir"]) / "model.pt")
    same = {name.split(".")[0].rstrip("1234") for name in parent if torch.equal(parent[name], child[name])}
    assert same == {"encoder", "bottleneck"}
    with pytest.raises(LungXferError, match=r"frozen was \['encoder\*', 'bottleneck\*'\], is \[\]"):
        run_bundle("portable", "train", small_settings | {"max_epochs": 2})


def test_frozen_layers_of_the_second_recipe_keep_the_parents_statistics(
    small_settings: dict[str, Any], small_parent: Path, tmp_path: Path
) -> None:
    parent = weights(small_parent)
    for name, value in parent.items():
        if "running" in name:
            value.add_(0.5)
    torch.save(parent, tmp_path / "parent.pt")
    frozen = {"frozen": ["encoder*", "bottleneck*"], "parent": str(tmp_path / "parent.pt")}
    run_bundle("portable", "train_best", small_settings | frozen | {"samples_per_epoch": 8, "max_epochs": 2})
    child = weights(Path(small_settings["ckpt_dir"]) / "model.pt")
    for name, value in parent.items():
        if name.startswith(("encoder", "bottleneck")):
            torch.testing.assert_close(child[name], value, rtol=1e-5, atol=1e-7)  # averaging rounds
        elif "running" in name:
            assert not torch.allclose(child[name], value, rtol=0.01)


def test_a_run_that_was_opened_elsewhere_is_joined_and_told_nothing_twice(
    small_settings: dict[str, Any], tmp_path: Path
) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlruns.db")
    experiment = client.create_experiment("mine", artifact_location=(tmp_path / "artifacts").as_uri())
    run = client.create_run(experiment, run_name="step").info.run_id
    client.log_param(run, "version", "older")
    joined = {"tracking_uri": client.tracking_uri, "experiment_name": "mine", "tracking_run": run}
    run_bundle("portable", "train", small_settings | joined)
    (Path(small_settings["ckpt_dir"]) / "resume.pt").unlink()  # as if the end of the first epochs had not been kept
    run_bundle("portable", "train", small_settings | joined | {"max_epochs": 4})
    assert [one.info.run_id for one in client.search_runs([experiment])] == [run]
    assert client.get_run(run).info.status == "RUNNING"
    assert client.get_run(run).data.params["version"] == "older"
    for name in ("train_loss", "val_loss", "val_dice"):
        assert [point.step for point in client.get_metric_history(run, name)] == [1, 2, 3, 4]


def test_runs_are_tracked_and_failed_ones_end_as_failed(small_settings: dict[str, Any], tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlruns.db"
    run_bundle("portable", "train", small_settings | {"tracking_uri": uri, "run_name": "good"})
    broken = {"tracking_uri": uri, "run_name": "bad", "resume": False, "loss": "$lambda prediction, label: 1 / 0"}
    with pytest.raises(RuntimeError, match="resume_point"):
        run_bundle("portable", "train", small_settings | broken)
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("portable_cxr_lung_segmentation")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert {name: run.info.status for name, run in runs.items()} == {"good": "FINISHED", "bad": "FAILED"}
    history = client.get_metric_history(runs["good"].info.run_id, "val_loss")
    assert [point.step for point in history] == [1, 2, 3]
    assert runs["good"].data.params["split"]
    _check_facts(client, runs["good"], small_settings)
    run_bundle("portable", "evaluate", small_settings | {"tracking_uri": uri, "section": "test"})
    report = json.loads((tmp_path / "out" / "test.json").read_text())
    assert "test/DICE" not in client.get_run(runs["good"].info.run_id).data.metrics  # the last training is the bad one
    (tmp_path / "out" / "mlflow_run").write_text(runs["good"].info.run_id)
    run_bundle("portable", "evaluate", small_settings | {"tracking_uri": uri, "section": "test", "overwrite": True})
    metrics = client.get_run(runs["good"].info.run_id).data.metrics
    assert metrics["test/DICE"] == report["all"]["DICE"]["mean"]
    assert metrics["test/normal/DICE"] == report["by_finding"]["normal"]["DICE"]["mean"]


def _check_facts(client: mlflow.MlflowClient, run: Any, settings: dict[str, Any]) -> None:
    tags, params, data = run.data.tags, run.data.params, settings["dataset_dir"]
    assert tags["lungxfer.data"] == hash_dataset(load_datalist(data), data)
    assert tags["lungxfer.parent_sha256"] == hash_file(settings["parent"])
    assert tags["lungxfer.weights_sha256"] == hash_file(Path(settings["ckpt_dir"]) / "model.pt")
    assert (params["image_size"], params["network"]) == ("[32, 32]", str(SMALL))
    assert params["schedule"].startswith("ReduceLROnPlateau(mode=min, factor=0.5, patience=5, ")
    rates = client.get_metric_history(run.info.run_id, "learning_rate")
    assert [(point.step, point.value) for point in rates] == [(1, 0.001), (2, 0.001), (3, 0.001)]
    text = Path(client.download_artifacts(run.info.run_id, "configuration.yaml")).read_text()
    told = yaml.safe_load(text)
    assert (told["image_size"], told["batch_size"], told["max_epochs"]) == ([32, 32], 4, 3)
    assert told["parent"] == f"file {hash_file(settings['parent'])[:12]}"
    assert told["dataset_dir"] == told["bundle_root"] == "(a path)"
    assert not any(str(Path(place).parent) in text for place in (data, settings["output_dir"], settings["parent"]))


def test_a_training_goes_on_in_its_own_run_alone(small_settings: dict[str, Any], tmp_path: Path) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlruns.db")
    experiment = client.create_experiment("mine", artifact_location=(tmp_path / "artifacts").as_uri())
    others = client.create_run(experiment, run_name="same").info.run_id  # still running
    settings = small_settings | {
        "tracking_uri": client.tracking_uri,
        "experiment_name": "mine",
        "run_name": "same name",
    }
    with pytest.raises(RuntimeError, match="resume_point"):
        run_bundle("portable", "train", settings, _StopAfter(2))
    (own,) = (run.info.run_id for run in client.search_runs([experiment]) if run.info.run_id != others)
    assert client.get_run(own).info.status == "FAILED"
    run_bundle("portable", "train", settings | {"precision": "bfloat16"})  # as another machine would do
    run = client.get_run(own)
    assert (run.info.status, run.data.params["precision"]) == ("FINISHED", "None")
    assert [point.step for point in client.get_metric_history(own, "val_loss")] == [1, 2, 3]
    assert not client.get_run(others).data.metrics


def test_a_training_that_starts_afresh_has_a_run_of_its_own(small_settings: dict[str, Any], tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlruns.db"
    settings = small_settings | {"tracking_uri": uri, "max_epochs": 2}
    with pytest.raises(RuntimeError, match="resume_point"):
        run_bundle("portable", "train", settings | {"learning_rate": 10.0}, _StopAfter(1))
    run_bundle("portable", "train", settings | {"resume": False})
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("portable_cxr_lung_segmentation")
    runs = {run.data.params["learning_rate"]: run for run in client.search_runs([experiment.experiment_id])}
    assert {rate: run.info.status for rate, run in runs.items()} == {"10.0": "FAILED", "0.001": "FINISHED"}
    history = client.get_metric_history(runs["0.001"].info.run_id, "val_loss")
    assert [point.step for point in history] == [1, 2]


def test_evaluation_reports_every_image(small_settings: dict[str, Any], tmp_path: Path) -> None:
    run_bundle("general", "train", small_settings | {"max_epochs": 12, "learning_rate": 0.02})
    run_bundle("general", "evaluate", small_settings | {"section": "test"})
    report = json.loads((tmp_path / "out" / "test.json").read_text())
    assert report["images"] == len(report["rows"]) == 4
    assert report["all"]["DICE_HARD"]["mean"] > 0.8
    assert report["all"]["DICE"]["mean"] == pytest.approx(np.mean([row["DICE"] for row in report["rows"]]))
    assert {row["distances_in"] for row in report["rows"]} == {"pixels"}
    assert set(report["by_finding"]) == {"normal", "pathological"}
    assert report["learnt"] == []


def test_reports_are_named_by_weights_and_section_and_not_replaced(
    small_settings: dict[str, Any], tmp_path: Path
) -> None:
    run_bundle("general", "train", small_settings | {"max_epochs": 1})
    settings = small_settings | {"section": "test"}
    run_bundle("general", "evaluate", settings)
    own = (tmp_path / "out" / "test.json").read_bytes()
    run_bundle("general", "evaluate", settings | {"weights": small_settings["parent"]})
    other = tmp_path / "out" / f"test-{hash_file(small_settings['parent'])[:12]}.json"
    assert json.loads(other.read_text())["weights_sha256"] == hash_file(small_settings["parent"])
    assert (tmp_path / "out" / "test.json").read_bytes() == own
    for weights in ({}, {"weights": small_settings["parent"]}):
        with pytest.raises(OutputError, match=r"is there already.*--overwrite"):
            run_bundle("general", "evaluate", settings | weights)
    run_bundle("general", "evaluate", settings | {"overwrite": True})


def test_an_evaluation_says_what_the_weights_and_their_parent_have_learnt(
    small_settings: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parent = tmp_path / "parent"
    first = {"output_dir": str(parent), "ckpt_dir": str(parent), "max_epochs": 1, "seed": 1}
    run_bundle("general", "train", small_settings | first)
    knows = {"parent": str(parent / "model.pt"), "max_epochs": 1}
    run_bundle("general", "train", small_settings | knows)
    sections = [json.loads((folder / "split.json").read_text()) for folder in (parent, tmp_path / "out")]
    learnt = {record["image"] for name in ("training", "validation") for record in sections[0][name]}
    both = [record["image"] for record in sections[1]["test"] if record["image"] in learnt]
    assert 0 < len(both) <= 4
    by = hash_file(parent / "model.pt")[:12]
    run_bundle("general", "evaluate", small_settings | {"section": "test"})
    report = json.loads((tmp_path / "out" / "test.json").read_text())
    assert report["learnt"] == [{"by": by, "own": False, "images": len(both)}]
    said = f"The weights {by}, which these stem from, learnt from {len(both)} of the 4 measured images"
    assert said in caplog.text
    run_bundle("general", "evaluate", small_settings | {"section": "training"})
    report = json.loads((tmp_path / "out" / "training.json").read_text())
    assert report["learnt"][-1] == {"by": hash_file(tmp_path / "out/models/model.pt")[:12], "own": True, "images": 12}


def test_export_to_torchscript_and_onnx(bundle: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    network = DonorUNet(init_features=4).eval()
    torch.save(network.state_dict(), tmp_path / "model.pt")
    shared = {
        "net_id": "network_def",
        "ckpt_file": str(tmp_path / "model.pt"),
        "meta_file": str(bundle / "configs" / "metadata.json"),
        "config_file": [str(bundle / "configs" / "inference.yaml")],
        "bundle_root": str(bundle),
        "weights": str(tmp_path / "model.pt"),
        "network_def": describe_network(network),
    }
    ckpt_export(filepath=str(tmp_path / "model.ts"), **shared)
    onnx_export(
        filepath=str(tmp_path / "model.onnx"),
        input_shape=[1, 3, 64, 64],
        use_trace=True,
        converter_kwargs={"dynamo": False},
        **shared,
    )
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = network(image)
        scripted = torch.jit.load(tmp_path / "model.ts")(image)
    torch.testing.assert_close(scripted, expected, rtol=1e-4, atol=1e-5)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    (given,) = session.run(None, {session.get_inputs()[0].name: image.numpy()})
    np.testing.assert_allclose(given, expected.numpy(), rtol=1e-3, atol=1e-4)


def test_inference_by_monai_from_another_folder(bundle: Path, discs: Path, tmp_path: Path) -> None:
    """`python -m monai.bundle run`, as a user types it, in a folder that has nothing to do with the bundle."""
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(bundle / "configs" / "inference.yaml")]
    options = {
        "--bundle_root": str(bundle),
        "--dataset_dir": str(discs / "images"),
        "--output_dir": str(tmp_path / "masks"),
        "--weights": str(saved_network(tmp_path)),
        "--network_def": str(SMALL),
        "--image_size": "[32, 32]",
        "--image_pattern": "1*.png",
    }
    arguments = [word for pair in options.items() for word in pair]
    subprocess.run([*command, *arguments], cwd=tmp_path, check=True, capture_output=True, env=dict(os.environ))
    masks = sorted((tmp_path / "masks").glob("*_mask.nii.gz"))
    assert len(masks) == len(list((discs / "images").glob("1*.png")))
    assert nibabel.load(masks[0]).shape == Image.open(discs / "images" / "1.png").size == (48, 40)
    assert set(np.unique(nibabel.load(masks[0]).get_fdata())) <= {0.0, 1.0}


def test_no_mask_replaces_another(bundle: Path, discs: Path, tmp_path: Path) -> None:
    """Names as a PACS receiver writes them, and of two formats; what is in the files decides how they are read."""
    images = ["1.2.840.113619.2.7.1", "1.2.840.113619.2.7.2", "a.jpg", "a.png", "b.png"]
    (tmp_path / "in").mkdir()
    for name in images:
        shutil.copyfile(discs / "images" / "1.png", tmp_path / "in" / name)
    (tmp_path / "in" / "README.txt").write_text("which is no image")
    settings = {"weights": str(saved_network(tmp_path)), "network_def": SMALL, "image_size": [32, 32]}
    folders = {"dataset_dir": str(tmp_path / "in"), "output_dir": str(tmp_path / "out")}
    run_bundle(bundle, "inference", settings | folders | {"device": "cpu"})
    stems = [*images[:-1], "b"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{stem}_mask.nii.gz" for stem in stems]


def test_inference_without_images_is_refused(bundle: Path, tmp_path: Path) -> None:
    settings = {"weights": str(saved_network(tmp_path)), "network_def": SMALL, "image_size": [32, 32]}
    with pytest.raises(LungXferError, match=r"mistyped: there is no such folder\. Check --dataset_dir"):
        run_bundle(bundle, "inference", settings | {"dataset_dir": str(tmp_path / "mistyped"), "device": "cpu"})


@pytest.mark.parametrize("device", ["cpu", "$torch.device('cpu')"])
def test_processes_on_processors_do_not_talk_as_gpus_do_where_there_is_one(
    bundle: Path, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.distributed, "init_process_group", backends.append)
    parser = bundle_workflow(bundle, "multi_gpu_train", {"device": device}).parser
    begin, choose_gpu = (parser.get_parsed_content(f"processes#{number}") for number in range(2))
    assert (begin, backends, choose_gpu) == (None, ["gloo"], None)
    assert parser.get_parsed_content("network#device_ids") is None


def run_two_processes(settings: dict[str, Any], *overlays: str) -> None:
    """Train the portable stage by `torchrun`, with overlays of its train.yaml."""
    bundle = bundle_path("portable")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=0", "--standalone"]
    command += ["-m", "monai.bundle", "run", "--bundle_root", str(bundle), "--config_file"]
    command.append(str([str(bundle / "configs" / name) for name in ("train.yaml", *overlays)]))
    overrides = [word for key, value in settings.items() for word in (f"--{key}", str(value))]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([*command, *overrides], check=True, capture_output=True, env=environment, timeout=300)


def test_two_processes_train_as_one(small_settings: dict[str, Any], tmp_path: Path) -> None:
    """The joint batch, its statistics and its loss are those of one process, so the validation loss is too."""
    settings = small_settings | {"max_epochs": 1, "precision": "float32"}
    alone = run_bundle("portable", "train", settings).parser.get_parsed_content("validate#evaluator")
    folder = tmp_path / "two"
    run_two_processes(
        settings | {"output_dir": str(folder), "ckpt_dir": str(folder / "models")}, "multi_gpu_train.yaml"
    )
    best, _ = weights(folder / "models" / "resume.pt")["best"]
    assert best == pytest.approx(alone.state.best_metric, abs=1e-3)
    one, two = weights(tmp_path / "out" / "models" / "model.pt"), weights(folder / "models" / "model.pt")
    torch.testing.assert_close(two, one, rtol=1e-3, atol=1e-3)


def test_two_processes_estimate_the_second_recipes_statistics_as_one(
    small_settings: dict[str, Any], tmp_path: Path
) -> None:
    """Of equal weights: nothing is learnt here, since the processes draw other images than one would."""
    settings = small_settings | {"max_epochs": 1, "learning_rate": 0.0, "samples_per_epoch": 8, "batch_size": 8}
    settings |= {"image_size": [128, 128]}
    run_bundle("portable", "train_best", settings)
    folder = tmp_path / "two"
    both = settings | {"output_dir": str(folder), "ckpt_dir": str(folder / "models")}
    run_two_processes(both, "train_best.yaml", "multi_gpu_train.yaml")
    one, two = weights(tmp_path / "out" / "models" / "model.pt"), weights(folder / "models" / "model.pt")
    # Both see all images, so the joint batch has each twice, and Bessel's correction is a little smaller.
    torch.testing.assert_close(two, one, rtol=5e-3, atol=1e-5)

"""What the bundles share is the same in all of them; that each is complete is tested with `lungxfer bundles verify`."""

from __future__ import annotations

import copy
import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from monai.bundle import ConfigParser

import monai_lungxfer
from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.networks.description import describe_weights
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.sidecar import read_sidecar

# Ids of train.yaml in which the stages differ on purpose; all others must agree.
OWN = {"hold_out", "parent", "experiment_name", "run_name"}
# The donor alone reads channels of MRI, three or one by its setting `channels`; the other stages replicate a grey one.
MRI = {"channels", "imports", "network_def", "deterministic_transforms", "final_transforms"}
MRI |= {"best_weights", "resume_point"}  # which keep the name of the channel
OBJECTS = {"objects_prob", "objects", "consistency", "object_consistency"}


def config(bundle: Path, name: str) -> dict[str, Any]:
    return yaml.safe_load((bundle / "configs" / name).read_text())


def without_objects(trained: dict[str, Any]) -> dict[str, Any]:
    """Return a training without what draws foreign objects: on radiographs, and not on MRI."""
    kept = {key: value for key, value in trained.items() if key not in OBJECTS}
    kept["initialize"] = [line for line in trained["initialize"] if "@object_consistency" not in line]
    train = kept["train"] = copy.deepcopy(trained["train"])
    train["random_transforms"] = [
        one for one in train["random_transforms"] if one.get("_disabled_") != "$not @objects_prob"
    ]
    for handler in train["handlers"]:
        for name in OBJECTS:
            handler.get("experiment_param", {}).pop(name, None)
    return kept


def test_every_stage_has_a_bundle_and_its_parent_is_the_stage_before(bundle: Path) -> None:
    stage = next(stage for stage in STAGES.values() if stage.bundle == bundle.name)
    parent = config(bundle, "train.yaml")["parent"]
    assert parent == (None if stage.parent is None else STAGES[stage.parent].bundle)


def test_versions_in_the_metadata_are_those_of_this_environment(bundle: Path) -> None:
    described = json.loads((bundle / "configs" / "metadata.json").read_text())
    assert described["required_packages_version"]["monai_lungxfer"] == monai_lungxfer.__version__
    assert described["monai_version"] == importlib.metadata.version("monai")


@pytest.mark.parametrize("stage", ["donor", "general"])
def test_training_differs_from_the_last_stage_only_on_purpose(stage: str) -> None:
    own, last = (config(bundle_path(name), "train.yaml") for name in (stage, "portable"))
    last = without_objects(last) if stage == "donor" else last
    allowed = OWN | (MRI if stage == "donor" else set())
    assert set(own) ^ set(last) == ({"channels"} if stage == "donor" else set())
    assert {key for key in last if own[key] != last[key]} <= allowed


@pytest.mark.parametrize("stage", ["donor", "general"])
@pytest.mark.parametrize("name", ["multi_gpu_train.yaml", "inference_trt.yaml", "logging.conf"])
def test_overlays_are_the_same_in_every_bundle(stage: str, name: str) -> None:
    own, last = (bundle_path(bundle) / "configs" / name for bundle in (stage, "portable"))
    assert own.read_text() == last.read_text()


def test_the_donor_reads_channels_of_mri_and_the_others_replicate_one() -> None:
    readers = {
        stage: config(bundle_path(stage), "train.yaml")["deterministic_transforms"][1].get("channels", "grey")
        for stage in STAGES
    }
    assert readers == {"donor": "$@channels or 'rgb'", "general": "grey", "portable": "grey"}
    assert config(bundle_path("donor"), "train.yaml")["channels"] is None
    for stage in ("general", "portable"):
        trained = config(bundle_path(stage), "train.yaml")
        replicate = trained["final_transforms"][0]
        assert (replicate["_target_"], replicate["repeats"]) == ("RepeatChanneld", "@network_def#in_channels")
        assert trained["network_def"]["in_channels"] == 3


def test_inference_prepares_images_as_training_does(bundle: Path) -> None:
    """The transforms of the image alone, in training and in inference, with their arguments.

    Training takes images as they are stored, since their masks are drawn on them so, and of the grey scale they have.
    """
    trained = config(bundle, "train.yaml")
    steps = [
        step | {"keys": "image"}  # the label is resized along
        for step in trained["deterministic_transforms"] + trained["final_transforms"]
        if step["keys"] == "image" or step["_target_"].endswith("FittedResized")
    ]
    first, picture, upright, *others = config(bundle, "inference.yaml")["preprocessing"]["transforms"]
    assert upright == {"_target_": "monai_lungxfer.transforms.upright.Uprightd", "keys": "image"}
    polarity = {
        "_target_": "monai_lungxfer.transforms.polarity.FixPolarityd",
        "keys": "image",
        "active": "@fix_polarity",
    }
    assert (polarity in others) == (not bundle.name.startswith("lgg"))  # there is none in MRI
    assert steps == [first, picture, *(step for step in others if step != polarity)]


def test_the_method_is_the_papers(bundle: Path) -> None:
    """Constants of the paper, spelled here independently of the configuration."""
    parser = ConfigParser(config(bundle, "train.yaml"))
    rotation = parser["train#random_transforms#0"]
    assert rotation["_target_"] == "RandRotated"
    assert rotation["prob"] == 0.75
    assert rotation["range_x"] == pytest.approx(10 * 3.141592653589793 / 180)
    assert parser["loss"] == {
        "_target_": "DiceLoss",
        "sigmoid": True,
        "smooth_nr": 1.0,
        "smooth_dr": 1.0,
        "batch": True,
    }
    assert parser["optimizer"]["_target_"] == "torch.optim.Adam"
    assert parser["learning_rate"] == 0.001
    assert parser["early_stop_patience"] == 20
    assert parser["fractions"] == [0.6, 0.2, 0.2]
    assert parser["image_size"] == [256, 256]
    assert parser["hold_out"] == (0.5 if bundle.name.startswith("portable") else 0.0)


def test_the_weights_that_ship_are_of_the_network_and_size_of_their_recipe(bundle: Path) -> None:
    second = bundle / "configs" / "train_best.yaml"  # the recipe of the weights, where there is one
    recipe = config(bundle, "train.yaml") | (config(bundle, second.name) if second.exists() else {})
    if bundle.name.startswith("lgg"):  # by default, channels is null
        assert recipe["network_def"]["in_channels"] == "$1 if @channels else 3"
        recipe["network_def"]["in_channels"] = 3
    weights = bundle / "models" / "model.pt"
    sidecar = read_sidecar(weights)
    assert sidecar.image_size == recipe["image_size"]
    assert sidecar.network == describe_weights(read_state_dict(weights)) == recipe["network_def"]
    assert config(bundle, "inference.yaml")["network_def"] == sidecar.network


def test_overlays_name_what_they_replace(bundle: Path) -> None:
    """A position in a list would be another part as soon as a line is added above it."""
    for file in (bundle / "configs").glob("*.yaml"):
        assert not [key for key in config(bundle, file.name) if any(part.isdigit() for part in key.split("#"))]

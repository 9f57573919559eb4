"""What an exported network says of the steps around it: those of inference.yaml as it is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path, export_bundle
from monai_lungxfer.bundle.workflow import bundle_workflow
from monai_lungxfer.export.description import describe_pipeline
from monai_lungxfer.export.formats import export_formats
from monai_lungxfer.utils.files import hash_file


def described(bundle: str, **overrides: Any) -> dict[str, list[dict[str, Any]]]:
    parser = bundle_workflow(bundle, "inference", {"device": torch.device("cpu"), **overrides}).parser
    return describe_pipeline(parser)


def names(steps: list[dict[str, Any]]) -> list[str]:
    return [step["step"] for step in steps]


def test_the_steps_are_those_of_the_bundle() -> None:
    told = described("portable")
    expected = ["read", "upright", "resize", "fix_polarity", "normalise", "repeat_channel"]
    assert names(told["preprocessing"]) == expected
    assert names(told["postprocessing"]) == ["sigmoid", "resize", "threshold", "clean"]
    resize, polarity, normalise, repeat = told["preprocessing"][2:]
    assert (resize["size"], resize["antialias"], polarity["active"], repeat["times"]) == ([192, 192], True, True, 3)
    assert (normalise["subtract"], normalise["divide"], normalise["per_channel"]) == (
        "mean",
        "standard deviation",
        True,
    )
    assert told["postprocessing"][1]["antialias"] is False
    assert all(step["text"] for part in told.values() for step in part)


def test_they_follow_the_settings() -> None:
    told = described("portable", threshold=0.3, clean=False, image_size=[64, 96], fix_polarity=False)
    steps = {step["step"]: step for part in told.values() for step in part if step.get("size") != "input"}
    assert "clean" not in steps
    assert (steps["threshold"]["value"], steps["resize"]["size"]) == (0.3, [64, 96])
    assert steps["fix_polarity"]["active"] is False


def test_another_bundle_has_other_steps() -> None:
    told = described("donor")["preprocessing"]
    assert names(told) == ["read", "upright", "resize", "normalise"]
    assert told[0]["channels"] == "rgb"


def test_images_that_keep_their_aspect() -> None:
    pad, aspect = (described("portable", sizing=sizing, image_size=[192, 192]) for sizing in ("pad", "aspect"))
    assert names(pad["preprocessing"])[2:] == ["resize", "fix_polarity", "normalise", "repeat_channel", "pad"]
    assert names(pad["postprocessing"])[:2] == ["crop", "sigmoid"]
    assert (pad["preprocessing"][2]["longest_side"], pad["preprocessing"][-1]["multiple"]) == (192, 32)
    assert names(aspect["preprocessing"])[-1] == "repeat_channel"
    resize = aspect["preprocessing"][2]
    assert (resize["pixels"], resize["multiple"], resize["max_aspect"]) == (192**2, 32, 4)
    assert described("portable", sizing="multi") == described("portable")


def test_what_is_not_known_is_named() -> None:
    flip = {"_target_": "Flipd", "keys": "image"}
    told = described("portable", **{"preprocessing#transforms#5": flip})["preprocessing"][4]
    assert (told["step"], told["class"]) == ("other", "monai.transforms.spatial.dictionary.Flipd")


@pytest.mark.parametrize("name", ["portable", "donor"])
def test_the_file_is_valid_and_holds_them(name: str, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    bundle = export_bundle(name, tmp_path)
    assert export_formats(bundle, ["onnx"])["formats"]["onnx"]["lowest_dice"] >= 0.999
    model = onnx.load(bundle / "models" / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    held = {entry.key: entry.value for entry in model.metadata_props}
    told = json.loads(held["pipeline"])
    assert {part: told[part] for part in ("preprocessing", "postprocessing")} == described(name)
    assert told["weights_sha256"] == hash_file(bundle_path(name) / WEIGHTS)
    assert (told["input"]["name"], told["output"]["name"], told["version"]) == ("image", "pred", "0.1.0")
    assert told["input"]["shape"][1:] == [3, *told["preprocessing"][2]["size"]]
    assert "Not a medical device" in held["notice"]
    assert str(tmp_path) not in json.dumps(held)

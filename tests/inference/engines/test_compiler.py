"""Compiled pipelines beside the bundle that they are compiled from, run by MONAI."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from compiled_bundle import compiled_bundle, phantom, small_bundle

from monai_lungxfer.bundle.files import INFERENCE, WEIGHTS, bundle_path
from monai_lungxfer.inference.engines import compiler
from monai_lungxfer.inference.engines.compiled_engine import CompiledEngine
from monai_lungxfer.inference.engines.engine import NotCompiled
from monai_lungxfer.inference.engines.pipeline_file import find_pipeline, pipeline_beside
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.channels import select_planes
from monai_lungxfer.io.orientation import Turn
from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.files import hash_file

ENGINES = ("onnx", "openvino")

OTHER = "from monai.transforms import NormalizeIntensityd as N\nclass NormalizeIntensityd(N): pass\n"
REPEATS = 'repeats: "@network_def#in_channels"'
SECOND = "    - _target_: NormalizeIntensityd\n      keys: image\n      channel_wise: true"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled_bundle(tmp_path_factory.mktemp("compiled"))[0]


def _compared(bundle: Path | str, engine: str, radiographs: list[Radiograph], **how: object) -> None:
    compiled, reference = (
        Segmenter.from_bundle(bundle, engine=name, device="cpu", **how) for name in (engine, "torch")
    )
    assert (compiled.engine.name, reference.engine.name) == (engine, "torch")
    for radiograph in radiographs:
        one, other = compiled.segment(radiograph), reference.segment(radiograph)
        assert one.mask.shape == radiograph.pixels.shape[-2:]
        assert np.abs(one.probability - other.probability).max() < 0.002
        both = 2 * np.count_nonzero(one.mask & other.mask)
        assert both >= 0.9999 * (np.count_nonzero(one.mask) + np.count_nonzero(other.mask))
        assert one.remarks == other.remarks
        assert one.flags == other.flags
        assert one.radiograph.traits.is_turned_round == other.radiograph.traits.is_turned_round


@pytest.mark.parametrize("engine", ENGINES)
def test_masks_are_those_of_monai(bundle: Path, engine: str) -> None:
    drawn = phantom()
    turned = [Radiograph(drawn.pixels, "array", turn=turn) for turn in (Turn(True), Turn(False, True, True))]
    scaled = [Radiograph(drawn.pixels * scale + shift, "array") for scale, shift in ((257, 0), (1e-3, -4), (-1, 255))]
    _compared(bundle, engine, [drawn, *turned, *scaled, phantom(64, 90), phantom(800, 500, seed=2)])


@pytest.mark.parametrize("engine", ENGINES)
def test_settings_are_followed(bundle: Path, engine: str) -> None:
    for overrides in ({"threshold": 0.2}, {"clean": False}, {"fix_polarity": False}):
        _compared(bundle, engine, [phantom(seed=3)], overrides=overrides)


@pytest.mark.parametrize("sizing", ["pad", "aspect", "multi"])
def test_images_keep_sizes_of_their_own(tmp_path: Path, sizing: str) -> None:
    bundle, _ = compiled_bundle(tmp_path, sizing=sizing)
    shapes = ((300, 260), (64, 90), (90, 1000), (1000, 90), (97, 131))
    for engine in ENGINES:
        _compared(bundle, engine, [phantom(*shape) for shape in shapes])


@pytest.mark.parametrize("engine", ENGINES)
def test_images_of_three_channels(tmp_path: Path, engine: str) -> None:
    bundle, _ = compiled_bundle(tmp_path, name="donor")
    planes = np.stack([phantom(seed=seed).pixels for seed in (1, 2, 3)])
    _compared(bundle, engine, [Radiograph(planes, "array")], overrides={"precision": "float32"})


@pytest.mark.parametrize("engine", ENGINES)
def test_networks_of_one_channel(tmp_path: Path, engine: str) -> None:
    bundle, _ = compiled_bundle(tmp_path, in_channels=1)
    _compared(bundle, engine, [phantom(seed=3)])


def test_one_sequence_of_an_mri_slice(tmp_path: Path) -> None:
    """The other two are not looked at; a network of three channels gets it three times."""
    planes = np.stack([phantom(seed=seed).pixels for seed in (1, 2, 3)], -1)
    for channels in (1, 3):
        bundle, pipeline = compiled_bundle(
            tmp_path / str(channels), name="donor", in_channels=channels, sequence="flair"
        )
        assert pipeline.settings.channels == "flair"
        image = Radiograph(select_planes(planes, "flair"), "array")
        np.testing.assert_array_equal(image.pixels, phantom(seed=2).pixels)
        _compared(bundle, "onnx", [image], overrides={"precision": "float32"})


@pytest.mark.parametrize("engine", ENGINES)
def test_shipped_weights_on_real_radiographs(shared_data: Path, engine: str) -> None:
    files = [*sorted((shared_data / "native" / "images").iterdir())[:3], *sorted((shared_data / "dicom").iterdir())[:2]]
    _compared("portable", engine, [read_radiograph(file) for file in files])


@pytest.mark.parametrize("half", [False, True])
def test_weights_stay_in_their_file(tmp_path: Path, half: bool) -> None:
    bundle, pipeline = compiled_bundle(tmp_path, half=half)
    assert pipeline.file.stat().st_size < 0.5 * (bundle / WEIGHTS).stat().st_size + 250_000
    model = onnx.load(pipeline.file, load_external_data=False)
    outside = [tensor for tensor in model.graph.initializer if tensor.external_data]
    assert {entry.value for tensor in outside for entry in tensor.external_data if entry.key == "location"} == {
        "model.pt"
    }
    kinds = {tensor.data_type for tensor in outside}
    assert (onnx.TensorProto.FLOAT16 in kinds) == half
    assert not any(node.doc_string for node in model.graph.node)
    onnx.checker.check_model(str(pipeline.file))


def test_in_the_cache_it_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    bundle = small_bundle(tmp_path)
    made = Segmenter.from_bundle(bundle, engine="onnx", device="cpu").segment(phantom())
    kept = find_pipeline(bundle, bundle / WEIGHTS, hash_file(bundle / WEIGHTS))
    assert kept is not None
    assert kept.file.is_relative_to(tmp_path / "cache")
    assert not pipeline_beside(bundle / WEIGHTS).exists()
    before = kept.file.stat().st_mtime_ns
    again = Segmenter.from_bundle(bundle, device="cpu")  # "auto" takes what is there
    assert again.engine.name == "onnx"
    assert np.array_equal(again.segment(phantom()).mask, made.mask)
    assert kept.file.stat().st_mtime_ns == before
    assert not any(tensor.external_data for tensor in onnx.load(kept.file).graph.initializer)


@pytest.mark.parametrize("engine", ENGINES)
def test_weights_that_are_a_link(tmp_path: Path, engine: str) -> None:
    bundle = small_bundle(tmp_path)
    elsewhere = (bundle / WEIGHTS).rename(tmp_path / "stored")
    (bundle / WEIGHTS).symlink_to(elsewhere)
    compiler.compile_bundle(bundle, bundle / WEIGHTS)
    assert Segmenter.from_bundle(bundle, engine=engine).engine.name == engine


def test_what_differs_from_pytorch_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = CompiledEngine.finish

    def shifted(self: CompiledEngine, image: object, answer: object, size: tuple[int, int]) -> object:
        maps = real(self, image, answer, size)
        maps.raw[:] = np.roll(maps.raw, 9, axis=1)
        return maps

    monkeypatch.setattr(CompiledEngine, "finish", shifted)
    bundle = small_bundle(tmp_path)
    with pytest.raises(BundleError, match="reach a Dice of"):
        compiler.compile_bundle(bundle, bundle / WEIGHTS)
    assert sorted(file.name for file in (bundle / "models").iterdir()) == ["model.json", "model.pt"]


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ("channel_wise: true", "channel_wise: true\n      nonzero: true", "NormalizeIntensityd"),
        ("nearest_interp: false", "nearest_interp: true", "Invertd"),
        (REPEATS, f"{REPEATS}\n    - _target_: Flipd\n      keys: image", "Flipd"),
        ("nearest_interp: false", 'nearest_interp: false\n      post_func: "$lambda found: found"', "Invertd"),
        ("sigmoid: true", 'sigmoid: true\n      other: "$lambda found: found"', "Activationsd"),
        ("precision: float32", "precision: bfloat16", "inferer"),
        ("_target_: NormalizeIntensityd", "_target_: other_transforms.NormalizeIntensityd", "other_transforms"),
        ("channel_wise: true", f"channel_wise: true\n{SECOND}", "NormalizeIntensityd NormalizeIntensityd"),
    ],
)
def test_other_steps_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, instead: str, told: str
) -> None:
    (tmp_path / "other_transforms.py").write_text(OTHER)
    monkeypatch.syspath_prepend(tmp_path)
    bundle = small_bundle(tmp_path)
    file = bundle / INFERENCE
    text = file.read_text()
    assert written in text
    file.write_text(text.replace(written, instead, 1))
    with pytest.raises(NotCompiled, match=told):
        compiler.compile_bundle(bundle, bundle / WEIGHTS)


def test_a_setting_that_means_something_else_is_not_open(tmp_path: Path) -> None:
    bundle = small_bundle(tmp_path)
    file = bundle / INFERENCE
    file.write_text(file.read_text().replace('"$float(@threshold)"', "0.5"))
    pipeline = compiler.compile_bundle(bundle, bundle / WEIGHTS)
    assert pipeline.settings.open == ("clean", "fix_polarity")


@pytest.mark.parametrize("stage", ["donor", "general", "portable"])
def test_what_ships_is_of_these_weights_and_this_configuration(stage: str) -> None:
    bundle = bundle_path(stage)
    if not (bundle / WEIGHTS).is_file():
        pytest.skip("its weights are not in this installation")
    pipeline = find_pipeline(bundle, bundle / WEIGHTS, hash_file(bundle / WEIGHTS))
    assert pipeline is not None, "compile it again: lungxfer bundles compile donor general portable"
    assert pipeline.file == pipeline_beside(bundle / WEIGHTS)
    assert pipeline.check["lowest_dice"] >= compiler.MIN_DICE


def test_weights_that_are_replaced_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = small_bundle(tmp_path)
    monkeypatch.setattr(compiler, "_compared", lambda *_: torch.save({}, bundle / WEIGHTS))
    with pytest.raises(BundleError, match="were replaced meanwhile"):
        compiler.compile_bundle(bundle, bundle / WEIGHTS)

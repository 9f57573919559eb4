"""Border refiners from training to use: learnt, measured at native size, predicted with, and moved with a bundle."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from monai_lungxfer.bundle.files import REFINER, export_bundle
from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.bundle.workflow import bundle_workflow, run_bundle
from monai_lungxfer.data.splits import load_split
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_mask, read_radiograph
from monai_lungxfer.metrics.per_image import image_metrics
from monai_lungxfer.networks.border_refiner import BorderRefiner
from monai_lungxfer.networks.description import describe_network
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.training import border_examples
from monai_lungxfer.training import refiner as training
from monai_lungxfer.training.refiner import train_refiner
from monai_lungxfer.training.stage import StageFolder, evaluate_stage
from monai_lungxfer.utils.errors import LungXferError, OutputError, TransferError, root_cause
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.learnt import digest_images
from monai_lungxfer.weights.refiner_file import RefinerDescription, read_refiner, save_refiner
from monai_lungxfer.weights.saving import save_weights
from monai_lungxfer.weights.sidecar import Sidecar
from tests.helpers.adapter_files import write_adapter

STAGE = STAGES["portable"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Phantoms of many sizes, weights that say something of them, and a refiner that moves every border."""
    root = tmp_path_factory.mktemp("run")
    data = write_phantoms(root / "data", donor=0, general=0, portable=24, size=150)
    torch.manual_seed(0)
    unet = DonorUNet(init_features=4)
    nn.init.normal_(unet.conv.weight, std=5)
    weights = save_weights(unet.state_dict(), root / "model.pt", Sidecar([64, 64]))
    network = BorderRefiner(width=4)
    nn.init.constant_(network.correction.bias, 3)
    described = RefinerDescription(hash_file(weights), 150, 4)
    return SimpleNamespace(
        data=data,
        folder=StageFolder(root / "out"),
        weights=weights,
        refiner=save_refiner(network, root / "refiner.pt", described),
    )


def measured(run: SimpleNamespace, **settings: object) -> dict:
    return evaluate_stage(STAGE, run.data, run.folder, run.weights, "test", {"overwrite": True, **settings})


@pytest.mark.parametrize("clean", [False, True])
@pytest.mark.parametrize("refined", [False, True])
def test_native_size_is_measured_on_what_predict_gives(run: SimpleNamespace, *, refined: bool, clean: bool) -> None:
    file = run.refiner if refined else None
    report = measured(run, at="native", refiner=file, clean=clean)
    segmenter = Segmenter.from_bundle(
        "portable", weights=run.weights, device="cpu", engine="torch", refiner=file, overrides={"fix_polarity": False}
    )
    assert (report["at"], report["clean"]) == ("native", clean)
    assert report["refiner_sha256"] == (hash_file(file) if refined else None)
    root = run.data / "portable"
    labels = {one["image"]: one["label"] for one in json.loads((root / "datalist.json").read_text())}
    sizes = set()
    for row in report["rows"]:
        found = segmenter.segment_file(root / row["image"])
        mask = found.mask if clean else found.raw
        names = ("DICE", "DICE_HARD", "BIOU", "NSD_D0.5", "ASD", "AREA")
        expected = image_metrics(found.probability, read_mask(root / labels[row["image"]]), names, None, mask)
        assert {name: row[name] for name in names} == pytest.approx(
            {name: value.item() for name, value in expected.items()}, abs=1e-6
        )
        assert row["grid"] == "x".join(map(str, found.mask.shape))
        sizes.add(row["grid"])
    assert len(sizes) > 1


def test_the_grid_is_measured_as_before(run: SimpleNamespace) -> None:
    grid, native = measured(run), measured(run, at="native")
    assert {row["grid"] for row in grid["rows"]} == {"64x64"}
    assert "BIOU" not in grid["all"]
    assert Path(grid["report_file"]).name.startswith("test-")
    assert Path(native["report_file"]).name.startswith("test-native-")
    assert grid["all"]["DICE_HARD"]["mean"] == pytest.approx(native["all"]["DICE_HARD"]["mean"], abs=0.03)


def test_wrong_words_are_refused(run: SimpleNamespace) -> None:
    with pytest.raises(LungXferError, match="Use grid or native"):
        measured(run, at="nativ")
    with pytest.raises(LungXferError, match="native size alone"):
        measured(run, refiner=run.refiner)


def test_a_result_tells_its_refiner_by_its_hash_alone(run: SimpleNamespace, caplog: pytest.LogCaptureFixture) -> None:
    plain, refined = (
        Segmenter.from_bundle("portable", weights=run.weights, device="cpu", refiner=one) for one in (None, run.refiner)
    )
    assert refined.engine.name == "torch"
    assert "a border refiner runs in PyTorch alone" in caplog.text
    assert refined.identity.overrides == (f"refiner={hash_file(run.refiner)[:12]}",)
    assert str(run.refiner.parent) not in str(refined.identity)
    image = run.data / "portable" / json.loads((run.data / "portable" / "datalist.json").read_text())[0]["image"]
    before, after = plain.segment_file(image), refined.segment_file(image)
    changed = before.probability != after.probability
    assert 0 < changed.mean() < 1
    assert (after.probability >= before.probability)[before.probability < 0.5].all()  # 3 was added to the logit
    assert after.raw.sum() > before.raw.sum()


def test_a_turned_picture_gives_a_turned_mask(run: SimpleNamespace) -> None:
    """The refiner sees the picture upright, and the mask goes back into the stored frame."""
    from dataclasses import replace

    from monai_lungxfer.io.orientation import UPSIDE_DOWN

    segmenter = Segmenter.from_bundle("portable", weights=run.weights, device="cpu", refiner=run.refiner)
    image = run.data / "portable" / json.loads((run.data / "portable" / "datalist.json").read_text())[1]["image"]
    upright = read_radiograph(image)
    stored = replace(upright, pixels=np.ascontiguousarray(UPSIDE_DOWN.undo(upright.pixels)), turn=UPSIDE_DOWN)
    first, second = (segmenter.segment(one) for one in (upright, stored))
    np.testing.assert_allclose(UPSIDE_DOWN.apply(second.probability), first.probability, atol=1e-5)


def test_a_refiner_of_other_weights_is_refused(run: SimpleNamespace, tmp_path: Path) -> None:
    other = save_weights(DonorUNet(init_features=4).state_dict(), tmp_path / "other.pt", Sidecar([64, 64]))
    own, used = hash_file(run.weights)[:12], hash_file(other)[:12]
    with pytest.raises(TransferError, match=f"weights {own}, and those in use are {used}"):
        Segmenter.from_bundle("portable", weights=other, device="cpu", refiner=run.refiner)
    with pytest.raises(TransferError, match=f"weights {own}, and those in use are {used}"):
        evaluate_stage(
            STAGE, run.data, run.folder, other, "test", {"at": "native", "refiner": run.refiner, "overwrite": True}
        )


@pytest.mark.parametrize("of_adapter", [True, False])
def test_a_bundle_run_of_an_adapter_takes_the_adapters_refiner_alone(
    run: SimpleNamespace, tmp_path: Path, *, of_adapter: bool
) -> None:
    adapter = tmp_path / "adapter.pt"
    base = DonorUNet(init_features=4)
    base.load_state_dict(torch.load(run.weights, weights_only=True))
    write_adapter(adapter, run.weights, base)
    refined = adapter if of_adapter else run.weights
    described = RefinerDescription(hash_file(refined), 150, 4)
    refiner = save_refiner(BorderRefiner(width=4), tmp_path / "refiner.pt", described)
    overrides = {"weights": run.weights, "adapter": adapter, "refiner": refiner, "network_def": describe_network(base)}
    overrides |= {"dataset_dir": run.data / "portable" / "images", "output_dir": tmp_path / "masks"}
    parser = bundle_workflow("portable", "inference", overrides).parser
    if of_adapter:
        steps = parser.get_parsed_content("postprocessing").transforms
        assert hash_file(refiner) in [getattr(step, "sha256", None) for step in steps]
    else:
        with pytest.raises(RuntimeError) as caught:
            parser.get_parsed_content("postprocessing")
        expected = f"those in use are {hash_file(adapter)[:12]}"
        assert expected in str(root_cause(caught.value))


def test_a_refiner_moves_with_its_bundle(run: SimpleNamespace, tmp_path: Path) -> None:
    bundle = export_bundle("portable", tmp_path / "first")
    for suffix in (".pt", ".json"):
        shutil.copy(run.weights.with_suffix(suffix), (bundle / "models" / "model.pt").with_suffix(suffix))
        shutil.copy(run.refiner.with_suffix(suffix), (bundle / REFINER).with_suffix(suffix))
    config = bundle / "configs" / "inference.yaml"
    text = config.read_text()
    assert "\nrefiner: null" in text
    config.write_text(text.replace("\nrefiner: null", "\nrefiner: \"$@ckpt_dir + '/refiner.pt'\"", 1))
    copy = export_bundle(bundle, tmp_path / "second")
    segmenter = Segmenter.from_bundle(copy, device="cpu")
    assert segmenter.identity.overrides == (f"refiner={hash_file(run.refiner)[:12]}",)
    images = tmp_path / "images"
    images.mkdir()
    image = run.data / "portable" / json.loads((run.data / "portable" / "datalist.json").read_text())[0]["image"]
    shutil.copy(image, images / "cxr.png")
    described = describe_network(DonorUNet(init_features=4))
    overrides = {"dataset_dir": images, "output_dir": tmp_path / "masks", "device": "$torch.device('cpu')"}
    overrides |= {"postprocessing#transforms#6#output_ext": ".png", "network_def": described}
    run_bundle(copy, "inference", overrides)
    written = np.asarray(Image.open(next((tmp_path / "masks").glob("*.png")))) > 0
    np.testing.assert_array_equal(written, segmenter.segment_file(image).mask > 0)


def test_it_learns_from_training_images_and_is_the_same_again(
    run: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(border_examples, "BATCH", 2)
    looked_at: list[str] = []
    examples = training.border_examples

    def watch(segmenter, records, side):
        looked_at.extend(record["image"] for record in records)
        return examples(segmenter, records, side)

    monkeypatch.setattr(training, "border_examples", watch)
    results = [
        train_refiner(STAGE, run.data, run.folder, run.weights, file=tmp_path / f"{name}.pt", steps=8, device="cpu")
        for name in "ab"
    ]
    split = load_split(run.folder.split, run.data / "portable")
    used = [*split.training, *split.validation]
    assert looked_at == [record["image"] for record in used] * 2
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()
    description = read_refiner(tmp_path / "a.pt")
    assert description.weights_sha256 == hash_file(run.weights)
    assert description.learnt[0].images == frozenset(digest_images(used))
    assert description.training["split"] == split.hash
    assert results[0]["after"]["BIOU"] >= results[0]["before"]["BIOU"]
    with pytest.raises(OutputError, match="is there already"):
        train_refiner(STAGE, run.data, run.folder, run.weights, file=tmp_path / "a.pt", steps=8)


def test_a_step_is_kept_only_when_it_is_better_beyond_chance() -> None:
    before = {"BIOU": np.full(4, 0.5), "DICE_HARD": np.full(4, 0.9)}
    better = {"BIOU": np.array([0.52, 0.53, 0.52, 0.53]), "DICE_HARD": np.full(4, 0.91)}
    by_chance = better | {"BIOU": np.array([0.7, 0.4, 0.4, 0.54])}
    worse_dice = better | {"DICE_HARD": np.full(4, 0.89)}
    assert training._is_better(better, before)
    assert not training._is_better(by_chance, before)
    assert not training._is_better(worse_dice, before)
    assert not training._is_better(before, before)

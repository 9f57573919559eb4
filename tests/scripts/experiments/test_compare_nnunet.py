"""The comparison with nnU-Net: conversion, measurement, the order of the steps, and the trainer's clock."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from nnunet_comparison.conversion import DATASET, choose_cases, grey_levels, write_raw
from nnunet_comparison.environment import TRAINER, NnUnet
from nnunet_comparison.measuring import measure
from nnunet_comparison.steps import Comparison
from PIL import Image
from source_tree import REPOSITORY

from monai_lungxfer.data.partition import SECTIONS, Split
from monai_lungxfer.data.records import Record
from monai_lungxfer.utils.errors import DatalistError, InputFileError, LungXferError

SCRIPTS = REPOSITORY / "scripts" / "experiments"

SIZE = (90, 60)  # rows, columns


def record(root: Path, name: str, patient: str, top: int = 20) -> Record:
    """Write a radiograph with a gradient and a mask of two unequal rectangles, the right one `top` rows down."""
    (root / "masks").mkdir(parents=True, exist_ok=True)
    pixels = np.add.outer(np.arange(SIZE[0]), 2 * np.arange(SIZE[1])).astype(np.uint8)
    mask = np.zeros(SIZE, dtype=np.uint8)
    mask[20:70, 5:25] = mask[top:60, 35:55] = 255
    Image.fromarray(pixels).save(root / f"{name}.png")
    Image.fromarray(mask).save(root / "masks" / f"{name}.png")
    return {
        "image": str(root / f"{name}.png"),
        "label": str(root / "masks" / f"{name}.png"),
        "patient": patient,
        "finding": "covid19",
    }


def split_of(root: Path, numbers: tuple[int, int, int, int], first_patient: int = 0) -> Split:
    sections: dict[str, tuple[Record, ...]] = {}
    patients = count(first_patient)
    for name, number in zip(SECTIONS, numbers, strict=False):
        sections[name] = tuple(record(root, f"{name}{n}", f"p{next(patients)}", top=10 + 10 * n) for n in range(number))
    return Split(**sections, seed=0, fractions=(0.6, 0.2, 0.2), hold_out=0.5, root=root)


@pytest.fixture
def splits(tmp_path: Path) -> tuple[Split, Split]:
    return split_of(tmp_path / "portable", (2, 1, 0, 3)), split_of(tmp_path / "general", (3, 2, 1, 0), 100)


def levels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize(
    ("pixels", "kind", "expected"),
    [
        ([0, 7, 255], np.uint8, [0, 7, 255]),
        ([-2, 0, 2], np.uint16, [0, 32768, 65535]),
        ([0, 0.25, 1], np.uint16, [0, 16384, 65535]),
        ([0.5, 0.5], np.uint16, [0, 0]),
    ],
)
def test_grey_levels_keep_or_stretch(pixels: list[float], kind: type, expected: list[int]) -> None:
    found = grey_levels(np.array([pixels], dtype=np.float32))
    assert found.dtype == kind
    assert found.tolist() == [expected]


def test_fold_0_is_our_sections(splits: tuple[Split, Split], tmp_path: Path) -> None:
    work = tmp_path / "work"
    write_raw(choose_cases(splits, "independent"), work)
    (fold,) = json.loads((work / "nnUNet_preprocessed" / DATASET / "splits_final.json").read_text())
    assert fold["train"] == [f"training-0-000{n}" for n in range(2)] + [f"training-1-000{n}" for n in range(3)]
    assert fold["val"] == ["validation-0-0000", "validation-1-0000", "validation-1-0001"]
    raw = work / "nnUNet_raw" / DATASET
    named = sorted(fold["train"] + fold["val"])
    assert sorted(path.name for path in (raw / "imagesTr").iterdir()) == [f"{name}_0000.png" for name in named]
    assert sorted(path.name for path in (raw / "labelsTr").iterdir()) == [f"{name}.png" for name in named]
    assert sorted(path.stem for path in (raw / "imagesTs").iterdir()) == [
        f"independent-0-000{n}_0000" for n in (0, 1, 2)
    ]
    assert [path.stem for path in (work / "curve_images").iterdir()] == ["validation-0-0000_0000"]
    description = json.loads((raw / "dataset.json").read_text())
    assert description["numTraining"] == len(named)
    assert description["labels"] == {"background": 0, "lung": 1}
    assert description["overwrite_image_reader_writer"] == "NaturalImage2DIO"


def test_pictures_are_those_of_the_records(splits: tuple[Split, Split], tmp_path: Path) -> None:
    work = tmp_path / "work"
    write_raw(choose_cases(splits, "independent"), work)
    raw = work / "nnUNet_raw" / DATASET
    source = splits[1].training[2]
    np.testing.assert_array_equal(levels(raw / "imagesTr" / "training-1-0002_0000.png"), levels(Path(source["image"])))
    label = levels(raw / "labelsTr" / "training-1-0002.png")
    assert label.shape == SIZE
    np.testing.assert_array_equal(label, levels(Path(source["label"])) // 255)


def test_a_colour_jpeg_becomes_grey_at_its_own_size(shared_data: Path, tmp_path: Path) -> None:
    listed = json.loads((shared_data / "portable" / "datalist.json").read_text())[0]
    one: Record = {
        "image": str(shared_data / "portable" / listed["image"]),
        "label": str(shared_data / "portable" / listed["label"]),
        "patient": "real",
    }
    synthetic = split_of(tmp_path / "portable", (1, 1, 0, 1))
    split = Split((one,), synthetic.validation, (), synthetic.independent, 0, (0.6, 0.2, 0.2), 0.5, tmp_path)
    write_raw(choose_cases([split], "independent"), tmp_path / "work")
    raw = tmp_path / "work" / "nnUNet_raw" / DATASET
    image, label = (
        levels(raw / "imagesTr" / "training-0-0000_0000.png"),
        levels(raw / "labelsTr" / "training-0-0000.png"),
    )
    assert image.ndim == 2
    assert image.shape == label.shape
    assert set(np.unique(label)) == {0, 1}
    with Image.open(one["image"]) as original:
        grey = np.asarray(original.convert("L"), dtype=float)
    assert np.corrcoef(grey.ravel(), image.ravel().astype(float))[0, 1] > 0.9999


def test_a_patient_on_both_sides_is_refused(tmp_path: Path) -> None:
    first = split_of(tmp_path / "portable", (1, 1, 0, 1))
    other = split_of(tmp_path / "general", (2, 1, 0, 0), first_patient=1)  # p1 and p2 are validated and measured
    with pytest.raises(DatalistError, match="1 patients of the measured section and 1 of the first split's validation"):
        choose_cases([first, other], "independent")


def test_an_empty_section_and_a_missing_mask_are_refused(tmp_path: Path) -> None:
    split = split_of(tmp_path, (1, 1, 0, 1))
    with pytest.raises(DatalistError, match="the test section is empty"):
        choose_cases([split], "test")
    del split.independent[0]["label"]
    with pytest.raises(DatalistError, match="has no mask"):
        choose_cases([split], "independent")


def predict(cases: dict[str, Record], folder: Path, shift: int = 0) -> Path:
    """Write what nnU-Net would: the truth with 0.9 and 0.1 for 1 and 0, rolled down by some rows."""
    folder.mkdir(parents=True)
    for name, one in cases.items():
        lung = np.roll(np.where(levels(Path(one["label"])) > 0, 0.9, 0.1), shift, axis=0).astype(np.float32)
        np.savez_compressed(folder / f"{name}.npz", probabilities=np.stack([1 - lung, lung])[:, None])
    return folder


def test_measured_as_the_bundles_do(splits: tuple[Split, Split], tmp_path: Path) -> None:
    cases = choose_cases(splits, "independent").measured
    exact = measure(cases, predict(cases, tmp_path / "exact"), splits[0].root)
    assert [row["image"] for row in exact.rows] == [f"independent{n}.png" for n in range(3)]
    assert all(row["DICE_HARD"] > 0.995 for row in exact.rows)
    # 3 of 90 rows are 8.53 of 256, and the lungs' upper and lower edges move by them.
    shifted = measure(cases, predict(cases, tmp_path / "shifted", shift=3), splits[0].root)
    for row in shifted.rows:
        assert row["HD95"] == pytest.approx(8.53, abs=1.5)
        assert row["distances_in"] == "pixels"


def test_soft_dice_has_the_probabilities(splits: tuple[Split, Split], tmp_path: Path) -> None:
    cases = choose_cases(splits, "independent").measured
    (row, *_) = measure(cases, predict(cases, tmp_path / "exact"), splits[0].root).rows
    lung = (50 * 20 + 50 * 20) / (SIZE[0] * SIZE[1])  # `top` is 10 in the first
    assert row["DICE"] == pytest.approx(
        2 * 0.9 * lung / (lung + 0.9 * lung + 0.1 * (1 - lung)), abs=0.02
    )  # edges are softer at 256


def test_masks_are_those_of_the_bundle(splits: tuple[Split, Split], tmp_path: Path, monkeypatch: Any) -> None:
    """The truth that is measured against is the label of the bundle's own preprocessing, pixel by pixel."""
    seen: list[torch.Tensor] = []

    def spy(
        pred: torch.Tensor, truth: torch.Tensor, names: Sequence[str], spacing: Any, mask: Any
    ) -> dict[str, torch.Tensor]:
        seen.append(truth[0])
        return {name: torch.zeros(1) for name in names}

    monkeypatch.setattr("monai_lungxfer.handlers.image_table.image_metrics", spy)
    cases = choose_cases(splits, "independent").measured
    measure(cases, predict(cases, tmp_path / "exact"), splits[0].root)
    bundle = REPOSITORY / "bundles" / "portable_cxr_lung_segmentation"
    parser = ConfigParser()
    parser.read_config([bundle / "configs" / "train.yaml", bundle / "configs" / "evaluate.yaml"])
    parser["image_size"] = [256, 256]
    parser["sizing"] = "square"
    prepare = parser.get_parsed_content("validate#preprocessing")
    for truth, one in zip(seen, cases.values(), strict=True):
        np.testing.assert_array_equal(np.asarray(truth), np.asarray(prepare(dict(one))["label"]))


def test_wrong_predictions_are_named(splits: tuple[Split, Split], tmp_path: Path) -> None:
    cases = choose_cases(splits, "independent").measured
    folder = predict(cases, tmp_path / "exact")
    np.savez(folder / "independent-0-0001.npz", probabilities=np.zeros((2, 1, *SIZE[::-1]), np.float32))
    with pytest.raises(InputFileError, match=r"independent-0-0001\.npz.*\(2, 1, 60, 90\) where \(2, 1, 90, 60\)"):
        measure(cases, folder, splits[0].root)
    (folder / "independent-0-0000.npz").unlink()
    with pytest.raises(InputFileError, match=r"independent-0-0000\.npz"):
        measure(cases, folder, splits[0].root)


class FakeNnUnet:
    """Leaves the files that nnU-Net's commands would, and remembers the calls."""

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self.calls: list[str] = []
        cases = choose_cases(comparison.splits, comparison.section)
        self.cases = cases.curve | cases.measured

    def run(self, command: str, arguments: Sequence[object], variables: dict[str, str] | None = None) -> None:
        self.calls.append(command)
        if command == "nnUNetv2_train":
            assert variables == {"LUNGXFER_MINUTES": "5", "LUNGXFER_EPOCHS": "2"}
            self._train(self.comparison.fold)
        if command == "nnUNetv2_predict":
            words = list(arguments)
            names = [path.stem[: -len("_0000")] for path in Path(str(words[1])).iterdir()]
            predict({name: self.cases[name] for name in names}, Path(str(words[3])))

    def _train(self, fold: Path) -> None:
        fold.mkdir(parents=True)
        points = [{"seconds": 150.5, "iterations": 9, "pseudo_dice": 0.5}, {"seconds": 300.0, "iterations": 20}]
        (fold / "points.json").write_text(json.dumps(points))
        for name in ("checkpoint_final", "snapshot_000", "snapshot_001"):
            (fold / f"{name}.pth").write_text(name)
        plan = {"patch_size": [90, 60], "batch_size": 2, "normalization_schemes": ["ZScoreNormalization"]}
        (fold.parent / "plans.json").write_text(json.dumps({"configurations": {"2d": plan}}))

    def versions(self) -> dict[str, str]:
        return {"nnunetv2": "2", "torch": "2"}


def test_steps_leave_report_and_curve_and_are_not_done_twice(splits: tuple[Split, Split], tmp_path: Path) -> None:
    comparison = Comparison(splits, tmp_path / "work", minutes=5, points=2)
    nnunet: Any = FakeNnUnet(comparison)
    report = comparison.run(nnunet)
    assert nnunet.calls == ["nnUNetv2_plan_and_preprocess", "nnUNetv2_train", *["nnUNetv2_predict"] * 3]
    assert report == json.loads((tmp_path / "work" / "independent.json").read_text())
    assert (report["split"], report["images"]) == (splits[0].hash, 3)
    assert report["by_finding"]["covid19"]["DICE_HARD"]["mean"] > 0.995
    curve = json.loads((tmp_path / "work" / "curve.json").read_text())
    assert [(point["seconds"], point["iterations"]) for point in curve["points"]] == [(150.5, 9), (300.0, 20)]
    assert all(point["DICE_HARD"] > 0.995 for point in curve["points"])
    assert curve["other_splits"] == [splits[1].hash]
    assert not list(comparison.fold.glob("snapshot_*"))
    nnunet.calls.clear()
    assert comparison.run(nnunet) == report
    assert nnunet.calls == []


def test_a_folder_of_other_settings_is_refused(splits: tuple[Split, Split], tmp_path: Path) -> None:
    Comparison(splits, tmp_path / "work", minutes=5)._claim_folder()
    Comparison(splits, tmp_path / "work", minutes=5)._claim_folder()
    other = Comparison(splits[:1], tmp_path / "work", minutes=5)
    with pytest.raises(LungXferError, match="comparison with other settings"):
        other.run(FakeNnUnet(other))  # type: ignore[arg-type]


def test_a_missing_environment_and_a_failed_command_are_told(tmp_path: Path) -> None:
    with pytest.raises(LungXferError, match="Add --make-env"):
        NnUnet(tmp_path / "env", tmp_path)
    trainers = tmp_path / "env" / "lib" / "python3.11" / "site-packages" / "nnunetv2" / "training" / "nnUNetTrainer"
    trainers.mkdir(parents=True)
    (tmp_path / "env" / "bin").mkdir()
    (tmp_path / "env" / "bin" / "nnUNetv2_train").write_text("#!/bin/sh\necho about $1 in $nnUNet_raw; exit 3\n")
    (tmp_path / "env" / "bin" / "nnUNetv2_train").chmod(0o755)
    nnunet = NnUnet(tmp_path / "env", tmp_path / "work")
    assert (trainers / TRAINER.name).read_text() == TRAINER.read_text()
    with pytest.raises(LungXferError, match=r"nnunet\.log: nnUNetv2_train ended with the code 3"):
        nnunet.run("nnUNetv2_train", [1])
    assert f"about 1 in {tmp_path / 'work' / 'nnUNet_raw'}" in (tmp_path / "work" / "nnunet.log").read_text()


class Clock:
    """A clock that moves when something is computed."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


def fake_base(clock: Clock, folder: Path, dies_at: float) -> type:
    """Stand in for nnU-Net's trainer: an iteration takes 10 s, one of validation 3 s."""

    class Base:
        num_iterations_per_epoch, num_val_iterations_per_epoch, current_epoch = 250, 50, 0

        def __init__(self, *arguments: Any) -> None:
            self.output_folder = str(folder)
            self.my_init_kwargs: dict[str, Any] = {}
            self.inference_allowed_mirroring_axes = (0, 1)
            self.network = torch.nn.Linear(1, 1)
            self.rates: list[float] = []
            self.lr_scheduler = SimpleNamespace(step=self.rates.append)
            self.logger = SimpleNamespace(get_value=lambda *_, **__: np.float32(0.5))
            self.dataloader_train = self.dataloader_val = iter(int, 1)
            self.validations: list[int] = []

        def train_step(self, batch: Any) -> dict:
            if clock.now >= dies_at:
                raise KeyboardInterrupt
            clock.now += 10
            return {}

        def validation_step(self, batch: Any) -> dict:
            clock.now += 3
            return {}

        def on_validation_epoch_end(self, outputs: list) -> None:
            self.validations.append(len(outputs))

        def on_epoch_end(self) -> None:
            self.current_epoch += 1
            (folder / "latest").write_text(str(self.current_epoch))

        def load_checkpoint(self, file: str) -> None:
            self.current_epoch = int((folder / "latest").read_text())

        def nothing(self, *_: Any) -> None: ...

        on_train_start = on_epoch_start = on_train_epoch_start = on_train_epoch_end = on_train_end = nothing
        on_validation_epoch_start = nothing

    return Base


def trainer_of(monkeypatch: pytest.MonkeyPatch, clock: Clock, folder: Path, dies_at: float = np.inf) -> Any:
    name = "nnunetv2.training.nnUNetTrainer.nnUNetTrainer"
    for part in ("nnunetv2", "nnunetv2.training", "nnunetv2.training.nnUNetTrainer", name):
        monkeypatch.setitem(sys.modules, part, ModuleType(part))
    monkeypatch.setattr(sys.modules[name], "nnUNetTrainer", fake_base(clock, folder, dies_at), raising=False)
    spec = importlib.util.spec_from_file_location("wall_time_under_test", TRAINER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setenv("LUNGXFER_MINUTES", "20")
    monkeypatch.setenv("LUNGXFER_EPOCHS", "4")
    return module.nnUNetTrainerWallTime({}, "2d", 0, {})


def test_training_ends_at_the_wall_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    trainer = trainer_of(monkeypatch, Clock(), tmp_path)
    trainer.run_training()
    seconds = [point["seconds"] for point in trainer.points]
    assert seconds == pytest.approx([300, 600, 900, 1200], abs=20)
    assert seconds[-1] == pytest.approx(1200, abs=5)  # half an iteration
    assert trainer.points[-1]["iterations"] == len(trainer.rates)
    # The schedule's argument runs over the four epochs with the time, and validation is a fifth of the iterations.
    assert trainer.rates == sorted(trainer.rates)
    assert trainer.rates[0] == 0
    assert trainer.rates[-1] == pytest.approx(4, abs=0.1)
    steps = np.diff([0, *(point["iterations"] for point in trainer.points)])
    assert trainer.validations == [round(step / 5) for step in steps]
    assert sorted(path.name for path in tmp_path.glob("*.pth")) == [f"snapshot_00{n}.pth" for n in range(4)]


def test_the_time_before_an_interruption_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first = trainer_of(monkeypatch, Clock(), tmp_path, dies_at=1000.0 + 800)
    with pytest.raises(KeyboardInterrupt):
        first.run_training()
    second = trainer_of(monkeypatch, Clock(), tmp_path)
    second.load_checkpoint("latest")
    assert second.points == first.points
    assert len(second.points) == 2
    second.run_training()
    assert [point["seconds"] for point in second.points] == pytest.approx([300, 600, 900, 1200], abs=25)
    assert second.rates[0] == pytest.approx(2, abs=0.1)
    assert second.points[-1]["iterations"] == first.points[-1]["iterations"] + len(second.rates)

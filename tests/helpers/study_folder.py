"""A study's folder with made-up results: seeded, in the form of the real writers, a repetition of it unfinished."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from monai_lungxfer.data.records import image_name
from monai_lungxfer.handlers.image_table import ImageTable
from monai_lungxfer.metrics.calibration import CALIBRATION_BINS
from monai_lungxfer.metrics.per_image import METRICS
from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.study.plan.plan import StudyPlan
from monai_lungxfer.synthetic.phantoms import portable_radiograph
from monai_lungxfer.utils.files import hash_file
from monai_lungxfer.weights.sidecar import Sidecar, save_sidecar

FINDINGS = ("covid19", "normal", "pathological")
GAIN = 0.03
EPOCHS = {"general": (9, 9, 9, 9, 9), "portable": (6, 6, 4, 6, 6)}
# Step: parent, stage, mean Dice on its test part.
STEPS: dict[str, tuple[str | None, str, float]] = {
    "general": ("donor", "general", 0.93),
    "general_scratch": (None, "general", 0.90),
    "portable": ("general", "portable", 0.95),
    "portable_scratch": ("general_scratch", "portable", 0.91),
    "portable_from_donor": ("donor", "portable", 0.94),
}
PLAN = {
    "data": "/srv/hospital/Smith^John/data",
    "repetitions": 5,
    "arms": ["paper", "scratch", "general_only", "donor_to_portable"],
    "precision": "float32",
    "stages": {"portable": {"image_size": 64, "settings": {"network_def#init_features": 4}}},
}


def records_of(name: str, number: int) -> list[dict[str, Any]]:
    """Two images a patient, whose name must get nowhere."""
    return [
        {
            "image": f"/srv/hospital/Smith^John/data/images/{name}-{i:03d}.png",
            "patient": f"Smith^John {i // 2}",
            "finding": FINDINGS[i // 2 % 3],
            "view": "AP",
        }
        for i in range(number)
    ]


def metrics_of(rng: np.random.Generator, dice: float, artifacts: float, area_bias: float) -> dict[str, float]:
    """Every metric of one image, so that they go along with Dice."""
    dice = float(np.clip(dice, 0, 1))
    values = dict.fromkeys(METRICS, dice) | {"JACC": dice / (2 - dice), "SENS": dice - 0.01, "SPEC": 0.98}
    truth = float(rng.uniform(0.25, 0.45))
    return values | {
        "HD95": 200 * (1 - dice),
        "ASD": 50 * (1 - dice),
        "ISLANDS": float(rng.poisson(artifacts)),
        "BRIDGES": float(rng.poisson(artifacts / 4)),
        "FUSED": 0.0,
        "AREA": truth + area_bias + float(rng.normal(0, 0.01)),
        "AREA_TRUTH": truth,
    }


def write_report(
    path: Path, records: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, float]], weights: Path, split: str
) -> None:
    """Write a report by its real writer, with the rows given."""
    table = ImageTable(records, "/srv/hospital/Smith^John/data")
    for record, row in zip(records, rows, strict=True):
        table.rows.append(
            {
                "image": image_name(record["image"], table.root),
                "patient": table._number(record["patient"]),
                "finding": record["finding"],
                "view": record["view"],
                "distances_in": "pixels",
                **row,
            }
        )
    middles = (np.arange(CALIBRATION_BINS) + 0.5) / CALIBRATION_BINS
    pixels = np.full(CALIBRATION_BINS, 1000.0)
    table._calibration.everywhere[:] = pixels, pixels * middles, pixels * middles**1.2
    table.write(path, section=path.stem, split=split, weights=weights)


def write_epochs(path: Path, number: int, rng: np.random.Generator) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["epoch", "train_loss", "val_loss", "val_dice", "learning_rate", "train_seconds", "val_seconds"]
        )
        for epoch in range(1, number + 1):
            loss = 0.5 / epoch + float(rng.uniform(0, 0.02))
            writer.writerow([epoch, loss, loss + 0.02, 1 - loss, 0.001, 2.0 + 0.1 * (epoch % 2), 0.5])


def write_images(data: Path) -> Path:
    """Write phantoms as the portable images of the study, and return the data's folder."""
    folder = data / "portable" / "images"
    folder.mkdir(parents=True)
    for number, record in enumerate(records_of("portable", 36)):
        height, width = (110, 96) if number % 2 else (96, 120)
        pixels, _ = portable_radiograph(np.random.default_rng(number), height, width, record["finding"])
        Image.fromarray(pixels).save(folder / Path(record["image"]).name)
    return data


def network_weights(number: int) -> bytes:
    """Weights of a small network that has learnt nothing."""
    torch.manual_seed(number)
    network = DonorUNet(init_features=4)
    torch.nn.init.normal_(network.conv.weight, std=5)  # probabilities on both sides of the threshold
    file = io.BytesIO()
    torch.save(network.state_dict(), file)
    return file.getvalue()


def write_step(folder: Path, name: str, repetition: int, networks: bool) -> None:
    """Write models/, epochs.csv, step.json and test.json of one step."""
    parent, stage, dice = STEPS[name]
    number = len(STEPS) * repetition + list(STEPS).index(name)
    rng = np.random.default_rng(number)
    (folder / "models").mkdir(parents=True)
    model = folder / "models" / "model.pt"
    model.write_bytes(network_weights(number) if networks else f"weights {number}".encode())
    save_sidecar(model, Sidecar([64, 64]))
    write_epochs(folder / "epochs.csv", EPOCHS[stage][repetition], rng)
    tested = records_of(stage, 60)[repetition * 12 : repetition * 12 + 12]
    rows = [metrics_of(rng, dice + rng.normal(0, 0.01), 0.1, 0.0) for _ in tested]
    write_report(folder / "test.json", tested, rows, model, split_hash(stage, repetition))
    donor = "e" * 64 if parent == "donor" else None
    before = donor if parent in (None, "donor") else hash_file(folder.parent / parent / "models" / "model.pt")
    facts = {
        "step": name,
        "repetition": repetition,
        "parent": parent,
        "parent_sha256": before,
        "parent_run": None,
        "given": False,
        "seed": repetition,
        "split": split_hash(stage, repetition),
        "data": "d" * 64,
        "weights_sha256": hash_file(model),
        "seconds": 20.0 + repetition,
        "network_ms": 4.0 + repetition / 10,
        "network_ms_sd": 0.2,
        "passes": 17,
        "threads": 1,
        "version": "0.1.0",
        "environment": {"python": "3.11", "torch": "2.13.0+cpu", "device": "cpu"},
        "mlflow_run": None,
    }
    (folder / "step.json").write_text(json.dumps(facts))


def split_hash(stage: str, repetition: int) -> str:
    return hashlib.sha256(f"{stage} {repetition}".encode()).hexdigest()


def write_independent(folder: Path, repetition: int, records: Sequence[Mapping[str, Any]]) -> None:
    """Write the independent half as every step of a repetition sees it; portable gains, most where it was worst."""
    rng = np.random.default_rng(100 + repetition)
    before = [0.88 + rng.normal(0, 0.02) for _ in records]
    portable, general = folder / "portable", folder / "general"
    split = split_hash("portable", repetition)

    def write(target: Path, weights: Path, dice: Sequence[float], artifacts: float, bias: float) -> None:
        rows = [metrics_of(rng, value, artifacts, bias) for value in dice]
        write_report(target, records, rows, weights / "models" / "model.pt", split)

    write(portable / "before.json", general, before, 1.0, -0.03)
    write(general / "independent.json", general, before, 1.0, -0.03)
    after = [dice + GAIN + rng.normal(0, 0.004) for dice in before]
    write(portable / "independent.json", portable, after, 0.2, 0.01)
    for name, loss in (("portable_scratch", 0.04), ("portable_from_donor", 0.0)):
        write(
            folder / name / "independent.json",
            folder / name,
            [dice - loss + rng.normal(0, 0.003) for dice in after],
            0.5,
            0,
        )


def write_study(folder: Path, *, networks: bool = False) -> Path:
    """Write a study of five repetitions, of which the last has finished its general stage alone.

    With `networks`, weights are those of small networks, and no mere bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    StudyPlan.model_validate(PLAN | {"out": folder}).write(folder / "plan.yaml")
    everything = records_of("portable", 36)
    for repetition in range(5):
        path = folder / f"repetition-{repetition:03d}"
        for name in STEPS if repetition < 4 else ("general",):
            write_step(path / name, name, repetition, networks)
        if repetition == 4:
            continue
        patients = np.random.default_rng(repetition).permutation(18)[:9]
        write_independent(path, repetition, [record for i, record in enumerate(everything) if i // 2 in patients])
    (folder / "repetition-004" / "portable").mkdir()
    write_epochs(folder / "repetition-004" / "portable" / "epochs.csv", 2, np.random.default_rng(0))
    return folder

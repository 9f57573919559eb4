"""Each sizing from training to masks, on images of several sizes with one disc each, far from the middle."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from monai_lungxfer.bundle.workflow import run_bundle
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.weights.sidecar import input_sizing

SIZES = ((40, 61), (66, 41), (48, 48), (33, 70), (57, 50))


def draw_disc(number: int, scale: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture with a bright disc in its upper left, and the disc's mask."""
    height, width = (scale * side for side in SIZES[number % len(SIZES)])
    rows, columns = np.mgrid[:height, :width]
    random = np.random.default_rng(number)
    centre = random.uniform(0.3, 0.45, size=2) * (height, width)
    mask = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < (8 * scale) ** 2
    return (random.normal(80, 10, mask.shape) + 90 * mask).clip(0, 255).astype(np.uint8), mask


@pytest.fixture(scope="module")
def unequal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of discs in images of several sizes."""
    folder = tmp_path_factory.mktemp("unequal")
    (folder / "images").mkdir()
    for number in range(20):
        pixels, mask = draw_disc(number)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        Image.fromarray(255 * mask.astype(np.uint8)).save(folder / f"{number}.png")
    names = [
        {"image": f"images/{number}.png", "label": f"{number}.png", "patient": f"p{number}"} for number in range(20)
    ]
    findings = [{"finding": "normal" if number % 2 else "pathological"} for number in range(20)]
    (folder / "datalist.json").write_text(json.dumps([one | two for one, two in zip(names, findings, strict=True)]))
    return folder


@pytest.fixture
def settings(small_settings: dict[str, Any], unequal: Path) -> dict[str, Any]:
    return small_settings | {"dataset_dir": str(unequal), "image_size": [48, 48], "learning_rate": 0.02}


def rows(parser: Any) -> list[dict[str, Any]]:
    return parser.get_parsed_content("image_table").report["rows"]


@pytest.mark.parametrize("sizing", ["pad", "aspect", "multi"])
def test_from_training_to_masks(settings: dict[str, Any], sizing: str, tmp_path: Path) -> None:
    run_bundle("portable", "train", settings | {"sizing": sizing, "max_epochs": 24})
    weights = Path(settings["ckpt_dir"]) / "model.pt"
    assert input_sizing(weights) == sizing
    measured = {
        size: rows(
            run_bundle(
                "portable",
                "evaluate",
                {name: value for name, value in settings.items() if name not in ("image_size", "parent")}
                | {"section": "test", "weights": str(weights), "batch_size": size}
                | {"report_file": str(tmp_path / f"{size}.json")},
            ).parser
        )
        for size in (1, 4)
    }
    for alone, together in zip(*measured.values(), strict=True):
        assert alone["grid"] == together["grid"]
        for metric in ("ACC", "AUC", "SPEC", "AREA", "AREA_TRUTH", "DICE", "HD95"):  # padding is part of none
            assert alone[metric] == pytest.approx(together[metric], abs=1e-4)
    assert (len({row["grid"] for row in measured[1]}) == 1) == (sizing == "multi")
    assert np.mean([row["DICE_HARD"] for row in measured[1]]) > 0.6
    segmenter = Segmenter.from_bundle(
        "portable", weights=weights, device="cpu", engine="torch", overrides={"clean": False}
    )
    drawn = [draw_disc(number, scale) for number, scale in ((31, 3), (30, 5), (33, 3))]
    radiographs = [Radiograph(pixels.astype(np.float32), "array") for pixels, _ in drawn]
    for found, (_, disc) in zip(segmenter.segment_many(radiographs), drawn, strict=True):
        assert found.mask.shape == disc.shape
        assert 2 * np.sum(found.mask & disc) / (found.mask.sum() + disc.sum()) > 0.6
        places = [np.argwhere(mask).mean(axis=0) for mask in (found.mask, disc)]
        np.testing.assert_allclose(*places, atol=0.03 * max(disc.shape))


@pytest.mark.parametrize("sizing", ["aspect", "multi"])
def test_a_training_goes_on_with_the_sizes_that_it_would_have_drawn(
    settings: dict[str, Any], sizing: str, tmp_path: Path
) -> None:
    parts = settings | {"sizing": sizing, "output_dir": str(tmp_path / "parts"), "ckpt_dir": str(tmp_path / "parts")}
    whole = settings | {"sizing": sizing, "max_epochs": 3}
    run_bundle("portable", "train", whole)
    run_bundle("portable", "train", parts | {"max_epochs": 1})
    run_bundle("portable", "train", parts | {"max_epochs": 3})
    tables = [Path(run["output_dir"]) / "epochs.csv" for run in (whole, parts)]
    losses = [[row["train_loss"] for row in csv.DictReader(table.open(newline=""))] for table in tables]
    assert losses[0] == losses[1]
    with pytest.raises(LungXferError, match=f"sizing was {sizing}, is pad"):
        run_bundle("portable", "train", parts | {"sizing": "pad"})


@pytest.mark.parametrize("sizing", ["pad", "multi"])
def test_the_second_recipe_takes_them_too(settings: dict[str, Any], sizing: str) -> None:
    chosen = settings | {"sizing": sizing, "max_epochs": 1, "samples_per_epoch": 8, "learning_rate": 0.001}
    parser = run_bundle("portable", "train_best", chosen).parser
    state = parser.get_parsed_content("averaged_network").state_dict()
    assert all(torch.isfinite(value).all() for value in state.values())


def test_decoded_images_may_lie_on_a_disk(settings: dict[str, Any]) -> None:
    spilled = settings | {"sizing": "aspect", "max_epochs": 1, "memory_limit_gb": 0.0}
    parser = run_bundle("portable", "train", spilled).parser
    sizes = parser.get_parsed_content("train#dataset").image_sizes()
    assert len(set(sizes)) > 2
    assert all(height * width == pytest.approx(48**2, rel=0.35) for height, width in sizes)


def test_a_sizing_that_there_is_not_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(LungXferError, match="no sizing 'oblong'"):
        run_bundle("portable", "train", settings | {"sizing": "oblong"})

"""The table of arms from reports of an evaluation."""

from __future__ import annotations

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from summarise_comparison import arms_table, draw, wall_time_curve

from monai_lungxfer.metrics.per_image import METRICS
from monai_lungxfer.study.analysis.statistics import compare_with_zero


def report(path: Path, dice: np.ndarray) -> Path:
    """Two images a patient."""
    rows = [
        {"image": f"{number}.png", "patient": number // 2, **dict.fromkeys(METRICS, 0.5), "DICE_HARD": float(value)}
        for number, value in enumerate(dice)
    ]
    path.write_text(json.dumps({"rows": rows}))
    return path


def test_arms_are_told_as_in_the_report_of_a_study(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seeds = [rng.uniform(0.8, 0.9, 20), rng.uniform(0.85, 0.95, 20)]
    rises = [rng.uniform(0.0, 0.04, 20) for _ in seeds]
    table = arms_table(
        {
            "first": [report(tmp_path / f"a{seed}.json", dice) for seed, dice in enumerate(seeds)],
            "other": [report(tmp_path / f"b{seed}.json", seeds[seed] + rises[seed]) for seed in (0, 1)],
        }
    )
    first, other = table.loc["first"], table.loc["other"]
    assert list(first[["seed 0", "seed 1"]]) == [f"{dice.mean():.4f}" for dice in seeds]
    assert first["all"].startswith(f"{np.mean(seeds):.4f} (")
    assert first["worst tenth"] == f"{np.mean([np.sort(dice)[:2] for dice in seeds]):.4f}"
    assert first["against the first"] == ""
    patients = [f"{number // 2 * 2}.png" for number in range(20)]  # each named by its first image
    change = pd.DataFrame({"repetition": [0] * 20 + [1] * 20, "patient": patients * 2, "x": np.concatenate(rises)})
    _, low, high, *_ = compare_with_zero(change, "x")
    told = f"{np.mean(rises):+.4f} ({low:+.4f} to {high:+.4f})".replace("-", "−")
    assert other["against the first"] == told


def test_images_that_one_side_lacks_are_not_compared(tmp_path: Path) -> None:
    whole, part = np.full(6, 0.8), np.full(4, 0.9)
    table = arms_table({"a": [report(tmp_path / "a.json", whole)], "b": [report(tmp_path / "b.json", part)]})
    assert table.loc["b", "against the first"] == "+0.1000 (+0.1000 to +0.1000)"
    assert table.loc["a", "all"] == "0.8000 (0.8000 to 0.8000)"


def test_where_nothing_is_to_be_drawn_there_is_no_figure(tmp_path: Path) -> None:
    draw(tmp_path / "comparison.png", {}, {}, None)
    assert list(tmp_path.iterdir()) == []


def training(folder: Path, *parts: dict[int, float]) -> Path:
    """Track parts of a training that begin 1000 s after each other, with Dice 0.5 at epochs after so many seconds."""
    folder.mkdir()
    client = mlflow.MlflowClient(f"sqlite:///{folder}/mlruns.db")
    experiment = client.create_experiment("stage")
    for number, epochs in enumerate(parts, 1):
        start = 1_000_000 * number
        run = client.create_run(experiment, start_time=start).info.run_id
        for epoch, seconds in epochs.items():
            client.log_metric(run, "val_dice", 0.5, timestamp=start + int(1000 * seconds), step=epoch)
    return folder


def test_wall_time_counts_the_trainings_before_and_no_pause(tmp_path: Path) -> None:
    first = training(tmp_path / "general", {1: 60, 2: 120})
    last = training(tmp_path / "portable", {1: 30, 2: 60}, {3: 90})
    curve = wall_time_curve([first, last])
    assert list(curve.index) == [2.5, 3.0, 4.5]
    assert list(curve) == [0.5] * 3

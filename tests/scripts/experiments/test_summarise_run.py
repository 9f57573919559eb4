"""Losses by epoch and the gain in Dice of a run of all stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from summarise_run import gain, losses

from monai_lungxfer.handlers.epoch_table import EPOCH_COLUMNS
from monai_lungxfer.metrics.per_image import METRICS
from monai_lungxfer.study.analysis.statistics import interval


def report(dice: np.ndarray) -> dict[str, Any]:
    """Four images a patient."""
    others = dict.fromkeys(METRICS, 0.5)
    rows = [{"image": f"{n:02}.png", "patient": n // 4, **others, "DICE": float(d)} for n, d in enumerate(dice)]
    return {"rows": rows}


def test_the_gains_interval_draws_patients() -> None:
    rng = np.random.default_rng(0)
    before = rng.uniform(0.8, 0.9, 24)
    gains = np.repeat(rng.normal(0.02, 0.02, 6), 4)  # alike within a patient: four images tell no more than one
    change = pd.DataFrame({"repetition": 0, "patient": np.arange(24) // 4, "x": gains})
    low, high = interval(change, "x")
    rise = f"{(gains > 0).sum()} of 24 images rise; median after {np.median(before + gains):.4f}"
    told = gain(report(before), report(before + gains))
    assert (
        told
        == f"Dice gained: {gains.mean():.4f} on average, 95 % interval {low:.4f} to {high:.4f} (over patients); {rise}"
    )


def test_losses_are_those_of_the_table_of_epochs(tmp_path: Path) -> None:
    lines = [
        ",".join(EPOCH_COLUMNS),
        "1,0.5,0.4,0.6,0.001,9.0,1.0",
        "2,0.3,,,0.001,9.0,",
        "3,0.2,0.25,0.75,0.001,9.0,1.0",
    ]
    (tmp_path / "epochs.csv").write_text("\n".join(lines) + "\n")
    table = losses(tmp_path)
    assert list(table.index) == [1, 2, 3]
    assert list(table.train_loss) == [0.5, 0.3, 0.2]
    assert list(table.val_loss) == pytest.approx([0.4, np.nan, 0.25], nan_ok=True)
    assert list(table.val_dice) == pytest.approx([0.6, np.nan, 0.75], nan_ok=True)

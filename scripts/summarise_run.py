"""Tables and a figure of a run of all three stages, without any source image.

    python scripts/summarise_run.py RUN docs/results/first_run

RUN holds `donor/`, `general/` and `portable/` as `lungxfer train` wrote them, and `before.json` and `after.json` as
`lungxfer transfer` or `lungxfer evaluate --set report_file=…` did. Written are `…_before_after.csv`,
`…_before_after.md`, `…_epochs.csv` and `….png`; the gain in Dice and its 95 % interval are printed.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from monai_lungxfer.showcase import write_tables
from monai_lungxfer.staged import StageFolder, TransferResult
from monai_lungxfer.stages import STAGES

mpl.use("Agg")

# Okabe and Ito's colours, told apart by every kind of colour vision.
COLOURS = {"covid19": "#0072B2", "pathological": "#D55E00", "normal": "#009E73"}


def history(folder: Path) -> dict[str, pd.DataFrame]:
    """Return value and seconds since the training began, by epoch, of each loss of a stage in its MLflow store."""
    client = mlflow.MlflowClient(f"sqlite:///{folder.absolute() / 'mlruns.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    latest: dict[str, dict[int, tuple[float, float]]] = {"train_loss": {}, "val_loss": {}, "val_dice": {}}
    spent = 0.0  # by the parts of an interrupted training that went before
    for run in sorted(client.search_runs(experiments), key=lambda run: run.info.start_time):
        begun = run.info.start_time / 1000 - spent
        for name, values in latest.items():
            for point in client.get_metric_history(run.info.run_id, name):
                values[point.step] = point.value, point.timestamp / 1000 - begun
        spent = max((seconds for _, seconds in latest["val_loss"].values()), default=0.0)
    return {
        name: pd.DataFrame.from_dict(values, orient="index", columns=["value", "seconds"]).sort_index()
        for name, values in latest.items()
    }


def draw(
    target: Path, before: dict[str, Any], after: dict[str, Any], curves: dict[str, dict[str, pd.DataFrame]]
) -> None:
    """Draw Dice of each image before and after the portable stage, and the validation loss of every stage."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for finding, colour in COLOURS.items():
        pairs = [
            (old["DICE"], new["DICE"])
            for old, new in zip(before["rows"], after["rows"], strict=True)
            if new["finding"] == finding
        ]
        if pairs:
            left.scatter(*zip(*pairs, strict=True), s=14, color=colour, label=f"{finding} ({len(pairs)})")
    low = min(row["DICE"] for row in before["rows"] + after["rows"]) - 0.02
    left.plot([low, 1], [low, 1], color="0.6", linewidth=0.8)
    left.set(xlabel="Dice before the portable stage", ylabel="Dice after", xlim=(low, 1), ylim=(low, 1))
    left.legend(frameon=False, loc="lower right")
    for (name, curve), style in zip(curves.items(), ("-", "--", ":"), strict=True):
        right.plot(curve["val_loss"].index, curve["val_loss"]["value"], style, color="black", label=name)
    right.set(xlabel="Epoch", ylabel="Validation loss (smooth Dice)", yscale="log")
    right.legend(frameon=False)
    figure.savefig(target, dpi=110)


def gain(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Describe how much Dice each image gained, with a bootstrap interval over images."""
    gains = np.array([new["DICE"] - old["DICE"] for old, new in zip(before["rows"], after["rows"], strict=True)])
    median = np.median([row["DICE"] for row in after["rows"]])
    interval = bootstrap((gains,), np.mean, method="percentile", rng=0).confidence_interval
    return (
        f"Dice gained: {gains.mean():.4f} on average, 95 % interval {interval.low:.4f} to {interval.high:.4f}; "
        f"{(gains > 0).sum()} of {gains.size} images rise; median after {median:.4f}"
    )


def main() -> None:
    """Write everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("target", type=Path, help="path and beginning of the names of what is written")
    arguments = parser.parse_args()
    before, after = (json.loads((arguments.run / f"{name}.json").read_text()) for name in ("before", "after"))
    folders = {name: StageFolder(arguments.run / name) for name in STAGES}
    write_tables(TransferResult(folders, before, after), f"{arguments.target}_before_after")
    curves = {name: history(folder.path) for name, folder in folders.items()}
    with Path(f"{arguments.target}_epochs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["stage", "epoch", "train_loss", "val_loss", "val_dice"])
        for name, curve in curves.items():
            rows = zip(*(curve[loss]["value"] for loss in ("train_loss", "val_loss", "val_dice")), strict=True)
            writer.writerows([name, number, *(f"{value:.4f}" for value in row)] for number, row in enumerate(rows, 1))
    draw(Path(f"{arguments.target}.png"), before, after, curves)
    print(gain(before, after))


if __name__ == "__main__":
    main()

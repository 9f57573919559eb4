"""Compare ways to the same weights: Dice of the independent half by arm and seed, and Dice against wall time.

    python scripts/experiments/summarise_comparison.py docs/results/comparison \
        --arm "donor, general, portable" RUN/paper_s0/independent.json RUN/paper_s1/independent.json … \
        --arm "general, portable" RUN/scratch_s0/independent.json … \
        --stage1 "from the donor" RUN/general_donor --stage1 "from scratch" RUN/general_scratch \
        --curve "this recipe" RUN/general RUN/portable --nnunet RUN/nnunet

`--arm` takes reports of `lungxfer evaluate`, one for each seed in the same order; the others are compared with the
first, image by image. Numbers are as in the report of a study, a seed for a repetition: means over seeds, the mean of
the worst tenth, and 95 % intervals over patients and seeds. `--stage1` takes a training whose validation
loss is drawn by epoch. `--curve` takes trainings that follow each other and had the machine to themselves: the last is
drawn, and the others' time is counted. Written are `….md` and `….csv` where there are arms,
and `….png` where there is something to draw.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import mlflow
import numpy as np
import pandas as pd
from summarise_run import losses

from monai_lungxfer.study.analysis.comparisons import compare_rows, describe_rows
from monai_lungxfer.study.analysis.reading import image_rows
from monai_lungxfer.study.analysis.statistics import Interval
from monai_lungxfer.study.report.formatting import interval_text, signed_text
from monai_lungxfer.utils.csv_tables import as_text_cell

mpl.use("Agg")

METRIC = "DICE_HARD"

STYLES = (("#000000", "-"), ("#0072B2", "--"), ("#D55E00", ":"))  # Okabe and Ito's, told apart in grey too


def measured(reports: list[Path]) -> pd.DataFrame:
    """Return the images of an arm's reports, each report as a repetition."""
    seeds = (image_rows(json.loads(report.read_text(encoding="utf-8"))) for report in reports)
    return pd.concat([rows.assign(repetition=seed) for seed, rows in enumerate(seeds)], ignore_index=True)


def arms_table(arms: dict[str, list[Path]]) -> pd.DataFrame:
    """Return a row for each arm: mean Dice by seed, over all, mean of the worst tenth, gain over the first arm."""
    images = {name: measured(reports) for name, reports in arms.items()}
    first = next(iter(images))
    rows = []
    for name, own in images.items():
        told = describe_rows(own, [METRIC]).iloc[0]
        change = compare_rows(own, images[first], [METRIC]).iloc[0]
        reach, reach_of_change = (told.low, told.high), (change.difference_low, change.difference_high)
        rows.append(
            {"arm": name}
            | {f"seed {seed}": f"{mean:.4f}" for seed, mean in own.groupby("repetition")[METRIC].mean().items()}
            | {"all": f"{told['mean']:.4f} ({interval_text(Interval(*reach))})"}
            | {"worst tenth": f"{told.worst:.4f}"}
            | {"against the first": "" if name == first else gain(change.difference, Interval(*reach_of_change))}
        )
    return pd.DataFrame(rows).set_index("arm")


def gain(difference: float, reach: Interval) -> str:
    """Describe the difference to the first arm."""
    return f"{signed_text(difference)} ({interval_text(reach, signed=True)})"


def epochs_needed(reference: np.ndarray, other: np.ndarray) -> str:
    """Say after how many epochs each training first reaches the best loss of the worse of the two."""
    target = max(reference.min(), other.min())
    first, second = (int(np.argmax(curve <= target)) + 1 for curve in (reference, other))
    return f"validation loss {target:.4f} is reached after {first} and {second} epochs"


def draw(target: Path, stage1: dict[str, Path], curves: dict[str, list[Path]], nnunet: Path | None) -> None:
    """Draw validation loss by epoch and Dice of the validation section by wall time, where there are any."""
    drawn = {name: wall_time_curve(folders) for name, folders in curves.items()}
    if nnunet is not None:
        points = pd.DataFrame(json.loads((nnunet / "curve.json").read_text(encoding="utf-8"))["points"])
        drawn["nnU-Net"] = points.set_index(points["seconds"] / 60)["DICE"]
    by_epoch = {name: losses(folder).val_loss for name, folder in stage1.items()}
    panels = {
        ("Epoch of the general stage", "Validation loss (smooth Dice)"): by_epoch,
        ("Minutes of training", "Dice of the portable validation section"): drawn,
    }
    panels = {labels: lines for labels, lines in panels.items() if lines}
    if not panels:
        return
    figure, all_axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 4), layout="constrained", squeeze=False)
    for axes, ((across, up), lines) in zip(all_axes.flat, panels.items(), strict=True):
        for (name, line), (colour, style) in zip(lines.items(), STYLES, strict=False):
            axes.plot(line.index, line, style, marker=".", color=colour, label=name)
        axes.set(xlabel=across, ylabel=up)
        axes.legend(frameon=False)
    figure.savefig(target, dpi=110)


def timed_dice(folder: Path) -> pd.DataFrame:
    """Return validation Dice and seconds since the training began, by epoch, of a stage's MLflow store.

    Its table of epochs has the passes over the images alone, without what lies between them.
    """
    client = mlflow.MlflowClient(f"sqlite:///{folder.absolute() / 'mlruns.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    latest: dict[int, tuple[float, float]] = {}
    for run in sorted(client.search_runs(experiments), key=lambda run: run.info.start_time):
        spent = max((seconds for _, seconds in latest.values()), default=0.0)  # by the parts that were interrupted
        begun = run.info.start_time / 1000 - spent
        for point in client.get_metric_history(run.info.run_id, "val_dice"):
            latest[point.step] = point.value, point.timestamp / 1000 - begun
    return pd.DataFrame.from_dict(latest, orient="index", columns=["value", "seconds"]).sort_index()


def wall_time_curve(folders: list[Path]) -> pd.Series:
    """Return validation Dice of the last of several trainings by minutes since the first began."""
    *before, last = (timed_dice(folder) for folder in folders)
    minutes = (last["seconds"] + sum(table["seconds"].max() for table in before)) / 60
    return last.set_index(minutes)["value"]


def named(values: list[list[str]] | None) -> dict[str, list[Path]]:
    """Return what an option gathered, by its label."""
    return {label: [Path(path) for path in paths] for label, *paths in values or []}


def parsed() -> Any:
    """Return the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path, help="path and beginning of the names of what is written")
    for option in ("--arm", "--stage1", "--curve"):
        parser.add_argument(option, nargs="+", action="append", metavar=("LABEL", "PATH"))
    parser.add_argument("--nnunet", type=Path)
    return parser.parse_args()


def write_table(target: Path, arms: dict[str, list[Path]]) -> None:
    """Write the table of the arms as CSV and as Markdown, and print it."""
    table = arms_table(arms)
    table.rename(index=as_text_cell).to_csv(f"{target}.csv")
    lines = [" | ".join(row) for row in table.reset_index().to_numpy()]
    header = f"| arm | {' | '.join(table.columns)} |\n|{'---|' * (table.shape[1] + 1)}\n"
    Path(f"{target}.md").write_text(header + "".join(f"| {line} |\n" for line in lines), encoding="utf-8")
    print(table.to_string())


def main() -> None:
    """Write the table and the figure, of what is given, and print what they tell."""
    arguments = parsed()
    if arguments.arm:
        write_table(arguments.target, named(arguments.arm))
    stage1 = {name: folders[0] for name, folders in named(arguments.stage1).items()}
    draw(Path(f"{arguments.target}.png"), stage1, named(arguments.curve), arguments.nnunet)
    if len(stage1) > 1:
        first, second, *_ = (losses(folder).val_loss.to_numpy() for folder in stage1.values())
        print(epochs_needed(first, second))


if __name__ == "__main__":
    main()

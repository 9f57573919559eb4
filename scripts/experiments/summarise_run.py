"""Tables and a figure of a run of all three stages, without any source image.

    python scripts/experiments/summarise_run.py RUN docs/results/first_run

RUN holds `donor/`, `general/` and `portable/` as `lungxfer train` wrote them, and `before.json` and `after.json` as
`lungxfer transfer` or `lungxfer evaluate --set report_file=…` did. Written are `…_before_after.csv`,
`…_before_after.md`, `…_epochs.csv` and `….png`; the gain in Dice and its 95 % interval are printed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd

from monai_lungxfer.bundle.stages import STAGES
from monai_lungxfer.handlers.epoch_table import read_epochs
from monai_lungxfer.study.analysis.comparisons import subtract_rows
from monai_lungxfer.study.analysis.reading import image_rows
from monai_lungxfer.study.analysis.statistics import interval
from monai_lungxfer.training.stage import StageFolder, TransferResult
from monai_lungxfer.training.transfer_report import write_tables

mpl.use("Agg")

LOSSES = ["train_loss", "val_loss", "val_dice"]

# Okabe and Ito's colours, told apart by every kind of colour vision.
COLOURS = {"covid19": "#0072B2", "pathological": "#D55E00", "normal": "#009E73"}


def losses(folder: Path) -> pd.DataFrame:
    """Return losses and Dice of the validation by epoch, of a stage that `lungxfer train` has trained."""
    return pd.DataFrame(read_epochs(folder / "epochs.csv")).astype({"epoch": int}).set_index("epoch")[LOSSES]


def draw(target: Path, before: dict[str, Any], after: dict[str, Any], curves: dict[str, pd.DataFrame]) -> None:
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
        right.plot(curve.index, curve.val_loss, style, color="black", label=name)
    right.set(xlabel="Epoch", ylabel="Validation loss (smooth Dice)", yscale="log")
    right.legend(frameon=False)
    figure.savefig(target, dpi=110)


def gain(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Describe how much Dice the images gained, with a bootstrap interval over patients."""
    own, others = (image_rows(report).assign(repetition=0) for report in (after, before))
    gains = subtract_rows(own, others, ["DICE"])
    low, high = interval(gains, "DICE")
    return (
        f"Dice gained: {gains.DICE.mean():.4f} on average, 95 % interval {low:.4f} to {high:.4f} (over patients); "
        f"{(gains.DICE > 0).sum()} of {len(gains)} images rise; median after {own.DICE.median():.4f}"
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
    curves = {name: losses(folder.path) for name, folder in folders.items()}
    pd.concat(curves, names=["stage"]).to_csv(f"{arguments.target}_epochs.csv", float_format="%.4f")
    draw(Path(f"{arguments.target}.png"), before, after, curves)
    print(gain(before, after))


if __name__ == "__main__":
    main()

"""Score the networks that a study's last stage started from, and tell the Dice that it ended with, as CSV.

    python scripts/experiments/score_starts.py STUDY --data cxr=DIR mri=DIR [--limit 16] [--repetitions 2]
        [--metric DICE_HARD]

The score is that of `lungxfer features` for the first domain, without a reference. `before` is the mean Dice of
masks of the start itself on the independent images, `after` that of the arm. How well score and `before` rank the
arms' means is told on stderr.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from scipy.stats import spearmanr

from monai_lungxfer.features.collect import collect_features
from monai_lungxfer.features.images import ImageSet, read_image_set
from monai_lungxfer.features.networks import parse_networks
from monai_lungxfer.features.probes import ProbedPixels, probe_network
from monai_lungxfer.features.score import score_donors
from monai_lungxfer.utils.threads import use_threads


def list_starts(repetition: Path, metric: str) -> list[dict[str, Any]]:
    """Return a row for each arm of a repetition: its step, its start, and the metric's mean `before` and `after`."""
    rows = []
    for path in sorted(repetition.glob("portable*/step.json")):
        start = json.loads(path.read_text(encoding="utf-8"))["parent"]
        places = {"before": repetition / start, "after": path.parent}
        dice = {when: _read_mean(place / "independent.json", metric) for when, place in places.items()}
        rows.append({"repetition": repetition.name, "arm": path.parent.name, "start": start, **dice})
    return rows


def _read_mean(path: Path, metric: str) -> float:
    return float(json.loads(path.read_text(encoding="utf-8"))["all"][metric]["mean"])


def score_networks(starts: Sequence[str], folder: Path, domains: Sequence[ImageSet]) -> dict[str, dict[str, Any]]:
    """Return the score and its parts of each start, for the first domain."""
    networks = parse_networks([f"{start}={folder / start / 'models' / 'model.pt'}" for start in starts])
    labels = [network.label for network in networks]
    pixels: dict[str, dict[str, ProbedPixels]] = {label: {} for label in labels}
    for domain in domains:
        for label, kept in collect_features(networks, domain):
            own = domain.patients[: len(kept.labels)]
            pixels[label][domain.name] = ProbedPixels(kept.pixels, kept.labels, own)
    probes = [{"network": label, **row} for label in labels for row in probe_network(pixels[label])]
    found = score_donors(labels, labels[-1], probes, (), ())
    return {row["network"]: row for row in found if row["domain"] == domains[0].name}


def rank_arms(rows: pd.DataFrame) -> str:
    """Return Spearman's correlation, over the means of the arms, of what is known before with the Dice after."""
    means = rows.groupby("arm")[["score", "before", "after"]].mean()
    told = (f"{name}: rho {spearmanr(means[name], means['after']).statistic:.2f}" for name in ("score", "before"))
    return f"{', '.join(told)}; {len(means)} arms"


def main() -> None:
    """Print the rows, and how the arms are ranked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("--data", nargs="+", required=True, metavar="NAME=DIR")
    parser.add_argument("--limit", type=int, default=16)
    parser.add_argument("--repetitions", type=int, default=2)
    parser.add_argument("--metric", default="DICE_HARD", help="DICE is that of predicted values")
    given = parser.parse_args()
    use_threads(1)
    domains = [read_image_set(*each.split("=", 1), limit=given.limit) for each in given.data]
    rows: list[dict[str, Any]] = []
    for folder in sorted(given.study.glob("repetition-*"))[: given.repetitions]:
        own = list_starts(folder, given.metric)
        scores = score_networks([row["start"] for row in own], folder, domains)
        rows += [
            row | {name: scores[row["start"]][name] for name in ("score", "low", "high", "readable", "common")}
            for row in own
        ]
    found = pd.DataFrame(rows)
    found.round(4).to_csv(sys.stdout, index=False)
    sys.stderr.write(f"{rank_arms(found)}\n")


if __name__ == "__main__":
    main()

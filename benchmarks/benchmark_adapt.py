"""Compare `lungxfer adapt` with the best recipe on the same images: Dice on other patients, and processor time.

    python benchmarks/benchmark_adapt.py DATA OUT [--images 40] [--minutes 60] [--weights general] [--threads 1]
        [--seed 0] [--epochs 40]

DATA is a data set with masks. Patients are shuffled by the seed. The first ones give one image each to adapt to; all
images of the others are measured at the end. Both trainings start from the same weights and have the same split. The
same command continues after an interruption; processor time is then that of the last part alone.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterable, Mapping
from itertools import chain, combinations
from pathlib import Path
from typing import Any

from benchmark_features import measure

from monai_lungxfer.adaptation.outcome import judge
from monai_lungxfer.data.datalist import DATALIST_NAME, load_datalist, save_datalist
from monai_lungxfer.data.records import Record
from monai_lungxfer.study.analysis.report_comparison import read_evaluation

COMMAND = (sys.executable, "-c", "from monai_lungxfer.cli import main; main()")
ALL = {"fractions": [1.0, 0.0, 0.0], "hold_out": 0.0, "locked_share": 0.0}


def divide(records: list[Record], images: int, seed: int) -> tuple[list[Record], list[Record]]:
    """Return one image each of so many patients, and all images of the others."""
    patients = sorted({record["patient"] for record in records})
    random.Random(seed).shuffle(patients)  # noqa: S311 - no secret
    first = {record["patient"]: record for record in reversed(records)}
    others = set(patients[images:])
    return [first[patient] for patient in patients[:images]], [one for one in records if one["patient"] in others]


def sets(settings: Mapping[str, Any]) -> Iterable[str]:
    """Return settings as options of the command line."""
    texts = (f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in settings.items())
    return chain.from_iterable(("--set", text) for text in texts)


def run(done: Path, *arguments: str | Path) -> None:
    """Run a command of `lungxfer` unless its file is there, and print its processor time."""
    if not done.exists():
        cost = measure([*COMMAND, *map(str, arguments)])
        print(f"{done.stem}: {cost.processor:.0f} s of processor time, {cost.memory:.0f} MB", flush=True)


def main() -> None:
    """Train both, measure them, and print the differences of each pair."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--minutes", default="60")
    parser.add_argument("--weights", default="general")
    parser.add_argument("--threads", default="1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", default="40", help="of the best recipe; its learning rate falls within them")
    given = parser.parse_args()
    out = given.out.absolute()
    own, others = out / "own", out / "others"
    for folder, records in zip((own, others), divide(load_datalist(given.data), given.images, given.seed), strict=True):
        folder.mkdir(parents=True, exist_ok=True)
        save_datalist(records, folder / DATALIST_NAME)
    adapted, best = out / "adapted", out / "best"
    how = ("--minutes", given.minutes, "--threads", given.threads)
    run(adapted / "steps.sh", "adapt", own, "--out", adapted, "--weights", given.weights, *how)
    split = json.loads((adapted / "adapt.json").read_text())["steps"]["split"]
    split |= {"split_file": str(adapted / "split.json"), "tracking_uri": None}
    how = ("--recipe", "best", "--parent", given.weights, "--threads", given.threads, "--epochs", given.epochs)
    how += tuple(sets(split))
    run(best / "models" / "model.json", "train", "portable", "--data", adapted / "data", "--out", best, *how)
    weights = {
        "start": given.weights,
        "best": best / "models" / "model.pt",
        "adapted": adapted / "portable_cxr_lung_segmentation",
    }
    reports = {name: out / f"others-{name}.json" for name in weights}
    for name, report in reports.items():
        files = sets({**ALL, "report_file": str(report), "split_file": str(out / "all.json"), "tracking_uri": None})
        how = ("--section", "training", "--weights", weights[name], "--out", out, "--overwrite", *files)
        run(report, "evaluate", "portable", "--data", others, *how)
    for first, second in combinations(reports, 2):
        found = judge(read_evaluation(reports[first]), read_evaluation(reports[second]))
        print(f"{first} {found.before:.4f}, {second} {found.after:.4f}: {found.sentence}")


if __name__ == "__main__":
    main()

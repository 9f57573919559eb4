"""What an epoch of a student costs against one of drawn masks alone, of as many images, on this machine.

    python benchmarks/benchmark_student.py [--images 48] [--rounds 3] [--size 192]

Both train the portable bundle's network on phantoms by the second recipe, for as many steps, one after the other,
`rounds` times. The student has drawn masks for half of its images and pseudo-masks for the other half; drawing those is
done once and is not counted. Each training has one more epoch first, in which images are decoded.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
from pathlib import Path

from monai_lungxfer.bundle.settings import PlainText
from monai_lungxfer.bundle.workflow import run_bundle
from monai_lungxfer.data.datalist import load_datalist, save_datalist
from monai_lungxfer.synthetic.phantoms import write_phantoms


def write_sets(folder: Path, images: int, size: int) -> dict[str, Path]:
    """Write phantoms: `all` with drawn masks, and the two halves, the second of which counts as pseudo-masks."""
    write_phantoms(folder, donor=2, general=14, portable=images, size=size)
    records = load_datalist(folder / "portable")
    patients = sorted({record["patient"] for record in records})
    first = set(patients[: len(patients) // 2])
    sets = {"all": records, "drawn": [one for one in records if one["patient"] in first]}
    paths = {}
    for name, kept in sets.items():
        paths[name] = folder / f"{name}.json"
        save_datalist(kept, paths[name])
    paths["pseudo"] = folder / "pseudo.json"
    soft = [dict(one) | {"soft": True} for one in records if one["patient"] not in first]
    paths["pseudo"].write_text(json.dumps(soft))
    return paths


def seconds_of_an_epoch(folder: Path, recipe: str, data: Path, images: int, size: int, others: dict[str, str]) -> float:
    """Train two epochs, and return the seconds of the second one's training."""
    settings = {
        "dataset_dir": PlainText(data),
        "output_dir": str(folder),
        "ckpt_dir": str(folder),
        "parent": None,
        "tracking_uri": "",
        "log_epochs": False,
        "max_epochs": 2,
        "samples_per_epoch": images,
        "image_size": [size, size],
        "fractions": [0.8, 0.2, 0.0],
        "hold_out": 0.0,
        "locked_share": 0.0,
    }
    run_bundle("portable", recipe, settings | others)
    with (folder / "epochs.csv").open(newline="") as file:
        return float(list(csv.DictReader(file))[-1]["train_seconds"])


def main() -> None:
    """Measure both, and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=48, help="images that an epoch draws")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--size", type=int, default=192)
    given = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets = write_sets(folder / "data", given.images, given.size)
        pseudo = {"pseudo_dir": str(sets["pseudo"])}
        kinds = {"train_best": (sets["all"], {}), "train_student": (sets["drawn"], pseudo)}
        for number in range(given.rounds):
            seconds = [
                seconds_of_an_epoch(folder / f"{recipe}-{number}", recipe, data, given.images, given.size, others)
                for recipe, (data, others) in kinds.items()
            ]
            ratios.append(seconds[1] / seconds[0])
            print(f"drawn masks {seconds[0]:.1f} s, student {seconds[1]:.1f} s, ratio {ratios[-1]:.3f}")
    print(f"ratio: median {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


if __name__ == "__main__":
    main()

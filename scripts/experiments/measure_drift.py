"""How often `lungxfer drift` alarms without a shift, and with a simulated device of known dose.

    python scripts/experiments/measure_drift.py segment DIR/general DIR/portable DIR/hannover --out RUN [--images 256]
    python scripts/experiments/measure_drift.py judge RUN

`segment` writes a line for each image and way into RUN/rows.jsonl, and continues where it stopped. No line holds a
name: images and patients are numbered in an order that the seed decides. `judge` prints the tables of docs/drift.md.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.records import Record
from monai_lungxfer.drift.comparison import (
    LEAST_RATE,
    LEAST_SHIFT,
    SIGNIFICANT,
    DriftOutcome,
    DriftVerdict,
    compare_samples,
)
from monai_lungxfer.drift.grey import GREY_NAMES, measure_grey
from monai_lungxfer.drift.samples import make_sample
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.study.analysis.statistics import holm
from monai_lungxfer.synthetic import portable_device as device

SEED = 0
Picture = NDArray[np.float32]
Way = Callable[[Picture, np.random.Generator], Picture]

WAYS: dict[str, Way] = {
    "as it is": lambda x, _: x,
    "scatter 0.35": lambda x, _: device.scatter_veil(x, 0.35),
    "scatter 0.9": lambda x, _: device.scatter_veil(x, 0.9),
    "900 photons": lambda x, rng: device.quantum_noise(x, 900, rng),
    "250 photons": lambda x, rng: device.quantum_noise(x, 250, rng),
    "motion 0.5 %": lambda x, rng: device.motion_blur(x, 0.005, rng.uniform(0, 180)),
    "motion 2 %": lambda x, rng: device.motion_blur(x, 0.02, rng.uniform(0, 180)),
    "contrast 0.9": lambda x, _: device.low_contrast(x, 0.9),
    "contrast 0.65": lambda x, _: device.low_contrast(x, 0.65),
    "whole device": device.portable_degraded,
    "saved again": lambda x, _: x,
}
"""The ends of the ranges of `STRENGTHS`, all of it at once, and the saving alone, which all altered ones share."""


def choose(records: list[Record], number: int) -> list[tuple[int, int, Record]]:
    """Return numbers of image and patient with each record, at most so many, of as many patients as possible."""
    order = np.random.default_rng(SEED).permutation(len(records))
    patients: dict[str, int] = {}
    seen: dict[str, int] = {}
    rounds = []
    for place in order:
        name = records[place]["patient"]
        seen[name] = seen.get(name, -1) + 1
        rounds.append((seen[name], len(rounds), patients.setdefault(name, len(patients)), records[place]))
    return [(image, patient, record) for _, image, patient, record in sorted(rounds, key=lambda each: each[:2])][
        :number
    ]


def alter(pixels: Picture, way: Way, seed: list[int]) -> Picture:
    """Return an altered picture in 0..1."""
    low, high = float(pixels.min()), float(pixels.max())
    return way(((pixels - low) / (high - low)).astype(np.float32), np.random.default_rng(seed))


def save_as_jpeg(pixels: Picture) -> Picture:
    """Return a picture after 8 bits and JPEG, as the files have them: else a finer grey scale alone would be seen."""
    buffer = BytesIO()
    Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8)).save(buffer, "JPEG", quality=95)
    return np.asarray(Image.open(buffer), np.float32)


def measure(segmenter: Segmenter, path: str, way: Way, seed: list[int]) -> dict[str, Any]:
    """Return the row of predictions.csv and the grey statistics of an altered image."""
    read = read_radiograph(path)
    pixels = alter(read.pixels, way, seed)
    found = segmenter.segment(replace(read, pixels=np.ascontiguousarray(pixels, np.float32)))
    height, width = found.mask.shape
    done = Prediction("", width=width, height=height, measurements=found.measurements, flags=found.flags)
    grey = measure_grey(read.pixels if way is WAYS["as it is"] else save_as_jpeg(pixels))
    return done.as_row() | (asdict(grey) if grey else {})


def segment(folders: list[Path], out: Path, images: int, only: list[str]) -> Iterator[str]:
    """Segment what is missing, one line for each image and way."""
    rows = out / "rows.jsonl"
    out.mkdir(parents=True, exist_ok=True)
    done = {
        (r["set"], r["way"], r["image"])
        for r in map(json.loads, rows.read_text().splitlines() if rows.is_file() else [])
    }
    segmenter = Segmenter.from_bundle()
    with rows.open("a") as file:
        for folder in folders:
            chosen = choose(load_datalist(folder, labels_required=False), images)
            for name in only or WAYS:
                for image, patient, record in chosen:
                    if (folder.name, name, image) in done:
                        continue
                    seed = [SEED, image, list(WAYS).index(name)]
                    values = measure(segmenter, record["image"], WAYS[name], seed)
                    facts = {"set": folder.name, "way": name, "image": image, "patient": patient}
                    file.write(json.dumps(facts | values) + "\n")
                    file.flush()
                yield f"{folder.name}, {name}: {len(chosen)}"


Row = dict[str, Any]
_SIZES, _HALVES, _SPLITS = (40, 80), 100, 20


def compare(reference: list[Row], new: list[Row]) -> tuple[DriftOutcome, bool, bool]:
    """Compare rows: the outcome, whether it is a drift, and whether it would be one without grey values."""
    outcome = compare_samples(make_sample(reference), make_sample(new))
    table = outcome.numbers[~outcome.numbers.name.isin(GREY_NAMES)].copy()
    rates = outcome.rates
    adjusted = holm([*table.p, *rates.p])
    sure, large = adjusted[: len(table)] < SIGNIFICANT, table.distance >= LEAST_SHIFT
    risen = (rates.rate_new - rates.rate_reference).abs() >= LEAST_RATE
    alone = bool((sure & large).any() or ((adjusted[len(table) :] < SIGNIFICANT) & risen).any())
    return outcome, outcome.verdict is DriftVerdict.DRIFT, alone


def halve(
    rows: list[Row], size: int, rng: np.random.Generator, *, by_patient: bool
) -> tuple[list[Row], list[Row]] | None:
    """Return two sets of so many rows, of the same source; None where there are too few."""
    if not by_patient:
        order = rng.permutation(len(rows))
        sides = [[rows[place] for place in order[start : start + size]] for start in (0, size)]
    else:
        patients = rng.permutation(sorted({row["patient"] for row in rows}))
        first = set(patients[: len(patients) // 2].tolist())
        sides = [[row for row in rows if (row["patient"] in first) == side] for side in (True, False)]
        sides = [[side[place] for place in rng.permutation(len(side))[:size]] for side in sides]
    return None if min(map(len, sides)) < size else (sides[0], sides[1])


def tell_false_alarms(rows: list[Row]) -> Iterator[str]:
    """Yield a line for each set, size and way to halve."""
    yield "| set | halved by | n a side | halves | false alarms | of table alone | what alarmed |"
    yield "|---|---|--:|--:|--:|--:|---|"
    for name in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == name and row["way"] == "as it is"]
        for by_patient in (False, True):
            for size in _SIZES:
                rng = np.random.default_rng(SEED)
                halves = [halve(own, size, rng, by_patient=by_patient) for _ in range(_HALVES)]
                found = [compare(*half) for half in halves if half]
                if not found:
                    continue
                outcomes, alarms, plain = zip(*found, strict=True)
                who = Counter(cause for one in outcomes for cause in one.drifted).most_common(2)
                told = ", ".join(f"`{cause}` {count}" for cause, count in who)
                how = "patient" if by_patient else "image"
                yield f"| {name} | {how} | {size} | {len(found)} | {percent(alarms)} | {percent(plain)} | {told} |"


def tell_hits(rows: list[Row], name: str) -> Iterator[str]:
    """Yield a line for each way and size: new images, altered, against others as they are."""
    yield "| new radiographs | n a side | found | from the table alone | largest distance, mean | most in |"
    yield "|---|--:|--:|--:|--:|---|"
    plain = {row["image"]: row for row in rows if row["set"] == name and row["way"] == "as it is"}
    mixtures = [(way, 1.0) for way in WAYS if way != "as it is"] + [("whole device", 0.5), ("whole device", 0.25)]
    for way, share in mixtures:
        altered = {row["image"]: row for row in rows if row["set"] == name and row["way"] == way}
        for size in (one for one in _SIZES if one <= len(altered)):
            rng = np.random.default_rng(SEED)
            found = []
            for _ in range(_SPLITS):
                chosen = rng.permutation(sorted(altered))[:size].tolist()
                others = rng.permutation(sorted(set(plain) - set(chosen)))[:size].tolist()
                new = [altered[image] if place < share * size else plain[image] for place, image in enumerate(chosen)]
                reference = [plain[image] for image in others]
                found.append(compare(reference, new))
            outcomes, hits, table = zip(*found, strict=True)
            largest = np.mean([one.numbers.distance.max() for one in outcomes])
            most = Counter(one.numbers.name[one.numbers.distance.idxmax()] for one in outcomes).most_common(1)[0][0]
            told = way if share == 1 else f"{way}, {share:.0%} of them"
            yield f"| {told} | {size} | {percent(hits)} | {percent(table)} | {largest:.2f} | `{most}` |"


def percent(found: Sequence[bool]) -> str:
    """Write a share."""
    return f"{100 * np.mean(found):.1f} %"


def judge(run: Path) -> Iterator[str]:
    """Yield the tables."""
    rows = [json.loads(line) for line in (run / "rows.jsonl").read_text().splitlines()]
    yield from tell_false_alarms(rows)
    yield ""
    yield from tell_hits(rows, "general")


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    first = parts.add_parser("segment")
    first.add_argument("folders", nargs="+", type=Path)
    first.add_argument("--out", type=Path, required=True)
    first.add_argument("--images", type=int, default=256)
    first.add_argument("--ways", nargs="*", default=[])
    parts.add_parser("judge").add_argument("run", type=Path)
    given = parser.parse_args()
    is_judged = given.part == "judge"
    for line in judge(given.run) if is_judged else segment(given.folders, given.out, given.images, given.ways):
        print(line, flush=True)


if __name__ == "__main__":
    main()

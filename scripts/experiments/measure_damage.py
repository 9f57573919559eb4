"""Damage real radiographs in every format, and count the masks that go badly wrong without a flag or a remark.

    python scripts/experiments/measure_damage.py DIR/portable DIR/general DIR/hannover --out RUN --inputs 600
    python scripts/experiments/measure_damage.py … --out RUN --inputs 100000 --part 1 2 & … --part 2 2 &
    python scripts/experiments/measure_damage.py --out RUN
    python scripts/experiments/measure_damage.py DIR/portable DIR/general DIR/hannover --looks

Each input is an image, a format and a fault (`damaged_files.py`), drawn from the seed and its number. The sound and the
damaged file are segmented by the portable bundle. A mask is badly wrong under a Dice coefficient of 0.8 with that of
the sound file. RUN/rows-PART.jsonl gets a line for each input; started again, the script goes on where it stopped. A
crash or a hang of the reader ends a worker, not the run, and counts as "killed". Without folders, the tables alone are
printed, of all parts together. With --looks, no mask is made: the look at the picture alone judges every image as it is
and with each fault of the picture. Linux only.
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from damaged_files import FORMATS, IN_BYTES, IN_PICTURE, SUFFIXES, Grey
from PIL import Image

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.foreign_objects import FOREIGN_OBJECT
from monai_lungxfer.inference.picture_damage import find_damage
from monai_lungxfer.inference.segmentation import Segmentation
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import LungXferError

BADLY_WRONG = 0.8
FAULTS = (*IN_BYTES, *IN_PICTURE)
SECONDS = 60
_RESTART = 5000  # inputs, after which a worker begins anew
_OWN_FORMATS = {"jpeg": "JPEG", "png": "PNG"}


class Damage:
    """Makes and segments the inputs of a run.

    Parameters
    ----------
    folders : list of pathlib.Path
        Data sets, whose images are taken in an order that the seed decides.
    each, seed : int
        How many inputs are made of an image, and the seed.
    """

    def __init__(self, folders: list[Path], each: int, seed: int) -> None:
        records = chain.from_iterable(load_datalist(folder, labels_required=False) for folder in folders)
        files = [Path(record["image"]) for record in records]
        order = np.random.default_rng(seed).permutation(len(files))
        self._files = [files[index] for index in order]
        self._each, self._seed = each, seed
        self._segmenter = Segmenter.from_bundle()
        self._folder = Path(tempfile.mkdtemp())
        self.sound = lru_cache(maxsize=3 * len(FORMATS))(self._sound)
        self._picture = lru_cache(maxsize=16)(lambda image: as_grey(self._files[image]))

    def row(self, number: int) -> dict[str, Any]:
        """Make input `number`, segment it, and return what came of it."""
        random = np.random.default_rng([self._seed, number])
        image = number // self._each % len(self._files)
        other = (image + 1) % len(self._files)
        kind, fault = str(random.choice(list(FORMATS))), str(random.choice(FAULTS))
        data, sound, flags = self.sound(image, kind)
        if fault in IN_PICTURE:
            picture = self._picture(image)
            beside = np.asarray(Image.fromarray(self._picture(other)).resize(picture.shape[::-1]))
            changed = FORMATS[kind](IN_PICTURE[fault](picture, beside, random))
        else:
            changed = IN_BYTES[fault](data, self.sound(other, kind)[0], random)
        row = {"number": number, "image": image, "format": kind, "fault": fault, "sound_flags": flags}
        try:
            found = self._segment(changed, kind)
        except LungXferError as error:
            return {**row, "end": "refused", "reason": error.without_source}
        remarks = [remark for remark in found.remarks if remark != FOREIGN_OBJECT]
        return {**row, "end": "read", "dice": dice(found, sound), "flags": list(found.flags), "remarks": remarks}

    def _sound(self, image: int, kind: str) -> tuple[bytes, Any, list[str]]:
        own = _OWN_FORMATS.get(self._files[image].suffix.lower().strip(".").replace("jpg", "jpeg"))
        data = self._files[image].read_bytes() if own == kind else FORMATS[kind](self._picture(image))
        found = self._segment(data, kind)
        return (
            data,
            (np.packbits(found.mask), found.mask.shape),
            [*found.flags, *(remark for remark in found.remarks if remark != FOREIGN_OBJECT)],
        )

    def _segment(self, data: bytes, kind: str) -> Segmentation:
        file = self._folder / f"input{SUFFIXES.get(kind, '')}"
        file.write_bytes(data)
        return self._segmenter.segment_file(file, any_view=True)


def dice(found: Segmentation, sound: tuple[Any, tuple[int, int]]) -> float:
    """Return the Dice coefficient with a packed mask, 0 where the size is another."""
    packed, shape = sound
    if found.mask.shape != shape:
        return 0.0
    mask = np.unpackbits(packed, count=shape[0] * shape[1]).reshape(shape)
    both = np.count_nonzero(mask) + np.count_nonzero(found.mask)
    return 2 * np.count_nonzero(mask & found.mask) / both if both else 1.0


def work(given: argparse.Namespace, rows: Path) -> None:
    """Go on with the inputs of this part, at most `_RESTART` of them; the number in work lies beside the rows."""
    logging.disable()
    torch.set_num_threads(1)
    damage = Damage(given.data, given.each, given.seed)
    for number in numbers(given)[_count(rows) :][:_RESTART]:
        signal.alarm(SECONDS)
        row = damage.row(number)
        with rows.open("a") as file:
            file.write(json.dumps(row) + "\n")
    signal.alarm(0)


def numbers(given: argparse.Namespace) -> range:
    """Return the inputs of this part: neighbours, since they share their images."""
    part, parts = given.part
    return range(given.inputs * (part - 1) // parts, given.inputs * part // parts)


def _count(rows: Path) -> int:
    return len(rows.read_text().splitlines()) if rows.exists() else 0


def supervise(given: argparse.Namespace, rows: Path) -> None:
    """Start workers until the part is done; note the inputs that killed one."""
    wanted, begun, first = len(numbers(given)), time.monotonic(), _count(rows)
    while (done := _count(rows)) < wanted:
        code = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--work"], check=False).returncode  # noqa: S603
        if code > 0:
            sys.exit(f"The worker ended with exit code {code}")
        after = _count(rows)
        speed = (after - first) / (time.monotonic() - begun)
        print(f"{after:,} of {wanted:,} inputs, {speed:.1f} a second", flush=True)
        if code < 0:
            row = {"number": numbers(given)[after], "end": "killed", "reason": signal.Signals(-code).name}
            with rows.open("a") as file:
                file.write(json.dumps(row) + "\n")
        elif after == done:
            sys.exit("The worker does nothing")


def table(rows: pd.DataFrame, by: str) -> Iterator[str]:
    """Yield the lines of a table, one for each value of a column and one for all."""
    titles = (by, "inputs", "refused", "killed", "read", "badly wrong", "flagged", "remark only", "silent")
    yield f"| {' | '.join(titles)} |"
    yield "|---|" + "---:|" * (len(titles) - 1)
    for name, part in [*rows.groupby(by, sort=False), ("all", rows)]:
        bad = part[part.dice < BADLY_WRONG]
        is_flagged, has_remark = bad["flags"].map(bool), bad["remarks"].map(bool)
        counts = [len(part), *((part.end == end).sum() for end in ("refused", "killed", "read")), len(bad)]
        counts += [is_flagged.sum(), (~is_flagged & has_remark).sum()]
        silent = (~is_flagged & ~has_remark).sum()
        cells = [*(f"{count:,}" for count in counts), f"{silent:,} ({silent / max(1, len(bad)):.1%})"]
        yield f"| {' | '.join((str(name), *cells))} |"


def print_tables(folder: Path) -> None:
    """Print what came of all parts."""
    lines = chain.from_iterable(file.read_text().splitlines() for file in sorted(folder.glob("rows-*.jsonl")))
    rows = pd.DataFrame(map(json.loads, lines))
    for by in ("format", "fault"):
        print("\n".join(table(rows.sort_values(by), by)), end="\n\n")
    sound = rows.dropna(subset=["image"]).drop_duplicates(["image", "format"])
    flags = pd.Series(list(chain.from_iterable(sound.sound_flags)), dtype=str).value_counts()
    print(f"Flags and remarks of the {len(sound):,} sound files: {flags.to_dict()}")


def print_looks(folders: list[Path]) -> None:
    """Print how many images look damaged, as they are and with each fault."""
    print("| picture | images | looks damaged |\n|---|---:|---:|")
    for folder in folders:
        files = [Path(record["image"]) for record in load_datalist(folder, labels_required=False)]
        print(f"| {folder.name}, as it is | {len(files)} | {sum(map(looks_damaged, map(as_grey, files)))} |")
    files = [Path(record["image"]) for folder in folders for record in load_datalist(folder, labels_required=False)]
    for name, alter in IN_PICTURE.items():
        random, found = np.random.default_rng(0), 0
        for file, other in zip(files, [*files[1:], files[0]], strict=True):
            picture = as_grey(file)
            beside = np.asarray(Image.fromarray(as_grey(other)).resize(picture.shape[::-1]))
            found += looks_damaged(alter(picture, beside, random))
        print(f"| {name} | {len(files)} | {found} ({found / len(files):.1%}) |")


def looks_damaged(picture: Grey) -> bool:
    """Tell whether the look at a picture finds damage."""
    return find_damage(picture.astype(np.float32)) is not None


def as_grey(file: Path) -> Grey:
    """Read a radiograph, brought to 8 bits."""
    pixels = read_radiograph(file).pixels
    grey: Grey = np.rint((pixels - pixels.min()) / (pixels.max() - pixels.min()) * 255).astype(np.uint8)
    return grey


def main() -> None:
    """Run a part where folders are given, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="*", help="Folders of images, with or without drawn masks")
    parser.add_argument("--out", type=Path, help="Folder of the run")
    parser.add_argument("--looks", action="store_true")
    parser.add_argument("--inputs", type=int, default=600, help="of all parts together")
    parser.add_argument("--each", type=int, default=50, help="inputs of an image")
    parser.add_argument("--part", type=int, nargs=2, default=(1, 1), metavar=("PART", "OF"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.looks:
        print_looks(given.data)
        return
    if given.out is None:
        parser.error("--out or --looks is needed")
    given.out.mkdir(parents=True, exist_ok=True)
    rows = given.out / f"rows-{given.part[0]}.jsonl"
    if given.work:
        work(given, rows)
        return
    if given.data:
        supervise(given, rows)
    print_tables(given.out)


if __name__ == "__main__":
    main()

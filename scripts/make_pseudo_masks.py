"""Let teachers draw soft masks of radiographs without masks, for a student to learn from.

    python scripts/make_pseudo_masks.py DATA --weights A.pt --weights B.pt --out PSEUDO
    lungxfer train portable --recipe student --data DIR --set pseudo_dir=PSEUDO

DATA is a datalist, or a folder with one; masks that it names are not looked at. A pseudo-mask is the mean probability
of all teachers over all views of a radiograph: grey values as they are, and bent by the exponents of `--gamma`. It is
kept as 8-bit PNG at the radiograph's size: 0 to 254 for a probability from 0 to 1, 255 for pixels that the record's
`ignore` marks. Masks are computed once, and then learnt from in every epoch. Files that cannot be used are named and
left out; the exit code is 1 then. Not a medical device.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_lungxfer.data.datalist import load_datalist, save_datalist
from monai_lungxfer.data.records import Record
from monai_lungxfer.data.soft_masks import encode_soft_mask
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph, read_mask, read_radiograph
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import atomic_path

logger = logging.getLogger("make_pseudo_masks")


def bend(radiograph: Radiograph, gamma: float) -> Radiograph:
    """Return a radiograph whose grey values, from lowest to highest, are raised to a power."""
    low, high = radiograph.levels
    if gamma == 1 or low == high:
        return radiograph
    share = (radiograph.pixels - low) / (high - low)
    return dataclasses.replace(radiograph, pixels=(low + (high - low) * share**gamma).astype(np.float32))


def mean_probability(
    teachers: Sequence[Segmenter], radiograph: Radiograph, gammas: Sequence[float]
) -> NDArray[np.float32]:
    """Return the mean probability (H, W) of all teachers over all views."""
    views = [bend(radiograph, gamma) for gamma in gammas]
    return np.mean([teacher.segment(view).probability for teacher in teachers for view in views], axis=0)


def make_pseudo_masks(
    records: Sequence[Record], teachers: Sequence[Segmenter], gammas: Sequence[float], out: Path
) -> tuple[list[Record], int]:
    """Write a pseudo-mask a record; return the records that have one, and how many have none."""
    made: list[Record] = []
    for number, record in enumerate(records, 1):
        try:
            probability = mean_probability(teachers, read_radiograph(record["image"]), gammas)
            ignored = read_mask(record["ignore"]) if "ignore" in record else None
            file = out / f"{number:06}.png"
            with atomic_path(file) as temporary:
                Image.fromarray(encode_soft_mask(probability, ignored)).save(temporary, format="PNG")
        except LungXferError as error:
            logger.error("record %d is left out: %s", number - 1, error)
            continue
        kept = {key: value for key, value in record.items() if key not in ("ignore", "ignore_fraction")}
        made.append({**kept, "label": str(file.absolute()), "soft": True})  # type: ignore[typeddict-unknown-key]
    return made, len(records) - len(made)


def main() -> int:
    """Read the options, write pseudo-masks and their datalist, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="datalist, or the folder of one")
    parser.add_argument("--out", type=Path, required=True, help="new folder for pseudo-masks and their datalist.json")
    parser.add_argument("--weights", action="append", help="a teacher; may be repeated; default: those that ship")
    parser.add_argument("--bundle", default="portable", help="the bundle of the teachers")
    parser.add_argument("--gamma", type=float, nargs="+", default=[1.0, 0.7, 1.4], help="exponents of the views")
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        records = load_datalist(given.data, labels_required=False)
        teachers = [
            Segmenter.from_bundle(given.bundle, weights=weights, device=given.device, engine="torch")
            for weights in given.weights or [None]
        ]
        given.out.mkdir(parents=True)
    except FileExistsError:
        logger.error("%s is there already: name a new folder (--out)", given.out)
        return 2
    except LungXferError as error:
        logger.error("%s", error)
        return 2
    made, left_out = make_pseudo_masks(records, teachers, given.gamma, given.out)
    if not made:
        logger.error("no radiograph could be used")
        return 2
    save_datalist(made, given.out / "datalist.json")
    logger.info("%d pseudo-masks in %s, %d records left out", len(made), given.out, left_out)
    return int(left_out > 0)


if __name__ == "__main__":
    sys.exit(main())

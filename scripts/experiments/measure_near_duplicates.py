"""How much the details of two radiographs are alike: of one patient, of two, and of a copy that was saved again.

    python scripts/experiments/measure_near_duplicates.py DIR/hannover DIR/portable

It prints percentiles of the correlation of details (`monai_lungxfer.data.near_duplicates`), which `lungxfer select`
judges by. No line holds a name.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.near_duplicates import correlate, extract_detail
from monai_lungxfer.inference.overlay import thumbnail
from monai_lungxfer.io.radiograph import read_radiograph

_SHARES = (0, 1, 50, 90, 99, 100)


def resave(quality: int, shrink: int = 1) -> Callable[[Image.Image], Image.Image]:
    """Return what saves a picture as JPEG, at a part of its size."""

    def save(picture: Image.Image) -> Image.Image:
        buffer = BytesIO()
        picture.reduce(shrink).save(buffer, "JPEG", quality=quality)
        return Image.open(buffer)

    return save


COPIES = {"JPEG 90": resave(90), "JPEG 30": resave(30), "half the size, JPEG 60": resave(60, 2)}


def tell(what: str, values: NDArray[np.floating]) -> None:
    """Print a row of percentiles."""
    numbers = " | ".join(f"{one:.2f}" for one in np.percentile(values, _SHARES))
    print(f"| {what} | {len(values)} | {numbers} |", flush=True)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    print(
        "| pairs | n | " + " | ".join(f"{share} %" for share in _SHARES) + " |\n|---|--:" + "|--:" * len(_SHARES) + "|"
    )
    for folder in parser.parse_args().folders:
        records = load_datalist(folder, labels_required=False)
        read = [read_radiograph(record["image"]).pixels for record in records]
        details = np.stack([extract_detail(pixels) for pixels in read])
        alike = np.maximum(*(np.abs(one) for one in correlate(details, details)))
        patients = np.array([record["patient"] for record in records])
        above = np.triu(np.ones_like(alike, bool), 1)
        same = patients[:, None] == patients
        tell(f"{folder.name}, one patient", alike[above & same])
        tell(f"{folder.name}, two patients", alike[above & ~same])
        for name, copy in COPIES.items():
            copied = (np.asarray(copy(Image.fromarray(thumbnail(pixels))), np.float32) for pixels in read)
            values = [abs(float(own @ extract_detail(one))) for own, one in zip(details, copied, strict=True)]
            tell(f"{folder.name}, {name}", np.array(values))


if __name__ == "__main__":
    main()

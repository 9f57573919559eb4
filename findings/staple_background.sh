#!/usr/bin/env bash
# SimpleITK 2.5.7's STAPLE of the same two masks changes from the larger of them to the smaller when a black margin is put
# around both: the specificity of a reader counts the background, so the margin makes it larger (Warfield et al. 2004). One
# would guess that empty rows do not matter. Masks of 0 and 255 find nothing at all, without an error: the foreground is 1
# unless another value is given.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet simpleitk==2.5.7 numpy==2.4.6
cd "$folder"
env/bin/python - << 'PYTHON'
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

ROWS, COLUMNS = np.mgrid[:256, :256]


def disc(radius: int) -> np.ndarray:
    return ((ROWS - 128) ** 2 + (COLUMNS - 128) ** 2 < radius**2).astype(np.uint8)


def agree(masks: list[np.ndarray]) -> int:
    """Return how many pixels STAPLE gives a probability above one half."""
    return int((sitk.GetArrayFromImage(sitk.STAPLE([sitk.GetImageFromArray(mask) for mask in masks])) > 0.5).sum())


small, large = disc(60), disc(70)
sizes = int(small.sum()), int(large.sum())
plain, padded = (agree([np.pad(mask, margin) for mask in (small, large)]) for margin in (0, 600))
bright = agree([small * 255, large * 255])
print(f"SimpleITK {version('simpleitk')}: readers drew {sizes[0]} and {sizes[1]} pixels, one within the other")
print(f"STAPLE: {plain} pixels; with a margin of 600 pixels: {padded}; of masks of 0 and 255: {bright}")
as_described = (padded, plain, bright) == (*sizes, 0)
print("as described" if as_described else "changed")
raise SystemExit(not as_described)
PYTHON

#!/usr/bin/env bash
# ITK 5.4.7 reads the spacing of a MetaImage or NRRD file as mm, whatever unit the header names: DistanceUnits = cm, or
# units: "cm" "cm". Lengths are wrong by 10 then, areas by 100. pynrrd 1.1.3 reads the units of the same NRRD file.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet itk==5.4.7 pynrrd==1.1.3 numpy==2.4.6
cd "$folder"
env/bin/python - << 'PYTHON'
from importlib.metadata import version
from pathlib import Path

import itk
import nrrd
import numpy as np

PIXELS = np.zeros((40, 50), np.uint8)


def read_meta_image(unit: str) -> tuple[float, ...]:
    """Return the spacing of a file of 0.02 units, as ITK reads it."""
    lines = ("ObjectType = Image", "NDims = 2", "BinaryData = True", "BinaryDataByteOrderMSB = False", "DimSize = 50 40")
    lines += ("ElementSpacing = 0.02 0.02", f"DistanceUnits = {unit}", "ElementType = MET_UCHAR", "ElementDataFile = LOCAL")
    Path("x.mha").write_bytes("".join(f"{line}\n" for line in lines).encode() + PIXELS.tobytes())
    return tuple(itk.spacing(itk.imread("x.mha")))


def read_nrrd(unit: str) -> tuple[float, ...]:
    header = {"spacings": [0.02, 0.02], "units": [unit, unit], "encoding": "raw"}
    nrrd.write("x.nrrd", PIXELS.T, header)
    assert nrrd.read_header("x.nrrd")["units"] == [unit, unit]
    return tuple(itk.spacing(itk.imread("x.nrrd")))


found = {unit: (read_meta_image(unit), read_nrrd(unit)) for unit in ("mm", "cm")}
for unit, (meta, by_nrrd) in found.items():
    print(f"ITK {version('itk')}: a spacing of 0.02 {unit} is read as MetaImage {meta}, NRRD {by_nrrd}, in mm")
as_described = found["mm"] == found["cm"] == ((0.02, 0.02), (0.02, 0.02))
print("as described" if as_described else "changed")
raise SystemExit(not as_described)
PYTHON

#!/usr/bin/env bash
# The 95th percentile of the Hausdorff distance of the same two masks: three libraries give three values. MONAI 1.6.1 takes
# the larger of the two directions' percentiles. MedPy 0.5.2 takes one percentile of both directions' distances together.
# surface-distance 0.1 takes the larger of the two, and weighs each distance by its piece of contour. The plain Hausdorff
# distance is the same in all three.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet torch==2.13.0 monai==1.6.1 medpy==0.5.2 surface-distance==0.1 numpy==2.4.6 scipy
"$folder/env/bin/python" -W ignore - << 'PYTHON'
from importlib.metadata import version

import numpy as np
import surface_distance
import torch
from medpy import metric as medpy
from monai.metrics import compute_hausdorff_distance

reference = np.zeros((32, 32), bool)
reference[5:25, 5:15] = True
found = reference.copy()
found[14, 15:30] = True  # a thin line that sticks out to one side


def by_monai(percentile: int) -> float:
    planes = (torch.from_numpy(mask[None, None].astype(np.float32)) for mask in (found, reference))
    return float(compute_hausdorff_distance(*planes, percentile=percentile))


distances = surface_distance.compute_surface_distances(reference, found, (1, 1))
values = {
    "MONAI": (by_monai(100), by_monai(95)),
    "MedPy": (float(medpy.hd(found, reference)), float(medpy.hd95(found, reference))),
    "surface-distance": tuple(float(surface_distance.compute_robust_hausdorff(distances, share)) for share in (100, 95)),
}
for name, (whole, most) in values.items():
    print(f"{name} {version(name)}: Hausdorff {whole:.2f}, 95th percentile {most:.2f} pixels")
as_described = [round(most, 2) for _, most in values.values()] == [11.55, 8.75, 13.0]
as_described = as_described and {whole for whole, _ in values.values()} == {15.0}
print("as described" if as_described else "changed")
raise SystemExit(not as_described)
PYTHON

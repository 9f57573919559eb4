#!/usr/bin/env bash
# Two empty masks agree, so one would guess a Dice of 1, or no value. SimpleITK 2.5.7 says infinity, which an average over
# images keeps. MedPy 0.5.2 says nan, though its code has a case for this that returns 0; its Jaccard of the same masks is 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet medpy==0.5.2 simpleitk==2.5.7 numpy==2.4.6
"$folder/env/bin/python" -W ignore - << 'PYTHON'
import math
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from medpy import metric as medpy

empty = np.zeros((32, 32), np.uint8)
overlap = sitk.LabelOverlapMeasuresImageFilter()
overlap.Execute(sitk.GetImageFromArray(empty), sitk.GetImageFromArray(empty))
by_itk, by_medpy, jaccard = overlap.GetDiceCoefficient(), float(medpy.dc(empty, empty)), float(medpy.jc(empty, empty))
print(f"SimpleITK {version('simpleitk')}: Dice {by_itk}")
print(f"MedPy {version('medpy')}: Dice {by_medpy}, Jaccard {jaccard}")
as_described = by_itk == math.inf and math.isnan(by_medpy) and jaccard == 1
print("as described" if as_described else "changed")
raise SystemExit(not as_described)
PYTHON

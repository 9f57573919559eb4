"""How often the report's comparison finds a difference where there is none, and how often other tests would.

    python benchmarks/benchmark_statistics.py

Studies are drawn without any difference: the difference of an image is what its repetition, its patient and chance
add, in shares that are printed. The independent half is the same in all repetitions (fixed) or drawn anew (fresh).
Printed is the share of studies with p < 0.05 by the report's comparison, by a bootstrap of patients and repetitions
(the percentile interval leaves out 0), and by Wilcoxon's test of patients alone; 0.05 is right.
"""

from __future__ import annotations

import argparse
import itertools

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from monai_lungxfer.study.analysis.statistics import compare_with_zero, interval

STUDIES = ((4, 30), (4, 100), (10, 60), (25, 100))  # repetitions, patients
SHARES = (1.0, 0.3, 0.0)  # standard deviation of a repetition's effect; of a patient's, and of the rest, it is 1


def draw_study(rng: np.random.Generator, shape: tuple[int, int], share: float, fresh: bool) -> pd.DataFrame:
    """Draw the differences of one study of one or two images a patient."""
    repetitions, patients = shape
    cells = share * rng.normal(size=(repetitions, 1)) + rng.normal(size=(1, patients)) + rng.normal(size=shape)
    images = rng.integers(1, 3, patients)
    rows = []
    for repetition in range(repetitions):
        seen = rng.permutation(patients)[: patients // 2] if fresh else range(patients)
        rows += [(repetition, int(p), cells[repetition, p]) for p in seen for _ in range(images[p])]
    return pd.DataFrame(rows, columns=["repetition", "patient", "x"])


def main() -> None:
    """Draw, test and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=500, help="drawn for each line")
    number = parser.parse_args().studies
    rng = np.random.default_rng(0)
    print("repetitions patients repetition's-share half | comparison bootstrap wilcoxon")
    for shape, share, fresh in itertools.product(STUDIES, SHARES, (False, True)):
        found = np.zeros(3)
        for _ in range(number):
            rows = draw_study(rng, shape, share, fresh)
            means = rows.groupby("patient").x.mean()
            found += (
                compare_with_zero(rows, "x").p < 0.05,
                interval(rows, "x").beyond_zero,
                wilcoxon(means).pvalue < 0.05,
            )
        rates = " ".join(f"{rate:.3f}" for rate in found / number)
        print(*shape, share, "fresh" if fresh else "fixed", "|", rates, flush=True)


if __name__ == "__main__":
    main()

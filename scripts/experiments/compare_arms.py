"""Compare arms of a study with another arm than the paper's, on the same independent images, as CSV.

    python scripts/experiments/compare_arms.py STUDY width_32 width_16 width_8 flair_donor

The p-values are adjusted for all that it prints (Holm).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from monai_lungxfer.study.analysis.comparisons import adjust_p_values, compare_rows
from monai_lungxfer.study.analysis.results import StudyResults

METRICS = ("DICE", "DICE_HARD", "HD95", "ISLANDS")


def main() -> None:
    """Print a row for each arm and metric, see `monai_lungxfer.study.analysis.comparisons.compare_rows`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    parser.add_argument("reference", help="the arm that is subtracted")
    parser.add_argument("arms", nargs="+")
    given = parser.parse_args()
    results = StudyResults.read(given.study)
    reference = results.after(given.reference)
    found = {arm: compare_rows(results.after(arm), reference, METRICS) for arm in given.arms}
    adjust_p_values(found, "arm").to_csv(sys.stdout, index=False)


if __name__ == "__main__":
    main()

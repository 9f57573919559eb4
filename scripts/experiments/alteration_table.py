"""Count wrong masks without a flag, and flags without a wrong mask, for each way of alteration; printed as Markdown.

    python scripts/experiments/alteration_table.py RUN

RUN is the output of `alter_radiographs.py`. A mask is wrong under a Dice coefficient of .90 with the drawn one, and
changed under .90 with the mask of the picture before it was altered. Remarks count as flags. Flags that need the
estimate or the area are raised anew, so that a run need not be repeated when the estimate was fitted anew or a
threshold has changed.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import pandas as pd
from alter_radiographs import TRUE_FIELD, WRONG_FIELDS
from fit_expected_dice import BAD, read, with_estimates

from monai_lungxfer.inference.expected_dice import ExpectedDice
from monai_lungxfer.inference.quality import FLAGS, THRESHOLDS, is_cut_off
from monai_lungxfer.inference.segmentation import ModelIdentity

NO_ALTERATION = "as it is"
AREA_ERROR = 0.1


def flagged(rows: pd.DataFrame) -> pd.Series:
    """Return the flags of each row as a set, with "remark" for what the reader said."""

    def flags(row: pd.Series) -> set[str]:
        raised = set(row["flags"]) - {"area_implausible", "low_confidence", "touches_border"}
        implausible = not THRESHOLDS.min_adult_cm2 <= row.lung_cm2 <= THRESHOLDS.max_cm2
        raised |= {"area_implausible"} if pd.notna(row.lung_cm2) and implausible else set()
        raised |= {"low_confidence"} if row["share"] > 0 and row.expected < THRESHOLDS.min_dice else set()
        raised |= {"touches_border"} if is_cut_off(row.border, row.symmetry) else set()
        return raised | ({"remark"} if row.remarks else set())

    return rows.apply(flags, axis=1)


def share(found: pd.Series, of: int) -> str:
    """Return a count with its share."""
    return f"{found.sum()} ({found.sum() / max(1, of):.1%})"


def print_row(name: str, rows: pd.DataFrame) -> None:
    """Print one line: wrong and changed masks, those of them without a flag, and flags for the others."""
    bad, changed, raised = rows.dice < BAD, rows.plain_dice < BAD, rows.raised.map(bool)
    top = Counter(flag for flags in rows.raised[bad] for flag in flags).most_common(2)
    counts = [share(bad, len(rows)), share(bad & ~raised, len(rows)), share(changed, len(rows))]
    counts += [share(changed & ~raised, len(rows)), share(~bad & raised, (~bad).sum())]
    flags = ", ".join(f"`{flag}` {count}" for flag, count in top)
    print("| " + " | ".join([name, str(len(rows)), f"{rows.dice.mean():.3f}", *counts, flags]) + " |")


def print_alarms(rows: pd.DataFrame) -> None:
    """Print how often each flag comes without an alteration, for right and for wrong masks."""
    plain = rows[rows.way == NO_ALTERATION]
    parts = {
        f"{name}, {what}": plain[(plain.set == name) & ((plain.dice < BAD) == is_bad)]
        for name in sorted(set(plain.set))
        for what, is_bad in (("right", False), ("wrong", True))
    }
    print("\n| flag, not altered | " + " | ".join(f"{name} ({len(part)})" for name, part in parts.items()) + " |")
    print("|---|" + "---:|" * len(parts))
    for flag in FLAGS:
        counts = [sum(flag in flags for flags in part.raised) for part in parts.values()]
        if any(counts):
            print(f"| `{flag}` | " + " | ".join(map(str, counts)) + " |")
    counts = [part.raised.map(bool).sum() for part in parts.values()]
    print("| any of them | " + " | ".join(map(str, counts)) + " |")


def print_areas(rows: pd.DataFrame) -> None:
    """Print how often an area in cm² is wrong by more than `AREA_ERROR`, and nothing says so."""
    rows = rows[rows.way == "wrong spacing"]
    factor = rows.kind.str.rsplit(" ", n=1).str[1].astype(int).map(lambda kind: (WRONG_FIELDS[kind] / TRUE_FIELD) ** 2)
    wrong = rows.lung_cm2.notna() & ((factor - 1).abs() > AREA_ERROR) & ~rows.raised.map(bool)
    print(f"\nAreas in cm² that are wrong by more than {AREA_ERROR:.0%} without a flag: {wrong.sum()} of {len(rows)}")


def main() -> None:
    """Print the tables, of all images and of the half of the patients that the estimate did not learn from."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    rows, sha256 = read(parser.parse_args().run)
    estimate = ExpectedDice.load(ModelIdentity("", "", sha256))
    if estimate is None:
        raise SystemExit("nothing was fitted for these weights")
    rows = with_estimates(rows, estimate)
    rows["raised"] = flagged(rows)
    titles = ("altered", "n", "mean Dice", "under .90", "silent", "changed", "silent", ".90 or more, flagged")
    print("| " + " | ".join((*titles, "flags of those under .90")) + " |")
    print("|---|" + "---:|" * 7 + "---|")
    held_out = rows[rows.half == 1]
    for name in sorted(set(rows.set)):
        print_row(f"{NO_ALTERATION}, {name}", rows[(rows.way == NO_ALTERATION) & (rows.set == name)])
    for way in dict.fromkeys(rows.way):
        print_row(way, rows[rows.way == way])
        print_row(f"{way}, held out", held_out[held_out.way == way])
    print_alarms(rows)
    print_areas(rows)


if __name__ == "__main__":
    main()

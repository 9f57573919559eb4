"""Fit the expected Dice coefficient of masks for one weights file, and print what it is worth.

    python scripts/experiments/fit_expected_dice.py RUN [--out monai_lungxfer/inference/expected_dice.npz]

RUN is the output of `alter_radiographs.py`. One half of the patients and some ways of alteration are learnt from; the
tables are of the other half, and of the ways that were kept back.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import GroupKFold, cross_val_predict

from monai_lungxfer.inference.expected_dice import CURVES, ExpectedDice
from monai_lungxfer.inference.mask_doubt import NAMES
from monai_lungxfer.inference.quality import THRESHOLDS

LEARNT = (
    *("as it is", "inverted", "upside down", "on its side", "mirrored", "gamma", "cropped", "padded"),
    *("noise", "blurred", "tilted", "bright disc"),
)
KEPT_BACK = ("window", "lateral-like", "white rectangle", "video inverted", "half a lung white")
BAD = 0.9
FALSE_ALARMS = 0.1
KNOTS, NEIGHBOURS = 41, 0.04
LEAST = 0.02

Vector = NDArray[np.float64]


def read(run: Path) -> tuple[pd.DataFrame, str]:
    """Return a row for each mask, and the SHA-256 of the weights that drew them."""
    rows = pd.DataFrame(map(json.loads, (run / "rows.jsonl").read_text().splitlines()))
    columns = json.loads((run / "columns.json").read_text())
    if tuple(columns["doubt"]) != NAMES:
        raise SystemExit("the run was made with other numbers than mask_doubt.py has now: make it again")
    return rows, columns["weights_sha256"]


def regressor() -> GradientBoostingRegressor:
    """Return the trees, not fitted."""
    return GradientBoostingRegressor(
        loss="squared_error", n_estimators=250, learning_rate=0.04, max_depth=3, min_samples_leaf=15, subsample=0.5,
        max_features=0.4, random_state=0,
    )  # fmt: skip


def target(dice: Vector) -> Vector:
    """Stretch Dice coefficients where they are near 1, since .95 is as far from .90 as .975 from .95."""
    return -np.log(np.maximum(1 - dice, LEAST))


def vectors(rows: pd.DataFrame) -> NDArray[np.float32]:
    """Return what is fitted to."""
    return np.array(rows.doubt.tolist(), np.float32)


def fit(rows: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Fit the trees; and, on masks of patients that they did not see, what Dice coefficients their scores stand for."""
    x, dice = vectors(rows), rows.dice.to_numpy(float)
    folds = GroupKFold(10)
    scores = cross_val_predict(regressor(), x, target(dice), cv=folds, groups=rows.set + rows.image.astype(str))
    trees = regressor().fit(x, target(dice))
    return as_arrays(trees) | curves(scores, dice)


def curves(scores: Vector, dice: Vector) -> dict[str, NDArray[Any]]:
    """Return mean, 5th and 95th percentile of the Dice coefficient, none of them falling, at some scores."""
    order = np.argsort(scores)
    scores, dice = scores[order], dice[order]
    width = max(20, int(NEIGHBOURS * len(scores)))
    at = np.linspace(0, len(scores) - 1, KNOTS).astype(int)
    near = [dice[max(0, place - width // 2) : place + width // 2] for place in at]
    made = {"expected": [own.mean() for own in near]}
    made |= {name: [np.quantile(own, share) for own in near] for name, share in (("low", 0.05), ("high", 0.95))}
    rising = {name: IsotonicRegression().fit_transform(scores[at], values) for name, values in made.items()}
    return {"score": scores[at]} | rising


def as_arrays(trees: GradientBoostingRegressor) -> dict[str, NDArray[Any]]:
    """Return the trees as `ExpectedDice` reads them, the mean as a tree of one leaf."""
    parts = [estimator.tree_ for estimator in trees.estimators_[:, 0]]
    nodes = max(part.node_count for part in parts)
    made = {
        name: np.zeros((len(parts) + 1, nodes), kind)
        for name, kind in (("left", "i1"), ("right", "i1"), ("threshold", "f4"), ("value", "f4"))
    }
    feature = np.full((len(parts) + 1, nodes), -1, "i1")
    for row, part in enumerate(parts):
        count = part.node_count
        leaf = part.children_left < 0
        feature[row, :count] = np.where(leaf, -1, part.feature)
        made["left"][row, :count], made["right"][row, :count] = part.children_left, part.children_right
        made["threshold"][row, :count] = part.threshold
        made["value"][row, :count] = part.value[:, 0, 0] * trees.learning_rate
    made["value"][-1, 0] = trees.init_.constant_.item()
    return {"feature": feature, **made}


def with_estimates(rows: pd.DataFrame, estimate: ExpectedDice) -> pd.DataFrame:
    """Add the columns of the estimate."""
    scores = np.array([estimate.score(vector.astype(float)) for vector in vectors(rows)])
    return rows.assign(**{name: estimate.curve(name, scores) for name in CURVES})


def found_at(doubt: Vector, is_bad: NDArray[np.bool_]) -> float:
    """Return the share of bad masks that are found where `FALSE_ALARMS` of the others are."""
    if not 0 < is_bad.sum() < is_bad.size:
        return np.nan
    return float((doubt[is_bad] > np.quantile(doubt[~is_bad], 1 - FALSE_ALARMS)).mean())


def print_worth(name: str, rows: pd.DataFrame) -> None:
    """Print one line of the table."""
    dice, bad = rows.dice.to_numpy(float), rows.dice.to_numpy(float) < BAD
    cells = [name, f"{len(rows)}", f"{bad.sum()}"]
    cells += [f"{spearmanr(rows[column], dice).statistic:.2f}" for column in ("expected", "confidence")]
    cells += [f"{found_at(-rows[column].to_numpy(float), bad):.0%}" for column in ("expected", "confidence")]
    cells += [f"{np.abs(rows.expected - dice).mean():.3f}", f"{((rows.low <= dice) & (dice <= rows.high)).mean():.0%}"]
    flagged = rows.expected < THRESHOLDS.min_dice
    cells += [f"{flagged[bad].mean():.0%}" if bad.any() else "", f"{flagged[~bad].mean():.1%}" if (~bad).any() else ""]
    print("| " + " | ".join(cells) + " |")


def print_table(rows: pd.DataFrame) -> None:
    """Print what the estimates are worth, by set and way."""
    titles = ("masks", "n", "under .90", "ρ of `dice_expected`", "ρ of `confidence`", "found", "by `confidence`")
    print("| " + " | ".join((*titles, "mean error", "in the interval", "flagged, under .90", "flagged, others")) + " |")
    print("|---|" + "---:|" * 10)
    for name in sorted(rows.set.unique()):
        own = rows[rows.set == name]
        print_worth(f"{name}, as it is", own[own.way == "as it is"])
        print_worth(f"{name}, altered as learnt", own[own.way.isin(LEARNT[1:])])
        print_worth(f"{name}, altered in ways kept back", own[own.way.isin(KEPT_BACK)])
        print_worth(f"{name}, all of these", own[own.way.isin(LEARNT + KEPT_BACK)])
    for way in (*LEARNT, *KEPT_BACK):
        print_worth(f"both, {way}", rows[rows.way == way])


def main() -> None:
    """Fit to one half of the patients, print the tables of the other, and write what was fitted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="+")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    fitted = {}
    for run in given.run:
        rows, sha256 = read(run)
        rows = rows[rows.dice.notna() & (rows["share"] > 0)]
        half = [rows[rows.half == number] for number in (0, 1)]
        fitted[sha256] = fit(half[0][half[0].way.isin(LEARNT)])
        print(f"\nWeights {sha256[:12]}: {rows[['set', 'image']].drop_duplicates().value_counts('set').to_dict()}\n")
        print_table(with_estimates(half[1], ExpectedDice(fitted[sha256])))
    if given.out is not None:
        ExpectedDice.save(fitted, given.out)


if __name__ == "__main__":
    main()

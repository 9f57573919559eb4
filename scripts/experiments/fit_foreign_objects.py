"""Fit the remark on foreign objects, and print what it is worth.

    python scripts/experiments/fit_foreign_objects.py --data DIR --details details.csv

DIR has `portable/`, `general/` and `hannover/`, each with a datalist. Which pictures show an object was judged by eye,
without the detector's answer, by no radiologist: `foreign_objects.csv` next to this script. It learns from `portable`
and the adults of `general`, and is tested on patients that it did not learn from. `hannover` is a test alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from monai_lungxfer.inference.foreign_objects import KINDS, QUANTILES, measure_details
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_mask

FALSE_ALARMS = 0.1
CHILDREN = 12  # every so many are looked at
NAMES = [f"{kind} {share}" for kind in KINDS for share in QUANTILES]
OBJECT, NONE, LINE, UNSURE, CHILD = "object", "none", "line", "unsure", "child"


def judge(data: Path) -> pd.DataFrame:
    """Return a row for each picture that was judged, and for some radiographs of children, which were not."""
    judged = pd.read_csv(Path(__file__).with_name("foreign_objects.csv"))
    seen = dict(zip(judged.image, judged.seen, strict=True))
    rows = []
    for name in ("portable", "general", "hannover"):
        records = json.loads((data / name / "datalist.json").read_text())
        children = [one for one in records if "kermany" in one["image"]][::CHILDREN]
        for one in [*(one for one in records if Path(one["image"]).stem in seen), *children]:
            told = {"set": name, "patient": one["patient"], "marked": one.get("ignore_fraction", 0) > 0}
            told["label"] = one.get("label", "")
            rows.append(told | {"seen": seen.get(Path(one["image"]).stem, CHILD), "image": one["image"]})
    return pd.DataFrame(rows)


def measure(data: Path, rows: pd.DataFrame) -> pd.DataFrame:
    """Add what is measured of each picture, and say what share of a prediction's processor time it takes."""
    segmenter = Segmenter.from_bundle(engine="onnx", threads=1)
    found, dices, whole, own = [], [], 0.0, 0.0
    for row in rows.itertuples():
        start = process_time()
        prepared = segmenter.load(data / row.set / row.image, any_view=True)
        (answer,) = segmenter.infer([prepared])
        maps = segmenter.engine.finish(prepared.image, answer, prepared.size)
        middle = process_time()
        details = measure_details(maps.picture, maps.likelihood)
        own, whole = own + process_time() - middle, whole + middle - start
        dices.append(dice(data / row.set / row.label, maps.likelihood > 0.5) if row.label else np.nan)
        found.append(np.full(len(NAMES), np.nan) if details is None else details.ravel())
    print(f"{len(rows)} pictures; {100 * own / whole:.1f} % of the other processor time of a prediction")
    return rows.join(pd.DataFrame(found, columns=NAMES)).assign(dice=dices)


def dice(label: Path, mask: np.ndarray) -> float:
    """Return the Dice coefficient with a drawn mask, at the network's own size."""
    truth = Image.fromarray(read_mask(label).astype(np.uint8)).resize(mask.shape[::-1], Image.Resampling.NEAREST)
    return float(2 * (mask & (np.asarray(truth) > 0)).sum() / (mask.sum() + (np.asarray(truth) > 0).sum()))


def model() -> Pipeline:
    """Return the logistic regression, not fitted."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.3, class_weight="balanced", max_iter=3000))


def score(rows: pd.DataFrame) -> tuple[np.ndarray, Pipeline, float]:
    """Return each picture's score by a model that did not see its patient, the model of all, and the threshold."""
    learnt = (rows.seen.isin([OBJECT, NONE]) & (rows.set != "hannover")).to_numpy()
    x, y = rows[NAMES].to_numpy(), (rows.seen == OBJECT).to_numpy()
    scores = np.zeros(len(rows))
    for training, test in GroupKFold(10).split(x, y, rows.patient):
        known = training[learnt[training]]
        scores[test] = model().fit(x[known], y[known]).decision_function(x[test])
    final = model().fit(x[learnt], y[learnt])
    own = cross_val_predict(
        model(), x[learnt], y[learnt], groups=rows.patient[learnt], cv=GroupKFold(10), method="decision_function"
    )
    return scores, final, float(np.quantile(own[~y[learnt]], 1 - FALSE_ALARMS))


def share(rows: pd.DataFrame) -> str:
    """Return how many are called, as a share with a 95 % interval of a bootstrap over patients."""
    if rows.empty:
        return "–"
    counts = rows.groupby("patient").called.agg(["sum", "count"]).to_numpy(float)
    drawn = np.random.default_rng(0).integers(0, len(counts), (2000, len(counts)))
    sums = counts[drawn].sum(axis=1)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], (0.025, 0.975))
    text = f"{rows.called.sum()} of {len(rows)}, {100 * rows.called.mean():.0f} %"
    return text if rows.called.all() or not rows.called.any() else f"{text} ({100 * low:.0f} to {100 * high:.0f})"


def table(rows: pd.DataFrame) -> Iterator[str]:
    """Yield the table of the page."""
    yield "| data set | object seen | marked by annotators | only a tube or lead | none seen | AUC |"
    yield "|---|---|---|---|---|---:|"
    for name, own in rows[rows.seen != CHILD].groupby("set", sort=False):
        kinds = [own[own.seen == OBJECT], own[own.marked], own[own.seen == LINE], own[own.seen == NONE]]
        clear = own[own.seen.isin([OBJECT, NONE])]
        auc = roc_auc_score(clear.seen == OBJECT, clear.score)
        yield f"| {name} | {' | '.join(share(kind) for kind in kinds)} | {auc:.2f} |"
    yield f"children, not judged: {share(rows[rows.seen == CHILD])}"
    for name, own in rows[rows.seen != CHILD].groupby("set", sort=False):
        yield f"all of {name} that were judged: {share(own)}"
        for called, part in own.dropna(subset=["dice"]).groupby("called"):
            below = f"{(part.dice < 0.9).sum()} of {len(part)} under 0.9"
            yield f"  Dice, called {called}: mean {part.dice.mean():.3f}, {below}"


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--details", type=Path, required=True, help="what was measured; made where it is missing")
    parser.add_argument("--list", type=Path, help="writes each picture with its score")
    args = parser.parse_args()
    if not args.details.exists():
        measure(args.data, judge(args.data)).to_csv(args.details, index=False)
    rows = pd.read_csv(args.details).dropna(subset=NAMES)
    scores, final, threshold = score(rows)
    rows = rows.assign(score=scores, called=scores > threshold)
    print("\n".join(table(rows)))
    scaler, regression = final
    weights = regression.coef_[0] / scaler.scale_
    offset = float(regression.intercept_[0] - weights @ scaler.mean_ - threshold)
    print(np.round(weights.reshape(len(KINDS), -1), 3).tolist(), round(offset, 3))
    if args.list is not None:
        rows.drop(columns=NAMES).to_csv(args.list, index=False)


if __name__ == "__main__":
    main()

"""Images of several repetitions, described metric by metric and compared with the same images of other weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from monai_lungxfer.metrics.per_image import LENGTHS, METRICS
from monai_lungxfer.study.analysis.statistics import (
    compare_with_zero,
    holm,
    interval,
    over_repetitions,
    worst_tenth,
)

LOWER_IS_BETTER = frozenset((*LENGTHS, "ISLANDS", "BRIDGES", "FUSED", "FAILED"))
"""Metrics of which less is better."""

TABLE_METRICS = tuple(name for name in METRICS if not name.startswith("AREA"))
"""Metrics of the tables; of areas, only how far they agree is of interest."""


def describe_rows(rows: pd.DataFrame, metrics: Sequence[str] = TABLE_METRICS) -> pd.DataFrame:
    """Describe rows of `StudyResults.images`, of one step and section, by each metric.

    Returns
    -------
    pandas.DataFrame
        One row a metric: mean and sd over repetitions, sd_images (standard deviation over the images of a repetition,
        mean over repetitions), low and high (95 % interval), tenth (10th percentile of images,
        90th where less is better) and worst (mean of the worst tenth of images), both as means over repetitions,
        images (different images that have a value), values (images that have one, counted in each repetition), and
        measured (images, counted likewise, with or without a value).
    """
    return pd.DataFrame([{"metric": name, **_description(rows, name)} for name in metrics])


def _description(rows: pd.DataFrame, name: str) -> dict[str, float]:
    mean, deviation = over_repetitions(rows, name)
    low, high = interval(rows, name)
    worst = [worst_tenth(values, lowest=name not in LOWER_IS_BETTER) for _, values in rows.groupby("repetition")[name]]
    tenth, mean_of_worst = pd.DataFrame(worst, columns=["tenth", "worst"]).mean()
    return {
        "mean": mean,
        "sd": deviation,
        "sd_images": float(rows.groupby("repetition")[name].std(ddof=1).mean()),
        "low": low,
        "high": high,
        "tenth": tenth,
        "worst": mean_of_worst,
        "images": rows.loc[rows[name].notna(), "image"].nunique(),
        "values": int(rows[name].notna().sum()),
        "measured": len(rows),
    }


def keep_pairs(rows: pd.DataFrame, others: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Blank the metrics that an image has on one side only, so that the means of both sides are over the same images.

    Images are the same when `repetition` and `image` are.
    """
    key, names = ["repetition", "image"], [name for name in METRICS if name in rows]
    sides = [side.set_index(key, verify_integrity=True) for side in (rows, others)]
    defined = sides[0][names].notna().reindex(sides[0].index.union(sides[1].index), fill_value=False)
    defined &= sides[1][names].notna().reindex(defined.index, fill_value=False)
    one, two = (side.assign(**side[names].where(defined.loc[side.index])).reset_index() for side in sides)
    return one, two


def subtract_rows(rows: pd.DataFrame, others: pd.DataFrame, metrics: Sequence[str] = TABLE_METRICS) -> pd.DataFrame:
    """Subtract the metrics of the same images in the same repetitions; images that one side lacks are left out.

    The columns are repetition, image, patient, finding, and each metric: `rows` less `others`.
    """
    key = ["repetition", "image"]
    pairs = rows.merge(others[[*key, *metrics]], on=key, suffixes=("", "_other"), validate="one_to_one")
    change = {name: pairs[name] - pairs[f"{name}_other"] for name in metrics}
    return pairs[[*key, "patient", "finding"]].assign(**change)


def compare_rows(rows: pd.DataFrame, others: pd.DataFrame, metrics: Sequence[str] = TABLE_METRICS) -> pd.DataFrame:
    """Compare the same images in the same repetitions, as seen by two kinds of weights.

    There is one row a metric: difference (mean over repetitions of `rows` less `others`), difference_low and
    difference_high (95 % interval), p (not yet adjusted), effect, and patients, see `compare_with_zero`.
    """
    change = subtract_rows(rows, others, metrics)
    lines = []
    for name in metrics:
        found = compare_with_zero(change, name)._asdict()
        spread = {f"difference_{end}": found.pop(end) for end in ("low", "high")}
        lines.append({"metric": name, "difference": found.pop("mean"), **spread, **found})
    return pd.DataFrame(lines)


def adjust_p_values(families: Mapping[str, pd.DataFrame], key: str) -> pd.DataFrame:
    """Join comparisons that are read together, and adjust their p-values as one family in the column p_holm.

    The tables are results of `compare_rows`, or of `describe_rows` joined with them. The column `key` gets their names.
    """
    joined = pd.concat([table.assign(**{key: name}) for name, table in families.items()], ignore_index=True)
    joined["p_holm"] = holm(joined["p"]) if "p" in joined else float("nan")
    return joined

"""How many images are enough: what each number of training images gave, and what more of them would give."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import OptimizeWarning, curve_fit

from monai_lungxfer.metrics.summary import FAILURE
from monai_lungxfer.study.analysis.comparisons import compare_rows, describe_rows
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.analysis.statistics import percentiles, resample_means
from monai_lungxfer.study.plan.arms import ARMS, STEPS, size_step

CURVE_METRICS = ("DICE_HARD", "DICE", "HD95", "FAILED")
"""Metrics by number of images. "FAILED" is 1 for a mask whose Dice is below `FAILURE`, else 0."""

ENOUGH = 0.002
"""A number of images is enough when its Dice of masks is at most this much below that of all images."""

MORE = (10, 50, 100)
"""Numbers of further images whose gain is predicted."""

RESAMPLES = 200
FEWEST = 3  # sizes that a power law can be fitted to


class PowerLaw(NamedTuple):
    """An error that falls with the number of images: a · n^−b + c.

    The form is usual for learning curves (Hestness et al., "Deep learning scaling is predictable, empirically", 2017).
    """

    a: float
    b: float
    c: float

    def error(self, images: float) -> float:
        """Return the error after training with so many images."""
        return self.a * images**-self.b + self.c


def fit_power_law(images: ArrayLike, errors: ArrayLike) -> PowerLaw:
    """Fit a power law to errors (0 to 1) at three numbers of images or more, by least squares.

    The exponent is kept within 0.01 and 3, and the rest c within 0 and the smallest error. Errors that rise with the
    number of images give a law that is flat.
    """
    sizes, values = np.asarray(images, float), np.asarray(errors, float)
    first = sizes.min()

    def law(n: NDArray[np.float64], a: float, b: float, c: float) -> NDArray[np.float64]:
        return a * (n / first) ** -b + c  # relative to the first size, so that a and b are hardly bound to each other

    upper = max(float(values.min()), 1e-9)
    start = (max(float(values[sizes.argmin()] - values.min()), 1e-4), 0.5, 0.5 * upper)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)  # of the covariance, which is not used
        (a, b, c), _ = curve_fit(law, sizes, values, p0=start, bounds=([0, 0.01, 0], [1, 3, upper]), max_nfev=500)
    return PowerLaw(float(a * first**b), float(b), float(c))


def measure_curves(results: StudyResults) -> pd.DataFrame:
    """Describe the independent half by arm, choice, number of training images, and metric of `CURVE_METRICS`.

    Sizes that no repetition has finished are left out; of the others, only repetitions count that have them all. There
    are the columns of `describe_rows`, repetitions, is_whole (all training images; `images_trained` is then a mean over
    repetitions), and, for others than the whole, those of `compare_rows` with the whole. Empty without such
    repetitions. The weights that an arm starts from are not among them: they may be measured on another grid.
    """
    tables = []
    for (arm, choice), by_size in _groups(results):
        whole = by_size[max(by_size)]
        for size, rows in by_size.items():
            table = describe_rows(rows, CURVE_METRICS)
            table = table if rows is whole else table.merge(compare_rows(rows, whole, CURVE_METRICS))
            facts = {"arm": arm, "choice": choice, "images_trained": size, "is_whole": rows is whole}
            tables.append(table.assign(**facts, repetitions=rows.repetition.nunique()))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def compare_choices(results: StudyResults) -> pd.DataFrame:
    """Compare selected with random images of the same number, see `compare_rows`; empty where one is lacking."""
    groups = dict(_groups(results))
    tables = []
    for arm in dict.fromkeys(arm for arm, _ in groups):
        drawn, selected = groups.get((arm, "random"), {}), groups.get((arm, "select"), {})
        for size in [size for size in drawn if size in selected and size != max(drawn)]:
            shared = [set(rows.repetition) for rows in (drawn[size], selected[size])]
            if set.intersection(*shared):
                table = compare_rows(selected[size], drawn[size], CURVE_METRICS)
                tables.append(table.assign(arm=arm, images_trained=size))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def fit_curves(results: StudyResults) -> pd.DataFrame:
    """Fit the Dice of masks of each arm and choice, and predict what more images would give.

    One row an arm and choice of three sizes or more: a, b and c of `PowerLaw`; largest (all training images);
    gain_N, gain_N_low and gain_N_high for each of `MORE`: Dice that N more images would add; enough (the smallest size
    from which on all are within `ENOUGH` of the whole; NaN when there is none). With a size more, also the check:
    predicted, predicted_low and predicted_high, the Dice of the largest size by a fit of the smaller ones, and
    measured. Intervals are of 95 %, over fits to means of resampled patients and repetitions.
    """
    rows = [_fitted(by_size) | {"arm": arm, "choice": choice} for (arm, choice), by_size in _groups(results)]
    return pd.DataFrame([row for row in rows if "a" in row])


def _groups(results: StudyResults) -> Iterator[tuple[tuple[str, str], dict[float, pd.DataFrame]]]:
    """Yield for each arm and choice the rows of the independent half by number of images, smaller ones first."""
    counts = results.steps.groupby("step").training_images.mean()
    sizes = sorted(size for size in results.plan.training_images if isinstance(size, int))
    for arm in results.plan.curve_arms:
        last = STEPS[ARMS[arm].last]
        for choice in results.plan.training_choice:
            steps = {float(size): size_step(last, size, choice).name for size in sizes}
            found = {size: results.rows(step, "independent") for size, step in steps.items()}
            found[float(counts.get(last.name, np.nan))] = results.after(arm)
            found = {size: rows for size, rows in found.items() if len(rows) and not np.isnan(size)}
            done = set.intersection(*(set(rows.repetition) for rows in found.values())) if found else set()
            if done and len(found) > 1 and len(results.after(arm)):
                yield (
                    (arm, choice),
                    {n: _with_failures(rows[rows.repetition.isin(done)]) for n, rows in found.items()},
                )


def _with_failures(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(FAILED=(rows.DICE_HARD < FAILURE).astype(float).where(rows.DICE_HARD.notna()))


def _fitted(by_size: Mapping[float, pd.DataFrame]) -> dict[str, Any]:
    sizes = np.array(list(by_size))
    if len(sizes) < FEWEST:
        return {}
    errors = np.array([1 - describe_rows(rows, ("DICE_HARD",))["mean"][0] for rows in by_size.values()])
    draws = 1 - np.stack([resample_means(rows, "DICE_HARD", RESAMPLES) for rows in by_size.values()], axis=1)
    law, laws = fit_power_law(sizes, errors), [fit_power_law(sizes, draw) for draw in draws]
    found: dict[str, Any] = {**law._asdict(), "largest": sizes[-1], "enough": _find_enough(sizes, errors)}
    for more in MORE:
        gains = np.array([one.error(sizes[-1]) - one.error(sizes[-1] + more) for one in laws])
        low, high = percentiles(gains)
        gain = law.error(sizes[-1]) - law.error(sizes[-1] + more)
        found |= {f"gain_{more}": gain, f"gain_{more}_low": low, f"gain_{more}_high": high}
    return found | (_checked(sizes, errors, draws) if len(sizes) > FEWEST else {})


def _checked(sizes: NDArray[np.float64], errors: NDArray[np.float64], draws: NDArray[np.float64]) -> dict[str, float]:
    """Predict the largest size from the smaller ones."""
    predicted = 1 - fit_power_law(sizes[:-1], errors[:-1]).error(sizes[-1])
    low, high = percentiles(np.array([1 - fit_power_law(sizes[:-1], draw[:-1]).error(sizes[-1]) for draw in draws]))
    return {"predicted": predicted, "predicted_low": low, "predicted_high": high, "measured": 1 - float(errors[-1])}


def _find_enough(sizes: NDArray[np.float64], errors: NDArray[np.float64]) -> float:
    """Return the smallest size from which on no error is more than `ENOUGH` above the last; NaN for the last alone."""
    near = errors <= errors[-1] + ENOUGH
    first = int(np.flatnonzero(~near).max(initial=-1)) + 1
    return float(sizes[first]) if first < len(sizes) - 1 else np.nan

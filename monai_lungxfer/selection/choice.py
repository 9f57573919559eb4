"""Choosing images one by one: the farthest from all chosen ones, and the most uncertain, in turn.

The first way is k-centre greedy, by Sener and Savarese ("Active learning for convolutional neural networks: a core-set
approach", ICLR 2018): each choice makes the largest distance of any image to its nearest chosen one smaller.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TYPICAL, DIVERSE, UNCERTAIN = "typical", "diverse", "uncertain"
"""Reasons of a choice. Where nothing has a label, the first is the image nearest to the mean."""


class Choice(NamedTuple):
    """One chosen image.

    Attributes
    ----------
    place : int
        Its place among the images.
    reason : str
        `TYPICAL`, `DIVERSE` or `UNCERTAIN`.
    distance : float or None
        To the nearest image that was chosen before or has a label; ``None`` where there is none.
    """

    place: int
    reason: str
    distance: float | None


@dataclass(frozen=True)
class ChoiceRules:
    """What choices obey.

    Attributes
    ----------
    count : int
        Images to choose at most.
    per_patient : int
        Of each patient at most.
    uncertain : float
        Share of the choices, 0 to 1, that go by uncertainty.
    balanced : bool
        Whether groups are balanced.
    """

    count: int = 30
    per_patient: int = 1
    uncertain: float = 0.5
    balanced: bool = True


def standardise(features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Scale features (N, C) so that two images drawn at random are sqrt(2) apart in the mean of squares.

    Each feature gets a standard deviation of 1 over the images. One that is the same in all counts nothing.
    """
    deviation = features.std(axis=0, dtype=np.float64)
    differs = deviation > 1e-6 * max(float(deviation.max(initial=0)), 1e-12)
    centred = features[:, differs] - features[:, differs].mean(axis=0, dtype=np.float64)
    return np.asarray(centred / deviation[differs] / math.sqrt(max(1, int(np.count_nonzero(differs)))))


def choose(
    features: NDArray[np.floating],
    uncertainty: NDArray[np.floating],
    patients: Sequence[str],
    groups: Sequence[str],
    rules: ChoiceRules,
    *,
    labelled: Collection[int] = (),
    barred: Collection[int] = (),
) -> list[Choice]:
    """Choose images, in the order in which they are to be drawn.

    At each step, only images count whose group has the fewest choices of the same kind so far. So groups are balanced
    until one has no more images. The two kinds, by distance and by uncertainty, are balanced apart: with two groups,
    one group would else get all choices of one kind.

    Parameters
    ----------
    features : numpy.ndarray
        (N, C), between which distances are Euclidean; see `standardise`.
    uncertainty : numpy.ndarray
        (N,), the greater the less sure.
    patients, groups : sequence of str
        Of each image. A group is a device and view.
    rules : ChoiceRules
        How many, and of whom.
    labelled : collection of int
        Places of images that have a label: they are centres from the start, and are never chosen.
    barred : collection of int
        Places of images that are never chosen, such as near-duplicates.

    Returns
    -------
    list of Choice
        Fewer than asked for where the rules leave no more.
    """
    free: NDArray[np.bool_] = np.ones(len(features), bool)
    free[[*labelled, *barred]] = False
    nearest = np.full(len(features), np.inf)
    for place in labelled:
        nearest = np.minimum(nearest, _distances(features, place))
    by_patient: Counter[str] = Counter()
    by_group: Counter[tuple[str, bool]] = Counter()
    found: list[Choice] = []
    while len(found) < rules.count and free.any():
        by_doubt = _goes_by_doubt(len(found), rules.uncertain)
        open_ = [int(place) for place in np.flatnonzero(free)]
        if rules.balanced:
            fewest = min(by_group[groups[place], by_doubt] for place in open_)
            open_ = [place for place in open_ if by_group[groups[place], by_doubt] == fewest]
        choice = _next(features, uncertainty, nearest, open_, by_doubt)
        found.append(choice)
        nearest = np.minimum(nearest, _distances(features, choice.place))
        by_group[groups[choice.place], by_doubt] += 1
        patient = patients[choice.place]
        by_patient[patient] += 1
        free[choice.place] = False
        if by_patient[patient] >= rules.per_patient:
            free[[place for place, own in enumerate(patients) if own == patient]] = False
    return found


def _next(
    features: NDArray[np.floating],
    uncertainty: NDArray[np.floating],
    nearest: NDArray[np.float64],
    places: list[int],
    by_doubt: bool,
) -> Choice:
    """Choose one of some places; `nearest` are the distances to the nearest chosen image, infinite without any."""
    if not np.isfinite(nearest).any():
        away = np.linalg.norm(features[places] - features.mean(axis=0), axis=1)
        return Choice(places[int(away.argmin())], TYPICAL, None)
    scores = uncertainty if by_doubt else nearest
    place = places[int(np.argmax(scores[places]))]
    return Choice(place, UNCERTAIN if by_doubt else DIVERSE, float(nearest[place]))


def _goes_by_doubt(chosen: int, share: float) -> bool:
    """Tell whether the next choice goes by uncertainty, so that `share` of them do, evenly spread."""
    return math.floor((chosen + 1) * share + 1e-9) > math.floor(chosen * share + 1e-9)


def _distances(features: NDArray[np.floating], place: int) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(features - features[place], axis=1), np.float64)

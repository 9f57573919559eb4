"""Linear probes: whether a concept is read off a layer, and whether the same direction means it in another domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.features.concepts import CONCEPTS, UNKNOWN

FOLDS = 3
"""Parts of the patients: each is scored by a probe that learnt from the others."""

DRAWS = 200
"""Bootstrap samples."""

_FEWEST = 20  # pixels of a probe
_PENALTY = 0.1  # a pixel; features have unit variance


@dataclass(frozen=True)
class ProbedPixels:
    """Sampled pixels of one domain.

    Attributes
    ----------
    pixels : dict of str to numpy.ndarray
        (M, S, C): features by layer.
    labels : numpy.ndarray
        (M, S, len(CONCEPTS)), see `monai_lungxfer.features.concepts`.
    patients : numpy.ndarray
        int (M,).
    """

    pixels: Mapping[str, NDArray[Any]]
    labels: NDArray[np.int8]
    patients: NDArray[np.int64]


def probe_network(domains: Mapping[str, ProbedPixels]) -> Iterator[dict[str, Any]]:
    """Yield how well each concept is read off each layer, within each domain and from each domain in another.

    Rows have ``concept``, ``trained``, ``tested`` (domains), ``layer``, ``auc``, ``low``, ``high`` (95 %, by bootstrap
    over patients of the tested domain), ``drawn`` (float (DRAWS,): the area in each of its samples, in which every row
    of the domain has the same patients) and ``pixels``. Within a domain, no patient is in both the probe's training and
    its test. Where a concept has too few pixels, there is no row.
    """
    for layer in next(iter(domains.values())).pixels:
        for number, concept in enumerate(CONCEPTS):
            chosen = {name: _choose(pixels, layer, number) for name, pixels in domains.items()}
            for trained, source in chosen.items():
                for tested, target in chosen.items():
                    scores = score_folds(*source) if trained == tested else score_across(source, target)
                    if scores is not None:
                        told = {"concept": concept, "trained": trained, "tested": tested, "layer": layer}
                        found = measure_auc(scores, target[1], target[2], everyone=domains[tested].patients)
                        yield told | found | {"pixels": len(scores)}


Sample = tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.int64]]
"""Features (n, C), whether the concept is there (n,), and the patient (n,), of pixels."""


def _choose(domain: ProbedPixels, layer: str, concept: int) -> Sample:
    labels = domain.labels[..., concept]
    known = labels != UNKNOWN
    patients = np.broadcast_to(domain.patients[:, None], labels.shape)
    return domain.pixels[layer][known].astype(np.float32), labels[known] == 1, patients[known]


def score_folds(features: NDArray[np.float32], labels: NDArray[np.bool_], patients: NDArray[np.int64]) -> Any:
    """Return the score (n,) of each pixel by a probe that saw no pixel of its patient; None for too few pixels."""
    from sklearn.model_selection import GroupKFold

    if not _suffices(labels) or len(np.unique(patients)) < FOLDS:
        return None
    scores = np.zeros(len(labels))
    for training, test in GroupKFold(FOLDS).split(features, labels, patients):
        if not _suffices(labels[training]):
            return None
        probe = fit_probe(features[training], labels[training])
        scores[test] = probe.score(features[test])
    return scores


def score_across(source: Sample, target: Sample) -> Any:
    """Return the score of each pixel of one domain by a probe that learnt from another; None for too few pixels."""
    if not _suffices(source[1]) or not _suffices(target[1]):
        return None
    return fit_probe(source[0], source[1]).score(target[0])


def _suffices(labels: NDArray[np.bool_]) -> bool:
    return len(labels) >= _FEWEST and bool(labels.any()) and not labels.all()


class LinearProbe(NamedTuple):
    """A direction in the space of features, (C,), and where it crosses 0."""

    direction: NDArray[np.float64]
    offset: float

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return how far each pixel, (n, C), is on the side of the concept."""
        return features @ self.direction + self.offset


def fit_probe(features: NDArray[np.float32], labels: NDArray[np.bool_]) -> LinearProbe:
    """Return a linear probe: ridge regression on standardised features, both classes weighing alike.

    It is scikit-learn's `RidgeClassifier` behind a `StandardScaler`, whose checks take longer than the solution, and
    there are hundreds of probes. Of features and pixels, the smaller number decides on the equations that are solved.
    """
    from scipy.linalg import solve

    mean, variance = features.mean(0, dtype=np.float64), features.var(0, dtype=np.float64)
    noise = len(labels) * np.finfo(np.float64).eps  # of the computation: such a feature is constant
    scale = np.where(variance > noise * variance + (noise * mean) ** 2, np.sqrt(variance), 1.0)
    scaled, target = (features - mean) / scale, np.where(labels, 1.0, -1.0)
    weights = len(labels) / 2 / np.where(labels, labels.sum(), (~labels).sum())
    centre, middle = (np.average(one, axis=0, weights=weights) for one in (scaled, target))
    root = np.sqrt(weights)
    rows, aims = (scaled - centre) * root[:, None], (target - middle) * root
    penalty = _PENALTY * len(labels)
    if rows.shape[1] <= len(rows):
        found = solve(rows.T @ rows + penalty * np.eye(rows.shape[1]), rows.T @ aims, assume_a="pos")
    else:
        found = rows.T @ solve(rows @ rows.T + penalty * np.eye(len(rows)), aims, assume_a="pos")
    direction = found / scale
    return LinearProbe(direction, float(middle - centre @ found - mean @ direction))


def measure_auc(
    scores: NDArray[np.float64],
    labels: NDArray[np.bool_],
    patients: NDArray[np.int64],
    draws: int = DRAWS,
    *,
    everyone: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Return the area under the ROC curve, with a 95 % interval by a bootstrap over patients.

    The area is the share of pairs, one pixel with the concept and one without, in which the first scores higher. These
    pairs are counted for each two patients once; a bootstrap sample then only weighs them. ``drawn`` has the area of
    each sample, NaN where there is no pair. The samples are of `everyone`, by default of those in `patients`.
    """
    names = np.unique(patients if everyone is None else everyone)
    members = np.eye(len(names), dtype=np.float32)[np.searchsorted(names, patients)]
    yes, no = members[labels], members[~labels]
    gap = scores[labels][:, None] - scores[~labels][None]
    higher = (gap > 0).astype(np.float32) + 0.5 * (gap == 0)
    won, held = yes.T @ higher @ no, np.outer(yes.sum(0), no.sum(0))
    rng = np.random.default_rng(0)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws).astype(np.float64)
    wins, pairs = (((counts @ table) * counts).sum(1) for table in (won, held))
    drawn = np.divide(wins, pairs, where=pairs > 0, out=np.full(draws, np.nan))
    low, high = np.nanquantile(drawn, (0.025, 0.975)) if np.isfinite(drawn).any() else (np.nan, np.nan)
    return {"auc": float(won.sum() / held.sum()), "low": float(low), "high": float(high), "drawn": drawn}

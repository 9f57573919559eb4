"""Linear probes: whether a concept is read off a layer, and whether the same direction means it in another domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
    over patients of the tested domain) and ``pixels``. Within a domain, no patient is in both the probe's training and
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
                        yield told | measure_auc(scores, target[1], target[2]) | {"pixels": len(scores)}


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
        scores[test] = probe.decision_function(features[test])
    return scores


def score_across(source: Sample, target: Sample) -> Any:
    """Return the score of each pixel of one domain by a probe that learnt from another; None for too few pixels."""
    if not _suffices(source[1]) or not _suffices(target[1]):
        return None
    return fit_probe(source[0], source[1]).decision_function(target[0])


def _suffices(labels: NDArray[np.bool_]) -> bool:
    return len(labels) >= _FEWEST and bool(labels.any()) and not labels.all()


def fit_probe(features: NDArray[np.float32], labels: NDArray[np.bool_]) -> Any:
    """Return a linear probe: ridge regression on standardised features, both classes weighing alike."""
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    ridge = RidgeClassifier(alpha=_PENALTY * len(labels), class_weight="balanced")
    return make_pipeline(StandardScaler(), ridge).fit(features, labels)


def measure_auc(
    scores: NDArray[np.float64], labels: NDArray[np.bool_], patients: NDArray[np.int64], draws: int = DRAWS
) -> dict[str, float]:
    """Return the area under the ROC curve, with a 95 % interval by a bootstrap over patients.

    The area is the share of pairs, one pixel with the concept and one without, in which the first scores higher. These
    pairs are counted for each two patients once; a bootstrap sample then only weighs them.
    """
    names, numbers = np.unique(patients, return_inverse=True)
    members = np.eye(len(names), dtype=np.float32)[numbers]
    yes, no = members[labels], members[~labels]
    gap = scores[labels][:, None] - scores[~labels][None]
    higher = (gap > 0).astype(np.float32) + 0.5 * (gap == 0)
    won, held = yes.T @ higher @ no, np.outer(yes.sum(0), no.sum(0))
    rng = np.random.default_rng(0)
    counts = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws).astype(np.float64)
    wins, pairs = (np.einsum("dp,pq,dq->d", counts, table, counts, optimize=True) for table in (won, held))
    found = wins[pairs > 0] / pairs[pairs > 0]
    low, high = np.quantile(found, (0.025, 0.975)) if len(found) else (np.nan, np.nan)
    return {"auc": float(won.sum() / held.sum()), "low": float(low), "high": float(high)}

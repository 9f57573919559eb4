"""A score of a donor before any training: what its features bring to a domain, relative to random ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.features.concepts import CONCEPTS
from monai_lungxfer.features.probes import DRAWS
from monai_lungxfer.features.similarity import Row, counted, pair_layers

PARTS = ("readable", "common", "alike", "reused")
"""Parts of the score. Readable: the target of the masks is read off the layers. Common: probes that learnt a drawn
object, an opacity or an edge in another domain work here. Alike and reused, only with a network to compare with:
its layers are alike, and its units have partners."""


def score_donors(
    networks: Sequence[str],
    baseline: str,
    probes: Sequence[Row],
    layers: Sequence[Row],
    matched: Sequence[Row],
    reference: str | None = None,
) -> Iterator[Row]:
    """Yield the score of each network for each domain: the mean of its `PARTS`, with its 95 % interval (`low`, `high`).

    The interval is of a bootstrap over the patients of the domain. Both networks of a difference are measured on the
    same patients in each sample. Only the probes' parts are drawn: alike and reused stay as they are.

    Each part is ``(value - random) / (best - random)``, as a mean over layers: 0 is what random features bring, and 1
    the best that there could be. Below 0, they bring less.

    Parameters
    ----------
    networks : sequence of str
        Labels of the candidates.
    baseline, reference : str
        Labels of the random network, and of one that has learnt the domain without these donors, if there is any.
    probes, layers, matched : sequence of dict
        Rows of `monai_lungxfer.features.probes.probe_network` with a ``network``, of `compare_layers`, and of
        `compare_units`.
    """
    for domain in counted(probes, "tested"):
        usual = _parts(baseline, domain, probes, layers, matched, reference)
        for label in networks:
            if label in (baseline, reference):
                continue
            own = _parts(label, domain, probes, layers, matched, reference)
            parts = {
                name: (value - usual[name]) / (1 - usual[name])
                for name, value in own.items()
                if name in usual and usual[name][0] < 1
            }
            found = {name: float(parts[name][0]) if name in parts else None for name in PARTS}
            score, *drawn = np.mean(list(parts.values()), axis=0) if parts else (np.nan,)
            low, high = np.nanquantile(drawn, (0.025, 0.975)) if np.isfinite(drawn).any() else (np.nan, np.nan)
            told = {"domain": domain, "network": label, "score": float(score)}
            yield told | {"low": float(low), "high": float(high)} | found


def _parts(
    label: str,
    domain: str,
    probes: Sequence[Row],
    layers: Sequence[Row],
    matched: Sequence[Row],
    reference: str | None,
) -> Mapping[str, NDArray[np.float64]]:
    """Return each part, float (1 + DRAWS,): its value, then that in each bootstrap sample."""
    tested = [row for row in probes if row["network"] == label and row["tested"] == domain]
    target, *drawn = CONCEPTS
    values: dict[str, list[Any]] = {
        "readable": [_areas(row) for row in tested if row["concept"] == target and row["trained"] == domain],
        "common": [_areas(row) for row in tested if row["concept"] in drawn and row["trained"] != domain],
        "alike": _compared(layers, label, domain, reference, "cka"),
        "reused": _compared(matched, label, domain, reference, "matched"),
    }
    means = {name: _average(np.array(own, float)) for name, own in values.items() if np.isfinite(own).any()}
    return {name: np.broadcast_to(mean, DRAWS + 1) for name, mean in means.items()}


def _average(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over rows, NaN left out, without NumPy's warning where nothing is left."""
    known = np.isfinite(values)
    total = np.asarray(np.where(known, values, 0).sum(axis=0))
    return np.divide(total, known.sum(axis=0), where=known.any(axis=0), out=np.full(total.shape, np.nan))


def _areas(row: Row) -> NDArray[np.float64]:
    return np.append(row["auc"], row["drawn"])


def _compared(rows: Sequence[Row], label: str, domain: str, reference: str | None, column: str) -> list[float]:
    """Return the values of one network with the reference, by layer."""
    if reference is None or label == reference:
        return []
    sides = {(label, reference), (reference, label)}
    own = [row for row in rows if row["domain"] == domain and (row["first"], row["second"]) in sides]
    if column == "cka" and own:
        own = pair_layers(own)
    return [row[column] for row in own]

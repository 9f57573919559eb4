"""Drawing images so that rare kinds are seen as often as common ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["balanced_weights"]


def balanced_weights(records: Sequence[Mapping[str, Any]], field: str = "view", share: float = 1.0) -> list[float]:
    """Weigh records for a weighted sampler, by how many of their kind there are.

    Parameters
    ----------
    records : sequence of mappings
        Of a datalist.
    field : str
        Records of the same value are of one kind; those without it are of one kind too.
    share : float
        1 makes every kind equally likely, 0 every record.

    Returns
    -------
    list of float
        In sum 1.
    """
    counts = Counter(record.get(field) for record in records)
    weights = [counts[record.get(field)] ** -share for record in records]
    total = sum(weights)
    return [weight / total for weight in weights]

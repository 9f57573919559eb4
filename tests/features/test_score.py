from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.features.probes import DRAWS
from monai_lungxfer.features.score import score_donors

SHIFTS = np.linspace(-0.04, 0.04, DRAWS)


def probe(network: str, auc: float, concept: str = "target", trained: str = "cxr", tested: str = "cxr") -> dict:
    told = {"network": network, "concept": concept, "trained": trained, "tested": tested, "layer": "a", "auc": auc}
    return told | {"drawn": auc + SHIFTS}


PROBES = [
    *(probe("donor", 0.9), probe("random", 0.8), probe("scratch", 0.95)),
    *(probe("donor", 0.7, "edge", "mri"), probe("random", 0.6, "edge", "mri")),
]
CKA = [
    {"domain": "cxr", "first": first, "second": second, "first_layer": "a", "second_layer": "a", "cka": cka}
    for first, second, cka in (("donor", "scratch", 0.6), ("scratch", "random", 0.2))
]
MATCHED = [
    {"domain": "cxr", "first": first, "second": second, "layer": "a", "matched": matched}
    for first, second, matched in (("donor", "scratch", 0.4), ("scratch", "random", 0.4))
]


def test_parts_are_relative_to_random_features() -> None:
    (row,) = score_donors(["donor", "scratch", "random"], "random", PROBES, CKA, MATCHED, "scratch")
    parts = {"readable": 0.1 / 0.2, "common": 0.1 / 0.4, "alike": 0.4 / 0.8, "reused": 0.0}
    assert {name: row[name] for name in parts} == pytest.approx(parts)
    assert row["score"] == pytest.approx(sum(parts.values()) / 4)
    # Both networks move together; of four parts, two are drawn, and each of these is 0.1 over what random ones lack.
    ends = [(0.1 / (0.2 - shift) + 0.1 / (0.4 - shift) + 0.5) / 4 for shift in np.quantile(SHIFTS, (0.025, 0.975))]
    assert [row["low"], row["high"]] == pytest.approx(ends, rel=1e-3)


def test_without_a_reference_it_is_of_probes_alone() -> None:
    rows = list(score_donors(["donor", "scratch", "random"], "random", PROBES, CKA, MATCHED))
    assert [row["network"] for row in rows] == ["donor", "scratch"]
    assert rows[0]["alike"] is rows[0]["reused"] is None
    assert rows[0]["score"] == pytest.approx((0.5 + 0.25) / 2)
    assert rows[1]["score"] == pytest.approx(0.75)  # nothing from another domain was tried

"""Units of a trial that were made by hand, and what is gathered of them."""

from __future__ import annotations

from typing import Any

from monai_lungxfer.robustness.design import Design
from monai_lungxfer.robustness.measuring import MEASURED, WHOLE
from monai_lungxfer.robustness.outcome import Collector, TrialOutcome

DESIGN = Design(("tubes",), (1.0,), 2)


def unit(weights: str, image: int, patient: int, *changes: float | None, **facts: Any) -> dict[str, Any]:
    """Return a unit whose metrics without objects are 0.9 and change by so much with each draw."""
    plain = dict.fromkeys(MEASURED, 0.9)
    pairs = [
        {"object": "tubes", "dose": 1.0, "seed": seed, "footprint": 0.1, "covered": 0.2, "without": plain}
        | {"with": dict.fromkeys(MEASURED, None if change is None else 0.9 + change)}
        for seed, change in enumerate(changes)
    ]
    given = {"finding": "normal", "view": "AP", "source": "x", "size": "9x9", "ignore_fraction": None, "marked": None}
    whole = {"plain": {name: plain[name] for name in WHOLE}}
    return {"weights": weights, "image": str(image), "patient": patient, **given, **whole, "pairs": pairs, **facts}


def gather(*units: dict[str, Any]) -> TrialOutcome:
    """Return the outcome of units that all have two draws."""
    collector = Collector()
    assert len(list(collector.take(iter(units)))) == 2 * len(units)
    return collector.finish(DESIGN, list(dict.fromkeys(one["weights"] for one in units)))

"""Reports as `lungxfer evaluate` writes them, with Dice values of the test's choice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from monai_lungxfer.metrics.summary import summarise


def report_of(
    weights_sha256: str, dice: Sequence[float], *, section: str = "independent", split: str = "a" * 64, **fields: Any
) -> dict[str, Any]:
    """Return a report; `fields` holds a list of values for every further column."""
    rows: list[dict[str, Any]] = [{"image": f"images/doe-{n}.png", "DICE": value} for n, value in enumerate(dice)]
    for name, values in fields.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return {
        "section": section,
        "split": split,
        "weights_sha256": weights_sha256,
        "images": len(rows),
        "all": summarise(rows, ["DICE"]),
        "rows": rows,
    }


def write_report(path: Path, *args: Any, **fields: Any) -> Path:
    path.write_text(json.dumps(report_of(*args, **fields)))
    return path

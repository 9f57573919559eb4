"""The figures of Vidal et al. 2021 that a study is compared with: its Tables 3 to 7, as far as they are known here."""

from __future__ import annotations

import math
from types import MappingProxyType

import pandas as pd

from monai_lungxfer.metrics.per_image import PAPER_METRICS

SOURCE = "Vidal, de Moura, Novo, Ortega, Expert Systems with Applications 173, 2021, 114677"

STAGE_TEST_TABLES = MappingProxyType({"general": 3, "portable": 4})
"""The paper's table of each stage's own test part."""

MOMENT_TABLES = MappingProxyType({"before": 5, "after": 6})
"""The paper's table of the independent half before and after the portable stage."""

# ACC, AUC, DICE, JACC, PREC, RECA, F1, SENS, SPEC
_GENERAL_TEST = (0.8813, 0.9702, 0.9554, 0.9156, 0.9064, 0.8267, 0.8366, 0.6703, 0.9832)
_PORTABLE_TEST = (0.9773, 0.9695, 0.9436, 0.8936, 0.9656, 0.9644, 0.9641, 0.9423, 0.9864)

# Table, stage, finding and quantity; metrics have no unit, times are in ms (RTX 2080 Ti).
_FIGURES = {
    **{(3, "general", "all", name): value for name, value in zip(PAPER_METRICS, _GENERAL_TEST, strict=True)},
    **{(4, "portable", "all", name): value for name, value in zip(PAPER_METRICS, _PORTABLE_TEST, strict=True)},
    (5, "general", "covid19", "DICE"): 0.8936,
    (5, "general", "normal", "DICE"): 0.8854,
    (5, "general", "pathological", "DICE"): 0.8536,
    (6, "portable", "covid19", "DICE"): 0.9447,
    (6, "portable", "normal", "DICE"): 0.9528,
    (6, "portable", "pathological", "DICE"): 0.9414,
    (7, "general", "all", "training epoch, ms"): 35413.0,
    (7, "portable", "all", "training epoch, ms"): 1857.0,
    (7, "general", "all", "validation epoch, ms"): 3910.0,
    (7, "portable", "all", "validation epoch, ms"): 353.0,
    (7, "both", "all", "network pass, ms"): 3.831,
}

# Whose weights a table measures; Table 7 is of both stages.
_TABLE_STAGES = {table: stage for table, stage, _, _ in _FIGURES if table != 7}


def paper_figures() -> pd.DataFrame:
    """Return every figure as one row: table, stage, finding, quantity, value, source.

    Tables 3 and 4 are of the test part of the general and of the portable stage; Tables 5 and 6 are of the independent
    half of the portable images, measured with the weights of the general and of the portable stage, and of them Dice
    alone is known here. All are means of 25 repetitions.
    """
    rows = [(*key, value) for key, value in _FIGURES.items()]
    return pd.DataFrame(rows, columns=["table", "stage", "finding", "quantity", "value"]).assign(source=SOURCE)


def paper_value(table: int, quantity: str, finding: str = "all", *, stage: str | None = None) -> float:
    """Return one figure, NaN where the paper has none or it is not known here; Table 7 needs the `stage`."""
    return _FIGURES.get((table, stage or _TABLE_STAGES[table], finding, quantity), math.nan)

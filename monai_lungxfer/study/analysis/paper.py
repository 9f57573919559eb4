"""The figures of Vidal et al. 2021 that a study is compared with: its Tables 3 to 7, and the times in its text."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pandas as pd

SOURCE = "Vidal, de Moura, Novo, Ortega, Expert Systems with Applications 173, 2021, 114677"

STAGE_TEST_TABLES = MappingProxyType({"general": "3", "portable": "4"})
"""The paper's table of each stage's own test part."""

MOMENT_TABLES = MappingProxyType({"before": "5", "after": "6"})
"""The paper's table of the independent half before and after the portable stage."""

TIMES = ("7", "4.3")
"""The paper's table of epoch times, and the section that tells of repetitions and of a network pass."""


def paper_figures() -> pd.DataFrame:
    """Return every figure as one row: table, stage, finding, quantity, value, sd, source.

    Tables 3 and 4 are of the test part of the general and of the portable stage; Tables 5 and 6 are of the independent
    half of the portable images, measured with the weights of the general and of the portable stage. Table 7 and
    section 4.3 are times in ms (RTX 2080 Ti). The paper does not say what its standard deviations are over. Those of
    metrics have the size of deviations over images; repetitions differ less.
    """
    table = pd.read_csv(Path(__file__).with_name("paper_tables.csv"), dtype={"table": str})
    return table.assign(source=SOURCE)


def paper_value(table: str, quantity: str, finding: str = "all", *, stage: str | None = None) -> float:
    """Return one figure, NaN where the paper has none; times need the `stage`, "both" for a network pass."""
    return _figure(table, quantity, finding, stage)[0]


def paper_spread(table: str, quantity: str, finding: str = "all", *, stage: str | None = None) -> float:
    """Return the standard deviation of one figure, for the parameters see `paper_value`."""
    return _figure(table, quantity, finding, stage)[1]


def _figure(table: str, quantity: str, finding: str, stage: str | None) -> tuple[float, float]:
    found = _figures().get((table, quantity, finding), {})
    return found.get(stage or next(iter(found), ""), (math.nan, math.nan))


@cache
def _figures() -> dict[tuple[str, str, str], dict[str, tuple[float, float]]]:
    figures: dict[tuple[str, str, str], dict[str, tuple[float, float]]] = {}
    for row in paper_figures().to_dict("records"):
        key = (row["table"], row["quantity"], row["finding"])
        figures.setdefault(key, {})[row["stage"]] = (row["value"], row["sd"])
    return figures

"""The paper's figures as they are printed there."""

from __future__ import annotations

import math

from monai_lungxfer.study.analysis.paper import TIMES, paper_figures, paper_spread, paper_value


def test_single_values() -> None:
    assert paper_value("3", "DICE") == 0.9554
    assert (paper_value("4", "SPEC"), paper_spread("4", "SPEC")) == (0.9864, 0.0107)
    assert (paper_value("5", "DICE", "normal"), paper_spread("5", "DICE", "normal")) == (0.8854, 0.0731)
    assert paper_value("6", "AUC", "covid19") == 0.9705
    assert paper_spread("7", "training epoch, ms", stage="portable") == 13.17
    assert paper_value("4.3", "repetition, ms", stage="general") == 2332775.82
    assert paper_spread("4.3", "repetition, ms", stage="portable") == 13286.57
    assert (paper_value("4.3", "network pass, ms", stage="both"), TIMES) == (3.831, ("7", "4.3"))
    assert math.isnan(paper_value("6", "AUC", "unknown"))
    assert math.isnan(paper_spread("4", "HD95"))


def test_every_figure_is_a_row() -> None:
    rows = paper_figures()
    assert dict(rows.groupby("table").size()) == {"3": 9, "4": 9, "5": 27, "6": 27, "7": 4, "4.3": 3}
    assert rows.source.str.contains("114677").all()
    assert rows[["value", "sd"]].notna().all(axis=None)

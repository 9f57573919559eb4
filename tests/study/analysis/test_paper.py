"""The paper's figures as they are printed there."""

from __future__ import annotations

import math

from monai_lungxfer.study.analysis.paper import paper_figures, paper_value


def test_single_values():
    assert paper_value(3, "DICE") == 0.9554
    assert paper_value(4, "SPEC") == 0.9864
    assert paper_value(5, "DICE", "normal") == 0.8854
    assert paper_value(6, "DICE", "covid19") == 0.9447
    assert paper_value(7, "training epoch, ms", stage="portable") == 1857
    assert math.isnan(paper_value(6, "AUC", "covid19"))


def test_every_figure_is_a_row():
    rows = paper_figures()
    assert len(rows) == 2 * 9 + 2 * 3 + 5
    assert dict(rows.groupby("table").size()) == {3: 9, 4: 9, 5: 3, 6: 3, 7: 5}
    assert rows.source.str.contains("114677").all()

"""What the figures draw, and how they are written."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.paper import paper_value
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.plan.arms import STEPS
from monai_lungxfer.study.report.figures.arms import draw_arms, draw_layers, find_far_off
from monai_lungxfer.study.report.figures.comparison import draw_areas, draw_calibration, draw_cases, draw_findings
from monai_lungxfer.study.report.figures.losses import active_repetitions, draw_losses
from monai_lungxfer.study.report.figures.style import BLUE, VERMILION


def test_losses_are_means_over_the_repetitions_that_still_trained(results: StudyResults) -> None:
    epochs = results.epochs[results.epochs.step == "portable"]
    assert active_repetitions(epochs).tolist() == [4, 4, 4, 4, 3, 3]
    drawing = draw_losses(results.epochs, "portable")
    upper, lower = drawing.figure.axes
    validation = next(line for line in upper.lines if line.get_label() == "validation")
    expected = epochs[epochs.epoch == 6].val_loss.mean()
    assert validation.get_ydata()[-1] == pytest.approx(expected)
    assert lower.lines[0].get_ydata().tolist() == [4, 4, 4, 4, 3, 3]
    assert "4 to 6 epochs" in drawing.alt


def test_findings_have_before_in_red_and_after_in_blue(analysis: Analysis) -> None:
    drawing = draw_findings(analysis)
    panels = drawing.figure.axes
    assert len(panels) == 3
    for axes, finding in zip(panels, analysis.results.findings(), strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        assert set(lines) == {"before", "after", "paper, before", "paper, after"}
        assert (lines["before"].get_color(), lines["after"].get_color()) == (VERMILION, BLUE)
        rows = analysis.moments["after"]
        dice = rows[rows.finding == finding].groupby("repetition").DICE.mean().mean()
        assert lines["after"].get_xdata()[2] == pytest.approx(dice)
        assert lines["paper, after"].get_xdata()[1] == paper_value("6", "AUC", finding)


def test_cases_are_drawn_once_each(analysis: Analysis) -> None:
    axes = draw_cases(analysis).figure.axes[0]
    drawn = sum(len(line.get_xdata()) for line in axes.lines[1:])
    assert drawn == analysis.results.after().image.nunique()


def test_areas_have_bias_and_limits(analysis: Analysis) -> None:
    drawing = draw_areas(analysis)
    for axes, (moment, sign) in zip(drawing.figure.axes, {"before": -1, "after": 1}.items(), strict=True):
        rows = analysis.moments[moment]
        differences = 100 * (rows.AREA - rows.AREA_TRUTH)
        levels = [line.get_ydata()[0] for line in axes.lines[2:]]
        spread = 1.96 * differences.std(ddof=1)
        assert levels == pytest.approx([differences.mean(), differences.mean() - spread, differences.mean() + spread])
        assert np.sign(levels[0]) == sign


def test_calibration_lies_below_the_line_where_probabilities_are_too_high(analysis: Analysis) -> None:
    upper = draw_calibration(analysis).figure.axes[0]
    x, y = (np.asarray(values, float) for values in upper.containers[0].lines[0].get_data())
    assert x == pytest.approx(np.arange(0.05, 1, 0.1))
    assert y == pytest.approx(x**1.2)
    error = np.mean(x - x**1.2)
    assert analysis.calibration_errors["after"] == pytest.approx(error)


def test_arms_are_named_and_the_papers_is_blue(analysis: Analysis) -> None:
    axes = draw_arms(analysis, "stages").figure.axes[0]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "Donor → general → portable"
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [dot.get_color() == BLUE for dot in dots] == [True, False, False, False]


def test_an_arm_far_off_is_told_by_a_number_at_the_side() -> None:
    means = pd.Series({"paper": 0.930, "head": 0.931, "norm": 0.928, "l2_sp": 0.936, "translator_donor": 0.57})
    assert find_far_off(means) == {"translator_donor"}
    assert find_far_off(means.drop("translator_donor")) == set()
    assert find_far_off(means[["paper", "head", "translator_donor"]]) == set()
    assert find_far_off(pd.Series({"paper": 0.0, "head": 0.0, "norm": 0.0, "l2_sp": 0.02})) == set()


def test_files(analysis: Analysis, tmp_path: Path) -> None:
    drawing = draw_arms(analysis, "stages")
    drawing.write(tmp_path)
    svg = (tmp_path / "arms_stages.svg").read_text()
    root = ET.fromstring(svg)
    assert "From scratch" in "".join(root.itertext())  # text is text
    assert draw_arms(analysis, "stages").svg == svg  # the same numbers, the same file
    with Image.open(BytesIO((tmp_path / "arms_stages.png").read_bytes())) as picture:
        assert picture.width == pytest.approx(6.9 * 300, abs=1)


def test_layers_are_drawn_where_a_step_has_a_table_of_them(results: StudyResults) -> None:
    assert draw_layers(results) is None
    rows = [
        {
            "step": "portable",
            "repetition": 0,
            "epoch": epoch,
            "layer": layer,
            "weight_drift": drift * epoch,
            "gradient_norm": 1,
        }
        for epoch in (1, 2)
        for layer, drift in (("encoder1", 0.1), ("conv", 0.4))
    ]
    drawing = draw_layers(StudyResults(**vars(results) | {"layers": pd.DataFrame(rows)}))
    assert drawing is not None
    drift = drawing.figure.axes[0].lines[0]
    assert drift.get_xdata().tolist() == pytest.approx([0.2, 0.8])  # of the last epoch
    assert "Portable stage: most in conv" in drawing.alt


def test_the_frozen_base_of_a_translator_is_not_drawn_and_steps_are_told_apart(results: StudyResults) -> None:
    steps = [name for name in STEPS if STEPS[name].stage == "portable"][:12]
    both = ("conv", "base.conv", "base.base.conv", "translator.leave")
    row = {"repetition": 0, "epoch": 1, "weight_drift": 0.3, "gradient_norm": 1}
    rows = [row | {"step": step, "layer": layer} for step in steps for layer in both]
    drawing = draw_layers(StudyResults(**vars(results) | {"layers": pd.DataFrame(rows)}))
    drift = drawing.figure.axes[0]
    assert [label.get_text() for label in drift.get_yticklabels()] == ["conv", "translator.leave"]
    assert len({(line.get_color(), line.get_marker()) for line in drift.lines}) == len(steps)

"""The words follow from the numbers."""

from __future__ import annotations

import pytest

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.report.formatting import images_text
from monai_lungxfer.study.report.summary import _gain, make_statements, make_tiles, state_arms
from monai_lungxfer.study.report.verdicts import Verdict


def with_after(results: StudyResults, shift: float) -> Analysis:
    """The study, had the portable stage changed Dice by this much, with some noise."""
    images = results.images
    after = (images.step == "portable") & (images.section == "independent")
    before = results.before().DICE.to_numpy()
    noise = [0.002 * (-1) ** (number // 3) for number in range(len(before))]
    dice = images.DICE.copy()
    dice[after] = before + shift + noise
    return Analysis(StudyResults(**vars(results) | {"images": images.assign(DICE=dice)}))


def test_a_gain_is_called_so(analysis: Analysis) -> None:
    first, *others = make_statements(analysis)
    assert first.verdict is Verdict.BETTER
    before, after = (rows.groupby("repetition").DICE.mean().mean() for rows in analysis.moments.values())
    assert f"raises Dice on the independent half: {before:.3f} before, {after:.3f} after" in first.text
    assert "p\u00a0< 0.001 (< 0.001 adjusted)" in first.detail
    islands = next(one for one in others if one.text.startswith("Islands"))
    assert islands.verdict is Verdict.BETTER  # fewer are better


@pytest.mark.parametrize(
    ("shift", "verdict", "verb"),
    [(-0.02, Verdict.WORSE, "lowers"), (0.0, Verdict.OPEN, "does not measurably change")],
)
def test_a_loss_and_nothing_are_called_so(results: StudyResults, shift: float, verdict: Verdict, verb: str) -> None:
    first = _gain(with_after(results, shift))
    assert first.verdict is verdict
    assert verb in first.text


def test_arms_the_paper_and_cautions_are_mentioned(analysis: Analysis) -> None:
    found = make_statements(analysis)
    arms = {one.text.split("”")[0].split("“")[1]: one.verdict for one in state_arms(analysis, "stages")}
    assert arms == {
        "Donor → general": Verdict.WORSE,
        "Donor → portable": Verdict.OPEN,
        "From scratch": Verdict.WORSE,
    }
    answer = next(one for one in found if one.text.startswith("What does each stage add?"))
    assert "0 of 3 others are better in Dice, 2 worse" in answer.text
    assert answer.verdict is Verdict.OPEN
    assert answer.detail.startswith("Highest is “Donor → portable”: 0.911")
    table = next(one for one in found if "Table 4" in one.text)
    assert "(paper 0.9436)" in table.detail
    cautions = [one.text for one in found if one.verdict is Verdict.CAUTION]
    assert cautions[0].startswith("4 of 5 repetitions are finished")
    assert cautions[1].startswith("The paper's arm has 4 repetitions")


def test_tiles_show_the_numbers_of_the_tables(analysis: Analysis) -> None:
    dice, gain, worst, artifacts = make_tiles(analysis)
    after = analysis.moments["after"]
    assert dice.value == f"{after.groupby('repetition').DICE.mean().mean():.3f}"
    assert gain.value == "+0.030"
    assert float(worst.value) < float(dice.value)
    counted = (after.ISLANDS + after.BRIDGES).groupby(after.repetition).mean().mean()
    assert artifacts.value == f"{counted:.2f}"


def test_one_image_is_no_plural() -> None:
    assert [images_text(count) for count in (1, 2.0, 0)] == ["1 image", "2 images", "0 images"]

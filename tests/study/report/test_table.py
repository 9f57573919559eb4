"""Every table against the reports that it sums up, in all its forms."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from monai_lungxfer.metrics.per_image import PAPER_METRICS
from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.comparisons import TABLE_METRICS
from monai_lungxfer.study.analysis.paper import paper_figures, paper_value
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.report.paper_tables import paper_table, times_table
from monai_lungxfer.study.report.study_tables import (
    arms_table,
    before_after_table,
    independent_table,
    stage_test_table,
)
from monai_lungxfer.study.report.table import Cell, Table


def means(study: Path, step: str, section: str, metric: str, finding: str | None = None) -> np.ndarray:
    """The mean over images of each repetition, from the files."""
    found = []
    for path in sorted(study.glob(f"repetition-*/{step}/{section}.json")):
        report = json.loads(path.read_text())
        summary = report["all"] if finding is None else report["by_finding"][finding]
        found.append(summary[metric]["mean"])
    return np.array(found)


def shown(table: Table, **where: str) -> dict[str, str]:
    frame = table.shown()
    for column, text in where.items():
        frame = frame[frame[column] == text]
    assert len(frame) == 1
    return frame.iloc[0].to_dict()


def mean_and_spread(study: Path, step: str, section: str, metric: str, finding: str | None = None) -> tuple[str, str]:
    """Mean ± standard deviation over images, and that over repetitions, from the files."""
    values = means(study, step, section, metric, finding)
    deviations = []
    for path in sorted(study.glob(f"repetition-*/{step}/{section}.json")):
        rows = json.loads(path.read_text())["rows"]
        deviations.append(np.std([row[metric] for row in rows if finding in (None, row["finding"])], ddof=1))
    return f"{values.mean():.4f} ± {np.mean(deviations):.4f}", f"{values.std(ddof=1):.4f}"


@pytest.mark.parametrize(("step", "paper"), [("general", "0.9554 ± 0.0250"), ("portable", "0.9436 ± 0.0243")])
def test_stage_tests_beside_the_paper(study: Path, analysis: Analysis, step: str, paper: str) -> None:
    table = stage_test_table(analysis, step)
    row = shown(table, Metric="Dice (soft)")
    values = means(study, step, "test", "DICE")
    assert len(values) == (5 if step == "general" else 4)
    ours = "Donor → general" if step == "general" else "Donor → general → portable"
    expected = mean_and_spread(study, step, "test", "DICE")
    assert (row[f"{ours} ± SD of images"], row["SD of repetitions"]) == expected
    assert row["Paper ± SD"] == paper
    scratch = mean_and_spread(study, f"{step}_scratch", "test", "DICE")
    assert row["From scratch ± SD of images"] == scratch[0]
    low, high = map(float, row["95 % interval"].split(" to "))
    assert low < values.mean() < high
    assert len(table.cells) == len(TABLE_METRICS)


def test_tests_of_a_table_are_one_family(analysis: Analysis) -> None:
    numbers = stage_test_table(analysis, "portable").numbers
    tested = numbers.dropna(subset=["p"])
    assert len(tested) == 2 * len(TABLE_METRICS)
    smallest = tested.loc[tested.p.idxmin()]
    assert smallest.p_holm == pytest.approx(2 * len(TABLE_METRICS) * smallest.p)
    assert (tested.p_holm >= tested.p).all()
    assert (tested[tested.metric == "DICE"].effect < 0).all()  # both arms are worse than the paper's


@pytest.mark.parametrize(
    ("moment", "section", "paper"),
    [("before", "before", "0.8936 ± 0.0698"), ("after", "independent", "0.9447 ± 0.0241")],
)
def test_independent_half_by_finding(study: Path, analysis: Analysis, moment: str, section: str, paper: str) -> None:
    table = independent_table(analysis, moment)
    row = shown(table, Metric="Dice (soft)")
    heading = next(name for name in row if name.startswith("COVID-19"))
    expected = mean_and_spread(study, "portable", section, "DICE", "covid19")
    assert (row[heading], row["COVID-19, SD of repetitions"]) == expected
    assert row["All (34) ± SD of images"] == mean_and_spread(study, "portable", section, "DICE")[0]
    assert row["Paper, COVID-19 ± SD"] == paper
    assert shown(table, Metric="Hausdorff 95, pixels")["Paper, COVID-19 ± SD"] == "–"
    assert "Paper, All ± SD" not in row


def test_before_against_after(study: Path, analysis: Analysis) -> None:
    table = before_after_table(analysis)
    row = shown(table, Finding="All", Metric="Dice (soft)")
    before, after = (means(study, "portable", section, "DICE") for section in ("before", "independent"))
    for moment, section in (("Before", "before"), ("After", "independent")):
        expected = mean_and_spread(study, "portable", section, "DICE")
        assert (row[f"{moment} ± SD of images"], row[f"{moment} SD of repetitions"]) == expected
    assert row["Difference"] == f"{(after - before).mean():+.4f}"
    assert (row["p"], row["Effect"]) == ("< 0.001", "+1.00")
    worst = []
    for path in study.glob("repetition-*/portable/independent.json"):
        dice = sorted(row["DICE"] for row in json.loads(path.read_text())["rows"])
        worst.append(dice[0])  # the tenth of 18 images
    assert row["Worst tenth after"] == f"{np.mean(worst):.4f}"
    distance = shown(table, Finding="Normal", Metric="Hausdorff 95, pixels")
    assert distance["Difference"].startswith("−")
    assert distance["Effect"] == "−1.00"
    assert len(table.cells) == 4 * 5


def test_a_mean_that_leaves_images_out_says_so(study: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(study, tmp_path / "study", ignore=shutil.ignore_patterns("report.html", "figures")))
    path = copy / "repetition-000" / "portable" / "independent.json"
    report = json.loads(path.read_text())
    report["rows"][0]["HD95"] = None  # as older versions wrote of an empty prediction
    path.write_text(json.dumps(report))
    analysis = Analysis(StudyResults.read(copy))
    row = shown(before_after_table(analysis), Finding="All", Metric="Hausdorff 95, pixels")
    assert row["Before ± SD of images"].endswith(" (n = 71 of 72)")
    assert row["After ± SD of images"].endswith(" (n = 71 of 72)")
    assert "n =" not in shown(before_after_table(analysis), Finding="All", Metric="Dice (soft)")["After ± SD of images"]
    arm = shown(arms_table(analysis, "stages"), Arm="Donor → general → portable")
    assert arm["Hausdorff 95, pixels"].endswith(" (n = 71 of 72)")


def test_arms_beside_each_other(study: Path, analysis: Analysis) -> None:
    table = arms_table(analysis, "stages")
    assert table.shown().Arm.tolist() == [
        "Donor → general → portable",
        "Donor → general",
        "Donor → portable",
        "From scratch",
    ]
    row = shown(table, Arm="From scratch")
    scratch, paper = (means(study, step, "independent", "DICE") for step in ("portable_scratch", "portable"))
    expected = mean_and_spread(study, "portable_scratch", "independent", "DICE")
    assert (row["Dice ± SD of images"], row["SD of repetitions"]) == expected
    assert row["Difference"].replace("−", "-") == f"{(scratch - paper).mean():+.4f}"
    assert row["Repetitions"] == "4"
    islands = means(study, "portable_scratch", "independent", "ISLANDS")
    assert row["Islands an image"] == f"{islands.mean():.2f}"
    assert shown(table, Arm="Donor → general → portable")["p"] == "–"


def test_times(analysis: Analysis) -> None:
    table = times_table(analysis)
    portable = shown(table, Step="Portable stage")
    # Three repetitions of six epochs and one of four, in seconds 2.1, 2.0, 2.1, …
    assert portable["Training epoch, ms"] == "2050 ± 51"  # of all 22 epochs
    assert portable["Epochs"] == "5.5 ± 1.0"
    assert portable["A repetition, s"] == "21.5 ± 1.3"
    assert portable["Network pass an image, ms"] == "4.15 ± 0.23"
    assert portable["Images passed"] == "68"
    paper = shown(table, Step="Portable stage, paper")
    assert (paper["Training epoch, ms"], paper["Validation epoch, ms"]) == ("1857 ± 13", "353 ± 12")
    assert paper["A repetition, s"] == "68.1 ± 13.3"
    assert paper["Network pass an image, ms"] == "3.831 ± 0.286"


def test_arms_tested_on_other_images_are_not_in_the_table(analysis: Analysis) -> None:
    images = analysis.results.images
    other = (images.step == "portable_from_donor") & (images.section == "test") & (images.repetition == 1)
    changed = images.assign(image=images.image.mask(other, "another.png"))
    results = type(analysis.results)(**vars(analysis.results) | {"images": changed})
    assert set(Analysis(results).stage_tests["portable"].arm) == {"paper", "scratch"}


def test_the_papers_figures() -> None:
    figures = paper_figures()
    assert [paper_value("4", name) for name in PAPER_METRICS][-2:] == [0.9423, 0.9864]
    assert len(paper_table().cells) == len(figures)


def test_a_finding_that_is_a_formula_is_text_in_the_csv(tmp_path: Path) -> None:
    numbers = pd.DataFrame({"finding": ["=1+1", "normal"], "change": [-0.5, float("nan")]})
    Table("t", "T", "", ("finding",), [(Cell("=1+1", "=1+1"),)], numbers).write(tmp_path)
    assert (tmp_path / "t.csv").read_text() == "finding,change\n'=1+1,-0.5\nnormal,\n"


def test_three_files_with_the_same_numbers(analysis: Analysis, tmp_path: Path) -> None:
    table = before_after_table(analysis)
    table.write(tmp_path)
    numbers = pd.read_csv(tmp_path / "before_after.csv")
    first = numbers[(numbers.finding == "all") & (numbers.metric == "DICE")].iloc[0]
    expected = analysis.moments["after"].groupby("repetition").DICE.mean().mean()
    assert first.after_mean == pytest.approx(expected, abs=1e-12)
    markdown = (tmp_path / "before_after.md").read_text()
    assert f"| {first.after_mean:.4f} ± {first.after_sd_images:.4f} | {first.after_sd:.4f} |" in markdown
    assert len(re.findall(r"^\|", markdown, flags=re.MULTILINE)) == 2 + len(table.cells)
    latex = (tmp_path / "before_after.tex").read_text()
    assert rf"{first.after_mean:.4f} $\pm$ {first.after_sd_images:.4f}" in latex
    assert r"95 \% interval" in latex
    assert not set("−±→–<%") & set(re.sub(r"\\%|\$<\$", "", latex))


def test_pipes_in_markdown_are_escaped() -> None:
    table = Table("t", "T", "N", ("a|b",), [(Cell("x|y", "x|y"),)], pd.DataFrame())
    assert "| a\\|b |" in table.markdown()
    assert "| x\\|y |" in table.markdown()


def test_groups_of_few_images_are_grey_and_say_so(analysis: Analysis) -> None:
    images = analysis.results.images
    after = analysis.results.after().drop_duplicates("image").groupby("finding").image
    many = [name for name, found in after if len(found) == 12]
    rare = images.image.isin([image for name in many for image in after.get_group(name)[:2]])
    results = type(analysis.results)(
        **vars(analysis.results) | {"images": images.assign(finding=images.finding.mask(rare, "rare"))}
    )
    changed = Analysis(results)
    grey = {row[0].text for row in before_after_table(changed).cells if row[0].few}
    assert grey == {"rare (n = 4)"}
    for row in before_after_table(changed).cells:
        assert {cell.few for cell in row} == {row[0].value == "rare"}
    table = independent_table(changed, "after")
    few = {column for row in table.cells for column, cell in zip(table.columns, row, strict=True) if cell.few}
    assert few == {"rare (4) ± SD of images", "rare, SD of repetitions"}

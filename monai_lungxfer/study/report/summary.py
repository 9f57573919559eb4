"""What a study found, in words that follow from its numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from monai_lungxfer.metrics.per_image import PAPER_METRICS
from monai_lungxfer.study.analysis.analysis import MOMENTS, Analysis
from monai_lungxfer.study.analysis.curve import ENOUGH, MORE
from monai_lungxfer.study.analysis.paper import MOMENT_TABLES, STAGE_TEST_TABLES, paper_value
from monai_lungxfer.study.analysis.statistics import Interval
from monai_lungxfer.study.plan.arms import PAPER_ARM, QUESTIONS, required_steps
from monai_lungxfer.study.report.curve_tables import curve_title
from monai_lungxfer.study.report.formatting import (
    METRIC_TITLES,
    finding_title,
    images_text,
    interval_text,
    metric_decimals,
    number_text,
    p_text,
    signed_text,
)
from monai_lungxfer.study.report.verdicts import Statement, Tile, Verdict, judge_comparison

CLOSE = 0.01
FEW = 5


def make_statements(analysis: Analysis) -> list[Statement]:
    """Return what the study found, the answer to its main question first."""
    return [
        _gain(analysis),
        *_artifacts(analysis),
        *(_answer(analysis, question) for question in analysis.arms),
        *_enough_images(analysis),
        *(_beside_paper(table, stage) for stage, table in analysis.stage_tests.items()),
        _by_finding(analysis),
        _trust(analysis),
        *_cautions(analysis),
    ]


def make_tiles(analysis: Analysis) -> list[Tile]:
    """Return the numbers that are seen first."""
    gain = _row(analysis.gains, finding="all", metric="DICE")
    before, after = _moments(analysis, "DICE")
    artifacts = [
        islands["mean"] + bridges["mean"]
        for islands, bridges in zip(_moments(analysis, "ISLANDS"), _moments(analysis, "BRIDGES"), strict=True)
    ]
    reach = interval_text(Interval(after["low"], after["high"]), 3)
    return [
        Tile(number_text(after["mean"], 3), "Dice after the portable stage", f"95\u00a0% interval {reach}"),
        Tile(signed_text(gain["difference"], 3), "gained by the portable stage", f"from {before['mean']:.3f}"),
        Tile(number_text(after["worst"], 3), "Dice of the worst tenth", f"before {before['worst']:.3f}"),
        Tile(f"{artifacts[1]:.2f}", "islands and bridges an image", f"before {artifacts[0]:.2f}"),
    ]


def _row(table: pd.DataFrame, **where: str) -> dict[str, Any]:
    for column, value in where.items():
        table = table[table[column] == value]
    return table.iloc[0].to_dict()


def describe_comparison(row: Any) -> str:
    """Return the statistics of a row of `compare_rows` in words: what was found, and how sure it is."""
    digits = metric_decimals(row["metric"])
    reach = Interval(row["difference_low"], row["difference_high"])
    p, adjusted = (text if text.startswith("<") else f"= {text}" for text in map(p_text, (row["p"], row["p_holm"])))
    return (
        f"Difference {signed_text(row['difference'], digits)}, 95\u00a0% interval "
        f"{interval_text(reach, digits, signed=True)}, p\u00a0{p} ({adjusted} adjusted), "
        f"effect {signed_text(row['effect'], 2)}."
    )


def _gain(analysis: Analysis) -> Statement:
    row = _row(analysis.gains, finding="all", metric="DICE")
    before, after = _moments(analysis, "DICE")
    verdict = judge_comparison(row)
    verb = {Verdict.BETTER: "raises", Verdict.WORSE: "lowers"}.get(verdict, "does not measurably change")
    return Statement(
        verdict,
        f"The portable stage {verb} Dice on the independent half: {before['mean']:.3f} before, {after['mean']:.3f} "
        f"after. The worst tenth of the images goes from {before['worst']:.3f} to {after['worst']:.3f}.",
        describe_comparison(row),
    )


def _moments(analysis: Analysis, metric: str) -> list[dict[str, Any]]:
    return [_row(analysis.independent, finding="all", metric=metric, moment=moment) for moment in MOMENTS]


def _artifacts(analysis: Analysis) -> Iterator[Statement]:
    names = {"ISLANDS": "Islands away from the lungs", "BRIDGES": "Bridges between the lungs"}
    for metric, name in (names | {"HD95": METRIC_TITLES["HD95"]}).items():
        row = _row(analysis.gains, finding="all", metric=metric)
        before, after = (f"{one['mean']:.2f}" for one in _moments(analysis, metric))
        unit = analysis.results.distance_unit if metric == "HD95" else "an image"
        yield Statement(
            judge_comparison(row), f"{name}: {before} {unit} before, {after} after.", describe_comparison(row)
        )


def state_arms(analysis: Analysis, question: str) -> Iterator[Statement]:
    """Return what was found of each arm that answers a question, against the paper's."""
    for arm in analysis.results.answers(question)[1:]:
        row = _row(analysis.arms[question], arm=arm, metric="DICE")
        text = f"Arm “{analysis.results.arm_title(arm, question)}” against the paper's arm: Dice {row['mean']:.3f}."
        yield Statement(judge_comparison(row), text, describe_comparison(row))


def _answer(analysis: Analysis, question: str) -> Statement:
    table = analysis.arms[question]
    dice = table[table.metric == "DICE"].set_index("arm")
    verdicts = [one.verdict for one in state_arms(analysis, question)]
    better, worse = (verdicts.count(verdict) for verdict in (Verdict.BETTER, Verdict.WORSE))
    best = str(dice["mean"].idxmax())
    title, paper = analysis.results.arm_title(best, question), dice["mean"][PAPER_ARM]
    return Statement(
        Verdict.BETTER if better else Verdict.WORSE if worse == len(verdicts) else Verdict.OPEN,
        f"{QUESTIONS[question].title} Against the paper's arm, {better} of {len(verdicts)} others are better in Dice, "
        f"{worse} worse.",
        f"Highest is “{title}”: {dice['mean'][best]:.3f}; the paper's arm has {paper:.3f}.",
    )


def _enough_images(analysis: Analysis) -> Iterator[Statement]:
    for row in analysis.curve_fits.to_dict("records"):
        reached = f"not reached by fewer than all {row['largest']:.0f}"
        if not math.isnan(row["enough"]):
            reached = f"reached by {row['enough']:.0f} of {row['largest']:.0f}"
        more = MORE[-1]
        reach = interval_text(Interval(row[f"gain_{more}_low"], row[f"gain_{more}_high"]), 3, signed=True)
        yield Statement(
            Verdict.NOTE,
            f"{curve_title(analysis, row)}: the Dice of all training images, less {ENOUGH}, is {reached}.",
            f"{more} further images would add {signed_text(row[f'gain_{more}'], 3)} (95\u00a0% interval {reach}), if "
            "the curve went on as fitted.",
        )


def _beside_paper(table: pd.DataFrame, stage: str) -> Statement:
    number = STAGE_TEST_TABLES[stage]
    ours = table[table.arm == PAPER_ARM].set_index("metric")["mean"]
    gaps = {name: ours[name] - paper_value(number, name) for name in PAPER_METRICS}
    close = sum(abs(gap) <= CLOSE for gap in gaps.values())
    farthest = max(gaps, key=lambda name: abs(gaps[name]))
    return Statement(
        Verdict.NOTE,
        f"Beside the paper's Table {number}, test part of the {stage} stage, {close} of {len(gaps)} metrics are within "
        f"{CLOSE}.",
        f"Dice {ours['DICE']:.4f} (paper {paper_value(number, 'DICE'):.4f}); farthest off is {farthest}: "
        f"{ours[farthest]:.4f} (paper {paper_value(number, farthest):.4f}).",
    )


def _by_finding(analysis: Analysis) -> Statement:
    parts = []
    for finding in analysis.results.findings():
        rows = [_row(analysis.independent, finding=finding, metric="DICE", moment=m) for m in MOMENTS]
        paper = [paper_value(MOMENT_TABLES[m], "DICE", finding) for m in MOMENTS]
        text = " → ".join(f"{row['mean']:.3f}" for row in rows)
        known = "" if math.isnan(paper[0]) else f", paper {paper[0]:.3f} → {paper[1]:.3f}"
        parts.append(f"{finding_title(finding)} {text} ({images_text(rows[1]['images'])}{known})")
    return Statement(Verdict.NOTE, "Dice by finding, before → after.", "; ".join(parts) + ".")


def _trust(analysis: Analysis) -> Statement:
    area, error = analysis.areas["after"], analysis.calibration_errors["after"]
    return Statement(
        Verdict.NOTE,
        f"After the portable stage, lung areas are off by {signed_text(area.bias, 1)}\u00a0% of the image on average, "
        f"and probabilities by {error:.3f}.",
        f"95\u00a0% limits of agreement {signed_text(area.low, 1)} to {signed_text(area.high, 1)}\u00a0% of the image; "
        "expected calibration error.",
    )


def _cautions(analysis: Analysis) -> Iterator[Statement]:
    results = analysis.results
    trained = [step.name for step in required_steps(results.plan.arms, results.plan.given) if step.stage == "general"]
    if "general" in results.plan.given and set(trained) - {"general"}:
        yield Statement(
            Verdict.CAUTION,
            "The general weights were given. Arms that train a general stage of their own had another training.",
        )
    finished = results.finished()
    if finished < results.planned:
        yield Statement(
            Verdict.CAUTION,
            f"{finished} of {results.planned} repetitions are finished. What is here may change with the others.",
        )
    repetitions = results.finished(PAPER_ARM)
    if repetitions < FEW:
        yield Statement(
            Verdict.CAUTION,
            f"The paper's arm has {repetitions} repetition{'s' * (repetitions != 1)}: the spread over repetitions is "
            "hardly known.",
        )

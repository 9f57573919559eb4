"""The page of a trial: what was found in sentences, figures and tables. It shows no image and loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from monai_lungxfer import __version__
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.robustness.figures import main_dose
from monai_lungxfer.robustness.outcome import TrialOutcome
from monai_lungxfer.study.analysis.statistics import Interval
from monai_lungxfer.study.report.figures.style import Drawing
from monai_lungxfer.study.report.formatting import interval_text, signed_text
from monai_lungxfer.study.report.page import inline_svg, make_template
from monai_lungxfer.study.report.summary import Statement, Verdict
from monai_lungxfer.study.report.table import Table

_DIGITS = 3

LIMITS = (
    "Not a medical device. These are results of research; nothing here supports a diagnosis or a treatment.",
    "Drawn objects follow simple physics. No device was measured, and no radiologist has judged them.",
    "Images may hold real objects already. Those stay in the image on both sides of a pair.",
    "Marks of annotators are few, and not every object is marked. Marked images may differ in more than the objects.",
    "Weights are flattered by images that they learnt from; the log says so where it is known.",
    "Masks are measured as the network draws them, at native size; only the cleaned Dice is of what predict writes.",
)


def render_page(outcome: TrialOutcome, tables: Sequence[Table], drawings: Sequence[Drawing], skipped: int = 0) -> str:
    """Return the page as HTML."""
    pairs = len(outcome.means) * outcome.design.seeds
    return make_template("monai_lungxfer.robustness", "robustness.html").render(
        version=__version__,
        today=date.today().isoformat(),
        notice=NOTICE,
        images=outcome.plain.image.nunique(),
        patients=outcome.plain.patient.nunique(),
        pairs=f"{pairs:,}",
        skipped=skipped,
        statements=[*_state_drawn(outcome), *_state_observed(outcome)],
        drawings=[(drawing, inline_svg(drawing)) for drawing in drawings],
        tables=tables,
        design=_describe_design(outcome),
        limits=LIMITS,
    )


def _describe_design(outcome: TrialOutcome) -> dict[str, str]:
    design = outcome.design
    return {
        "Weights": ", ".join(outcome.weights),
        "Objects": ", ".join(design.objects),
        "Doses": ", ".join(f"{dose:g}" for dose in design.doses),
        "Draws of each": str(design.seeds),
        "Band around objects": f"{100 * design.margin:g} % of the diagonal",
    }


def _state(text: str, difference: float, reach: Interval, detail: str = "") -> Statement:
    if not reach.beyond_zero:
        return Statement(Verdict.OPEN, text, detail)
    return Statement(Verdict.BETTER if difference > 0 else Verdict.WORSE, text, detail)


def _state_drawn(outcome: TrialOutcome) -> Iterator[Statement]:
    """Say of each set of weights which object costs most, and what each costs."""
    dose = main_dose(outcome)
    table = outcome.drawn[(outcome.drawn.dose == dose) & (outcome.drawn.metric == "DICE_HARD")]
    for name in outcome.weights:
        rows: list[Any] = sorted(table[table.weights == name].itertuples(), key=lambda row: row.change)
        worst = rows[0]
        reach = Interval(worst.low, worst.high)
        text = (
            f"With the weights {name}, Dice changes most under {_phrase(worst.object)}: by "
            f"{signed_text(worst.change, _DIGITS)} ({interval_text(reach, _DIGITS, signed=True)})."
        )
        others = ", ".join(f"{_phrase(row.object)} {signed_text(row.change, _DIGITS)}" for row in rows[1:])
        detail = f"Dose {dose:g}, {worst.images} images. " + (f"The others: {others}." if others else "")
        yield _state(text, worst.change, reach, detail)


def _phrase(name: str) -> str:
    return {"all": "all objects together"}.get(name, name)


def _state_observed(outcome: TrialOutcome) -> Iterator[Statement]:
    if outcome.observed.empty:
        return
    for row in outcome.observed[outcome.observed.metric == "DICE_HARD"].itertuples():
        found: Any = row
        reach = Interval(found.low, found.high)
        text = (
            f"With the weights {found.weights}, images whose annotators marked objects differ in Dice from matched "
            f"images by {signed_text(found.difference, _DIGITS)} ({interval_text(reach, _DIGITS, signed=True)})."
        )
        yield _state(text, found.difference, reach, f"{found.marked} marked images, {found.matches} matched ones.")

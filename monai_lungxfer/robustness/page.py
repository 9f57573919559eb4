"""The page of a trial: what was found in sentences, figures and tables. It shows no image and loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from monai_lungxfer import __version__
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.robustness.figures import main_dose
from monai_lungxfer.robustness.outcome import TrialOutcome
from monai_lungxfer.study.analysis.statistics import FEWEST_PATIENTS, Interval
from monai_lungxfer.study.report.figures.style import Drawing
from monai_lungxfer.study.report.formatting import images_text, interval_text, signed_text
from monai_lungxfer.study.report.page import inline_svg, make_template
from monai_lungxfer.study.report.table import Table
from monai_lungxfer.study.report.verdicts import Statement, Verdict, judge_difference

_DIGITS = 3

LIMITS = (
    "Not a medical device. These are results of research; nothing here supports a diagnosis or a treatment.",
    "Drawn objects follow simple physics. No device was measured, and no radiologist has judged them.",
    "Images may hold real objects already. Those stay in the image on both sides of a pair.",
    "Marks of annotators are few, and not every object is marked. Marked images may differ in more than the objects.",
    f"Nothing is said of fewer than {FEWEST_PATIENTS} patients. Intervals of few patients are too narrow.",
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
        statements=[*state_drawn(outcome), *state_observed(outcome)],
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


def state_drawn(outcome: TrialOutcome) -> Iterator[Statement]:
    """Say of each set of weights which object costs most, and what each costs; of few patients, that they are few."""
    dose = main_dose(outcome)
    table = outcome.drawn[(outcome.drawn.dose == dose) & (outcome.drawn.metric == "DICE_HARD")]
    for name in outcome.weights:
        rows: list[Any] = sorted(table[table.weights == name].itertuples(), key=lambda row: -abs(row.change))
        worst = rows[0]
        reach = Interval(worst.low, worst.high)
        verdict = judge_difference(worst.change, reach, worst.patients)
        changes = [f"{_phrase(row.object)} {signed_text(row.change, _DIGITS)}" for row in rows]
        if verdict is Verdict.FEW:
            text = _too_few(name, worst.patients, "what objects change")
            told = f"Mean changes of Dice: {', '.join(changes)}."
        else:
            text = (
                f"With the weights {name}, Dice changes most under {_phrase(worst.object)}: by "
                f"{signed_text(worst.change, _DIGITS)} ({interval_text(reach, _DIGITS, signed=True)})."
            )
            told = f"The others: {', '.join(changes[1:])}." if changes[1:] else ""
        yield Statement(verdict, text, f"Dose {dose:g}, {images_text(worst.images)}. {told}".strip())


def _too_few(weights: str, patients: int, what: str) -> str:
    people = "one patient is" if patients == 1 else f"{patients} patients are"
    return f"With the weights {weights}, {people} too few to tell {what}. It takes {FEWEST_PATIENTS}."


def _phrase(name: str) -> str:
    return {"all": "all objects together", "pacemaker": "a pacemaker"}.get(name, name)


def state_observed(outcome: TrialOutcome) -> Iterator[Statement]:
    """Say of each set of weights whether images with marks differ from those without."""
    if outcome.observed.empty:
        return
    for row in outcome.observed[outcome.observed.metric == "DICE_HARD"].itertuples():
        found: Any = row
        reach = Interval(found.low, found.high)
        patients = min(found.patients, found.match_patients)
        verdict = judge_difference(found.difference, reach, patients)
        told = f"{signed_text(found.difference, _DIGITS)} ({interval_text(reach, _DIGITS, signed=True)})"
        detail = f"{images_text(found.marked)} with marks, {found.matches} matched."
        if verdict is Verdict.FEW:
            text = _too_few(found.weights, patients, "whether images with marked objects differ")
            detail += f" Mean difference in Dice: {signed_text(found.difference, _DIGITS)}."
        else:
            text = (
                f"With the weights {found.weights}, images whose annotators marked objects differ in Dice from matched "
                f"images by {told}."
            )
        yield Statement(verdict, text, detail)

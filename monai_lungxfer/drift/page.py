"""The page of a comparison: a verdict in a sentence, figures and tables. It shows no image and loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from monai_lungxfer import __version__
from monai_lungxfer.drift.comparison import LEAST_IMAGES, DriftOutcome, DriftVerdict
from monai_lungxfer.drift.samples import TITLES
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.study.report.figures.style import Drawing
from monai_lungxfer.study.report.page import inline_svg, make_template
from monai_lungxfer.study.report.table import Table
from monai_lungxfer.study.report.verdicts import Statement, Verdict

LIMITS = (
    "Not a medical device. These are results of research; nothing here supports a diagnosis or a treatment.",
    "A drift says that the radiographs or the masks differ. It does not say that the masks are worse: look at some.",
    "No drift found does not mean that there is none: small shifts need more radiographs.",
    "Other patients, seasons and wards shift the numbers, too. Compare sets that differ in the device alone.",
    "Each radiograph counts as independent. Take one of each patient: several of the same cause false alarms.",
)

_BADGES = {DriftVerdict.DRIFT: Verdict.CAUTION, DriftVerdict.NONE: Verdict.NOTE, DriftVerdict.UNDECIDED: Verdict.NOTE}


def state_verdict(outcome: DriftOutcome) -> str:
    """Return the verdict as one sentence, the same for the terminal and the page."""
    sizes = f"{outcome.reference.files} reference and {outcome.new.files} new radiographs"
    if outcome.verdict is DriftVerdict.UNDECIDED:
        return f"Not enough to judge: {sizes}; each side needs {LEAST_IMAGES} or more."
    if outcome.verdict is DriftVerdict.NONE:
        return (
            f"No drift found in {outcome.compared} comparisons of {sizes}; "
            f"a shift smaller than a distance of {outcome.seen_from:.2f} would not have been seen."
        )
    names = [TITLES.get(name, f"rate of {name}") for name in outcome.drifted]
    return f"Drift: {len(names)} of {outcome.compared} comparisons differ ({'; '.join(names)}), of {sizes}."


def render_page(outcome: DriftOutcome, tables: Sequence[Table], drawings: Sequence[Drawing]) -> str:
    """Return the page as HTML."""
    return make_template("monai_lungxfer.drift", "drift.html").render(
        version=__version__,
        today=date.today().isoformat(),
        notice=NOTICE,
        reference=outcome.reference,
        new=outcome.new,
        statements=list(_make_statements(outcome)),
        drawings=[(drawing, inline_svg(drawing)) for drawing in drawings],
        tables=tables,
        models=sorted(outcome.reference.models | outcome.new.models),
        limits=LIMITS,
    )


def _make_statements(outcome: DriftOutcome) -> Iterator[Statement]:
    yield Statement(_BADGES[outcome.verdict], state_verdict(outcome))
    if outcome.verdict is DriftVerdict.UNDECIDED:
        return
    drifted = outcome.numbers[outcome.numbers.drifted].sort_values("distance", ascending=False)
    for _, row in drifted.iterrows():
        text = f"{TITLES[row['name']]}: the median went from {row.median_reference:.3g} to {row.median_new:.3g}."
        detail = f"Distance {row.distance:.2f}, PSI {row.psi:.2f} ({row.psi_by_chance:.2f} by chance)."
        yield Statement(Verdict.CAUTION, text, detail)
    for _, row in outcome.rates[outcome.rates.drifted].iterrows():
        yield Statement(Verdict.CAUTION, f"Rate of {row['name']}: from {row.rate_reference:.1%} to {row.rate_new:.1%}.")
    if unread := outcome.reference.unread + outcome.new.unread:
        yield Statement(Verdict.NOTE, f"Images without grey values, which could not be read: {unread}.")

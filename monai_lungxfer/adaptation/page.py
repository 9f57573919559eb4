"""The page of an adaptation: the answer in a sentence, a figure and tables. It shows no image and loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pandas as pd

from monai_lungxfer import __version__
from monai_lungxfer.adaptation.outcome import METRIC, AdaptationOutcome, AdaptationVerdict
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.study.analysis.statistics import Interval
from monai_lungxfer.study.report.figures.style import (
    BLUE,
    FAINT,
    VERMILION,
    Drawing,
    new_figure,
    styled,
    tidy,
)
from monai_lungxfer.study.report.formatting import (
    interval_text,
    metric_decimals,
    metric_title,
    number_text,
    signed_text,
)
from monai_lungxfer.study.report.page import inline_svg, make_template
from monai_lungxfer.study.report.table import Cell, Table, number_cell, word_cell
from monai_lungxfer.study.report.verdicts import Statement, Tile, Verdict

LIMITS = (
    "Not a medical device. These are results of research; nothing here supports a diagnosis or a treatment.",
    "The locked images come from the same place as those that were learnt from. Other devices may give another answer.",
    "Adapt once. Who tries until the locked images give a better number has learnt from them, too.",
    "One training with one seed. Another one would differ a little.",
    "Metrics are on the network's grid, before cleaning. What a user gets is cleaned and has the radiograph's size.",
    "The interval is Student's, over patients. It says how sure the change is, not whether it matters.",
)

_BADGES = {
    AdaptationVerdict.BETTER: Verdict.BETTER,
    AdaptationVerdict.WORSE: Verdict.WORSE,
    AdaptationVerdict.NO_WORSE: Verdict.OPEN,
    AdaptationVerdict.OPEN: Verdict.OPEN,
}


def render_page(outcome: AdaptationOutcome, pairs: pd.DataFrame, facts: Mapping[str, str], cautions: list[str]) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    outcome : AdaptationOutcome
        What was measured.
    pairs : pandas.DataFrame
        As `monai_lungxfer.adaptation.outcome.list_pairs` returns it.
    facts : mapping
        How the model was made: title and text; no names and no paths.
    cautions : list of str
        What a reader should look at, a sentence each; no names and no paths.
    """
    drawing = draw_pairs(pairs)
    return make_template("monai_lungxfer.adaptation", "adaptation.html").render(
        version=__version__,
        today=date.today().isoformat(),
        notice=NOTICE,
        images=outcome.images,
        patients=outcome.patients,
        start=facts["Started from"],
        statements=list(_make_statements(outcome, cautions)),
        tiles=list(_make_tiles(outcome)),
        drawings=[(drawing, inline_svg(drawing))],
        tables=[make_table(outcome)],
        facts=facts,
        limits=LIMITS,
    )


def _make_statements(outcome: AdaptationOutcome, cautions: list[str]) -> Iterator[Statement]:
    drawn = interval_text(outcome.bootstrap, 4, signed=True)
    detail = f"By a paired bootstrap of patients, the interval is {drawn}; with few patients it is too narrow."
    yield Statement(_BADGES[outcome.verdict], outcome.sentence, detail)
    lost = outcome.worse_metrics
    if lost:
        titles = ", ".join(metric_title(name, "pixels") for name in lost)
        yield Statement(Verdict.CAUTION, f"Worse by other metrics: {titles}. Look at some masks.")
    for text in (*outcome.comparison.notes, *cautions):
        yield Statement(Verdict.CAUTION, text)


def _make_tiles(outcome: AdaptationOutcome) -> Iterator[Tile]:
    yield Tile(number_text(outcome.before, 4), "Dice before", "mean over locked images")
    yield Tile(number_text(outcome.after, 4), "Dice after", "mean over locked images")
    reach = interval_text(outcome.reach, 4, signed=True)
    yield Tile(signed_text(outcome.difference, 4), "Change", f"95 % interval {reach}")


def make_table(outcome: AdaptationOutcome) -> Table:
    """Return all metrics before and after."""
    rows: list[Any] = [row for _, row in outcome.comparison.metrics.iterrows()]
    cells = []
    for row in rows:
        digits = metric_decimals(row.metric)
        reach = Interval(row.low, row.high)
        cells.append(
            (
                word_cell(metric_title(row.metric, str(row.unit))),
                number_cell(row["first"], digits),
                number_cell(row["second"], digits),
                Cell(signed_text(row.difference, digits), row.difference),
                Cell(interval_text(reach, digits, signed=True), row.low),
                number_cell(row.n, 0),
            )
        )
    return Table(
        "metrics",
        "All metrics on the locked images",
        "Means over images. Change: after less before, with its 95 % interval (Student's, over patients). "
        "n: images that have a value on both sides.",
        ("Metric", "Before", "After", "Change", "95 % interval", "n"),
        cells,
        outcome.comparison.metrics,
    )


@styled
def draw_pairs(pairs: pd.DataFrame) -> Drawing:
    """Draw a line from before to after for each locked image, from the lowest Dice up."""
    ordered = pairs.sort_values("before", ignore_index=True)
    figure, (axes,) = new_figure(1, height=2.6)
    places = range(len(ordered))
    axes.vlines(places, ordered.before, ordered.after, color=FAINT, linewidth=1)
    axes.scatter(places, ordered.before, color=VERMILION, s=14, marker="o", label="before", zorder=3)
    axes.scatter(places, ordered.after, color=BLUE, s=16, marker="^", label="after", zorder=3)
    axes.set_xlabel("Locked images, by Dice before")
    axes.set_ylabel(metric_title(METRIC, ""))
    axes.set_xticks([])
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    tidy(axes)
    better, worse = int((pairs.change > 0).sum()), int((pairs.change < 0).sum())
    caption = f"Each line is an image. Dice rose in {better} of {len(pairs)} images, and fell in {worse}."
    alt = f"Dice before and after of {len(pairs)} locked images; it rose in {better} and fell in {worse}."
    return Drawing("pairs", "Every locked image, before and after", caption, alt, figure)

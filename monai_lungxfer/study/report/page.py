"""The page: a template filled with what a study found."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from datetime import date
from io import BytesIO
from typing import Any

import yaml
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from PIL import Image

from monai_lungxfer import __version__
from monai_lungxfer.bundle.redaction import redact_paths
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.plan.arms import QUESTIONS
from monai_lungxfer.study.report.case_pictures import CasePictures
from monai_lungxfer.study.report.cases import CASE_FLAGS, Case
from monai_lungxfer.study.report.figures.style import FAINT, INK, RULE, Drawing
from monai_lungxfer.study.report.formatting import (
    FEW_IMAGES,
    METRIC_TITLES,
    finding_title,
    number_text,
    signed_text,
)
from monai_lungxfer.study.report.summary import make_statements, make_tiles, state_arms
from monai_lungxfer.study.report.table import Cell, Table

_COLOURS = {INK: "var(--ink)", FAINT: "var(--faint)", RULE: "var(--rule)"}
_QUALITY = 85
_BESIDE_ARMS = {"sizing": ("native",), "adaptation": ("retention", "layers")}


def render_page(
    analysis: Analysis,
    tables: Sequence[Table],
    drawings: Sequence[Drawing],
    cases: Sequence[Case],
    pictures: Mapping[int, CasePictures],
) -> str:
    """Return the report as one HTML page, which loads nothing.

    It shows tables, drawings and cases in this order. The pictures are known by the numbers of their cases; without
    any, it is a report without images.
    """
    questions = [_question(analysis, name, tables, drawings) for name in analysis.arms]
    placed = {part.name for one in questions for part in (*one["tables"], *(drawing for drawing, _ in one["drawings"]))}
    shown = [_case(case, pictures.get(case.number)) for case in cases]
    results = analysis.results
    return make_template("monai_lungxfer.study.report", "report.html").render(
        version=__version__,
        today=date.today().isoformat(),
        notice=NOTICE,
        finished=results.finished(),
        planned=results.planned,
        tiles=make_tiles(analysis),
        statements=make_statements(analysis),
        drawings=[(one, inline_svg(one)) for one in drawings if one.name not in placed],
        tables=[one for one in tables if one.name not in placed],
        questions=questions,
        cases=shown,
        images=results.after().image.nunique(),
        findings={name: finding_title(name) for name in results.findings()},
        flags={name: text for name, text in CASE_FLAGS.items() if any(name in case["flags"] for case in shown)},
        plan=format_plan(results),
        environment=list_environment(results),
        limits=list_limits(results, with_images=bool(pictures)),
    )


def _question(analysis: Analysis, name: str, tables: Sequence[Table], drawings: Sequence[Drawing]) -> dict[str, Any]:
    """Return the part of a question: what was found, its figures and its tables."""
    names = (f"arms_{name}", *_BESIDE_ARMS.get(name, ()))
    return {
        "name": name,
        "title": QUESTIONS[name].title,
        "statements": list(state_arms(analysis, name)),
        "drawings": [(drawing, inline_svg(drawing)) for drawing in drawings if drawing.name in names],
        "tables": [table for table in tables if table.name in names],
    }


def make_template(package: str, name: str) -> Template:
    """Load a template from the folder `page` of a package, where it may use the parts of this report's page."""
    templates = Environment(
        loader=ChoiceLoader([PackageLoader(one, "page") for one in (package, "monai_lungxfer.study.report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["sort_key"] = _sort_key
    return templates.get_template(name)


def _sort_key(cell: Cell) -> str:
    """Return what the page sorts a cell by; what is undefined, as NaN, is empty."""
    return "" if cell.value != cell.value else str(cell.value)


def _case(case: Case, pictures: CasePictures | None) -> dict[str, Any]:
    before, after = case.before["DICE"], case.after["DICE"]
    flags = set(case.flags) | set(pictures.flags if pictures else ())
    lines = ((METRIC_TITLES["HD95"], "HD95", 1), ("Islands", "ISLANDS", 0), ("Bridges", "BRIDGES", 0))
    return {
        "number": case.number,
        "finding": case.finding,
        "finding_title": finding_title(case.finding),
        "view": case.view,
        "before": before,
        "after": after,
        "gain": signed_text(after - before, 3),
        "metrics": [
            (title, number_text(case.before[name], digits), number_text(case.after[name], digits))
            for title, name, digits in lines
        ],
        "flags": [name for name in CASE_FLAGS if name in flags],
        "pictures": pictures and _pictures(pictures),
    }


def _pictures(drawn: CasePictures) -> dict[str, Any]:
    return {"size": drawn.before.size, "before": _encode_picture(drawn.before), "after": _encode_picture(drawn.after)}


def inline_svg(drawing: Drawing) -> Markup:
    """Return the SVG of a drawing as a part of an HTML page.

    Its ids get the drawing's name, since those of several drawings would be the same; greys become the page's own, so
    that it can be dark.
    """
    text = drawing.svg
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{drawing.name}-", text)
    text = re.sub(r"font: ([^']*?)'DejaVu Sans'[^;\"]*", r"font: \1var(--sans)", text)
    for colour, variable in _COLOURS.items():
        text = text.replace(colour, variable)
    label = Markup('<svg role="img" aria-label="{}" ').format(drawing.alt)
    return Markup(text.replace("<svg ", label, 1))  # noqa: S704 - it is our own, and matplotlib escapes its texts


def _encode_picture(picture: Image.Image) -> str:
    """Return a picture as a data URI: WebP, without anything but its pixels."""
    buffer = BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def format_plan(results: StudyResults) -> str:
    """Return the plan as YAML, without paths."""
    return yaml.safe_dump(redact_paths(results.plan.model_dump(mode="json")), sort_keys=False, allow_unicode=True)


def list_environment(results: StudyResults) -> dict[str, str]:
    """Return what the steps were computed by; where it changed on the way, every value that there was."""
    found: dict[str, list[str]] = {"monai_lungxfer": [str(version) for version in results.steps.version]}
    for one in results.steps.environment:
        for name, value in one.items():
            found.setdefault(name, []).append(str(value))
    return {name: ", ".join(dict.fromkeys(values)) for name, values in found.items()}


def list_limits(results: StudyResults, *, with_images: bool) -> list[str]:
    """Return what a reader must know before drawing conclusions."""
    after = results.after()
    counts = after.drop_duplicates("image").finding.value_counts()
    rare = [f"{finding_title(str(name))} ({count})" for name, count in counts.items() if count < FEW_IMAGES]
    return [
        _NO_DEVICE,
        _SHARED.format(images=after.image.nunique(), patients=after.patient.nunique()),
        _PAPER,
        _RAW,
        _distances(results),
        _MEANING,
        *([f"Findings with few images, of which little can be said: {', '.join(rare)}."] if rare else []),
        *([_BURNT_IN] if with_images else []),
    ]


_NO_DEVICE = "Not a medical device. These are results of research; nothing here supports a diagnosis or a treatment."
_SHARED = (
    "The independent halves hold {images} different images of {patients} patients. The repetitions share them, so more "
    "repetitions make the mean of these images surer, and not that of others."
)
_PAPER = (
    "The paper's figures are of its own images, of which the portable ones are private, and of other masks. It splits "
    "by image; here no patient is on two sides of a split. A difference may come from any of these."
)
_RAW = (
    "Masks are measured as the network draws them, at the size of its input. What a user gets is cleaned and has the "
    "size of the radiograph."
)
_MEANING = (
    "Tests and intervals say how sure a difference is, not whether it matters. Thresholds of flags are preliminary: no "
    "radiologist has validated them."
)
_BURNT_IN = "Images are shown without names; text that is burnt into their pixels is not removed."


def _distances(results: StudyResults) -> str:
    after = results.after()
    left_out = int(after.HD95.isna().sum())
    unit = "pixels of the network's input" if results.distance_unit == "pixels" else "mm"
    why = "they are in another unit, or an older version left out empty masks"
    rest = f" {left_out} of {len(after)} values are left out: {why}." if left_out else ""
    rule = "Of an empty mask the distance is the diagonal of the image, of two empty ones 0."
    return f"Distances are in {unit}. {rule}{rest} Areas are shares of the image."

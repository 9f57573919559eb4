"""From the folder of a study to its report, tables and figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_lungxfer.study.analysis.analysis import Analysis
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.plan.arms import QUESTIONS
from monai_lungxfer.study.report.case_pictures import draw_case_pictures
from monai_lungxfer.study.report.cases import choose_cases
from monai_lungxfer.study.report.figures.arms import draw_arms, draw_layers
from monai_lungxfer.study.report.figures.comparison import draw_areas, draw_calibration, draw_cases, draw_findings
from monai_lungxfer.study.report.figures.curve import draw_curve
from monai_lungxfer.study.report.figures.losses import draw_losses
from monai_lungxfer.study.report.figures.overlays import IMAGE_FIGURES, draw_artifacts, draw_overlays
from monai_lungxfer.study.report.figures.style import Drawing
from monai_lungxfer.study.report.page import render_page
from monai_lungxfer.study.report.study_tables import study_tables
from monai_lungxfer.study.report.table import Table
from monai_lungxfer.utils.files import atomic_path

# Not in every report.
_ARMS = tuple(f"arms_{question}" for question in QUESTIONS)
OPTIONAL_TABLES = (*_ARMS, "arms", "curve", "curve_fit", "curve_choices", "retention", "native", "table3_general_test")
OPTIONAL_FIGURES = (*_ARMS, "arms", "curve", "layers", "losses_general", *IMAGE_FIGURES)


@dataclass(frozen=True)
class WrittenReport:
    """What was written: the page, the folders of tables and figures, and how many repetitions they tell of."""

    page: Path
    tables: Path
    figures: Path
    finished: int
    planned: int


def write_report(
    study: str | Path,
    out: str | Path | None = None,
    *,
    with_images: bool = False,
    data: str | Path | None = None,
    device: str = "auto",
) -> WrittenReport:
    """Write report.html, tables/ and figures/ of a study, finished or not, in place of those of an earlier report.

    Parameters
    ----------
    study : str or pathlib.Path
        Its folder.
    out : str or pathlib.Path, optional
        Where to; the default is the study's folder.
    with_images : bool
        Whether images of the independent half are shown. Without, none that an earlier report wrote is left.
    data, device
        See `draw_case_pictures`.

    Raises
    ------
    LungXferError
        When the folder holds no results, an image is missing, or a file cannot be written.
    """
    out = Path(study if out is None else out)
    results = StudyResults.read(study)
    analysis = Analysis(results)
    cases = choose_cases(results)
    pictures = draw_case_pictures(results, cases, data, device) if with_images else {}
    tables, drawings = study_tables(analysis), study_drawings(analysis)
    if pictures:
        drawings += [one for one in (draw_overlays(cases, pictures), draw_artifacts(cases, pictures)) if one]
    written = WrittenReport(out / "report.html", out / "tables", out / "figures", results.finished(), results.planned)
    _write_parts(written.tables, tables, OPTIONAL_TABLES)
    _write_parts(written.figures, drawings, OPTIONAL_FIGURES)
    with atomic_path(written.page) as temporary:
        temporary.write_text(render_page(analysis, tables, drawings, cases, pictures), encoding="utf-8")
    return written


def _write_parts(folder: Path, parts: Sequence[Table] | Sequence[Drawing], optional: Iterable[str]) -> None:
    """Remove what an earlier report wrote and this one does not have, and write tables or figures."""
    for name in set(optional).difference(part.name for part in parts):
        for suffix in parts[0].SUFFIXES:
            (folder / f"{name}.{suffix}").unlink(missing_ok=True)
    for part in parts:
        part.write(folder)


def study_drawings(analysis: Analysis) -> list[Drawing]:
    """Return every figure that shows no image of a patient, the most telling first."""
    results = analysis.results
    layers = draw_layers(results)
    return [
        draw_findings(analysis),
        draw_cases(analysis),
        *(draw_arms(analysis, question) for question in analysis.arms),
        *([draw_curve(analysis)] if len(analysis.curve) else []),
        *([layers] if layers else []),
        draw_areas(analysis),
        draw_calibration(analysis),
        *(draw_losses(results.epochs, step) for step in ("general", "portable") if step not in results.plan.given),
    ]

"""The report as files: tables, figures, and one HTML page in the style of the study's report."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from monai_lungxfer import __version__
from monai_lungxfer.features.analysis import FeatureAnalysis
from monai_lungxfer.features.domain_drawings import draw_patches, draw_probes, draw_scores, draw_units
from monai_lungxfer.features.layer_drawings import draw_alignment, draw_reuse, draw_similarity
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.statements import make_statements, make_tiles
from monai_lungxfer.features.tables import feature_tables
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.study.report.figures.style import Drawing
from monai_lungxfer.study.report.page import inline_svg, make_template
from monai_lungxfer.utils.files import write_text
from monai_lungxfer.utils.versions import environment

PAGE, TABLES, FIGURES = "features.html", "tables", "figures"
"""What is written into the output folder."""

LIMITS = """
Not a medical device. These are results of research; nothing here supports a diagnosis or a treatment.
A likeness of features does not prove that one network gains from the other.
The score orders donors by what can be measured before any training. Whether it foretells Dice has not been shown.
Networks that stem from one another are alike for that reason. Compare donors with one trained from scratch.
Features are averages over quarters of an image, or of sampled pixels: what is finer is not compared.
Objects and opacities are drawn by a program, so that they are the same in every domain. Real ones look different.
Intervals are of other patients from the same source; they say nothing about another hospital.
""".strip().splitlines()
"""What a reader must know before drawing conclusions."""


def feature_drawings(analysis: FeatureAnalysis) -> list[Drawing]:
    """Return every figure, the most telling first."""
    drawings = [
        draw_scores(analysis),
        draw_similarity(analysis),
        draw_alignment(analysis),
        draw_reuse(analysis),
        draw_probes(analysis),
        draw_units(analysis),
        draw_patches(analysis),
    ]
    return [drawing for drawing in drawings if drawing is not None]


def write_page(analysis: FeatureAnalysis, networks: Sequence[ComparedNetwork], out: Path) -> list[Path]:
    """Write the page, ``tables/`` and ``figures/`` into the output folder, and return the files.

    Raises
    ------
    OutputError
        When something cannot be written.
    """
    tables, drawings = feature_tables(analysis), feature_drawings(analysis)
    analysis.write_layers(out / TABLES)
    for table in tables:
        table.write(out / TABLES)
    for drawing in drawings:
        drawing.write(out / FIGURES)
    domains = [
        {
            "name": domain.name,
            "images": len(domain.records),
            "patients": len(set(domain.patients.tolist())),
            "skipped": len(domain.skipped),
        }
        for domain in analysis.domains
    ]
    template = make_template("monai_lungxfer.features", "features.html")
    text = template.render(
        version=__version__,
        today=date.today().isoformat(),
        notice=NOTICE,
        domains=domains,
        networks={network.label: describe_compared(network) for network in networks},
        tiles=make_tiles(analysis),
        statements=make_statements(analysis),
        drawings=[(drawing, inline_svg(drawing)) for drawing in drawings],
        tables=tables,
        environment=environment(),
        limits=LIMITS,
    )
    write_text(out / PAGE, text)
    written = [out / FIGURES / f"{drawing.name}.{end}" for drawing in drawings for end in Drawing.SUFFIXES]
    return [out / PAGE, *sorted((out / TABLES).glob("[!.]*")), *written]


def describe_compared(network: ComparedNetwork) -> str:
    """Return what a network is, for a reader: class, size of its input, and digits of its weights' SHA-256."""
    name = str(network.description["_target_"]).rpartition(".")[2]
    height, width = network.image_size
    weights = f"weights {network.sha256[:12]}" if network.weights is not None else f"random, seed {network.seed}"
    return f"{name}, {height} × {width}, {weights}"

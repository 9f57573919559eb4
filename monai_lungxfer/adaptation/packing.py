"""The adapted weights become a bundle with a model card of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_lungxfer import __version__
from monai_lungxfer.adaptation.outcome import AdaptationOutcome
from monai_lungxfer.adaptation.training import STAGE
from monai_lungxfer.bundle.files import METADATA, PAPER_WEIGHTS, WEIGHTS, bundle_metadata, export_bundle
from monai_lungxfer.checks.bundle.run import verify_bundle
from monai_lungxfer.export.weights import install_weights
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.registry.register import compile_weights
from monai_lungxfer.study.analysis.statistics import Interval
from monai_lungxfer.study.report.formatting import (
    interval_text,
    metric_decimals,
    metric_title,
    number_text,
    signed_text,
)
from monai_lungxfer.utils.files import hash_file, write_text
from monai_lungxfer.weights.bundle_facts import CARD
from monai_lungxfer.weights.sidecar import IMAGE_DIGITS

_LICENSES = Path("docs") / "data_license.txt"
_OWN = "Radiographs and masks of one's own, which the weights of this bundle were adapted to"
_SHOWN = ("DICE_HARD", "DICE", "HD95", "ASD", "ISLANDS", "BRIDGES")


def make_bundle(weights: Path, out: Path) -> Path:
    """Put weights into a copy of the portable bundle in `out`, with their pipeline, and return the copy's folder.

    Its card still has to be written: it tells of the weights that shipped.
    """
    bundle = export_bundle(STAGE.name, out, overwrite=True)
    shutil.rmtree((bundle / PAPER_WEIGHTS).parent, ignore_errors=True)
    install_weights(weights, bundle)
    compile_weights(bundle)
    return bundle


def write_card(bundle: Path, outcome: AdaptationOutcome, facts: Mapping[str, str]) -> None:
    """Write the model card, the metadata and the terms of a bundle of adapted weights.

    Parameters
    ----------
    facts : mapping
        What was adapted from what, in words, each with its title; no names and no paths.
    """
    digest = hash_file(bundle / WEIGHTS)[:IMAGE_DIGITS]
    write_text(bundle / CARD, _write_text(digest, outcome, facts))
    metadata = bundle_metadata(bundle)
    metadata |= {
        "name": "Lung segmentation, adapted to radiographs of one's own",
        "description": f"The portable model, adapted to one's own radiographs. {outcome.sentence}",
        "authors": "whoever adapted it",
        "copyright": "of whoever adapted it, and of the monai_lungxfer developers",
        "data_source": f"{facts['Images']}; before them those of {facts['Started from']}",
    }
    write_text(bundle / METADATA, json.dumps(metadata, indent=4, ensure_ascii=False) + "\n")
    licenses = bundle / _LICENSES
    before = licenses.read_text(encoding="utf-8")
    if _OWN not in before:
        write_text(licenses, f"{_OWN}: your own terms.\n\nThe weights before them:\n\n{before}")


def _write_text(digest: str, outcome: AdaptationOutcome, facts: Mapping[str, str]) -> str:
    told = "\n".join(f"| {title} | {text} |" for title, text in facts.items())
    notes = "\n".join(f"- {note}" for note in outcome.comparison.notes)
    return f"""# Lung segmentation, adapted to radiographs of one's own

**{outcome.sentence}** `models/model.pt` has SHA-256 `{digest}`.

**Not a medical device.** For research and for preparing annotations, not for diagnosis or treatment.

**Intended use**: frontal radiographs like those that it was adapted to. For others, the weights that ship are better
known.

**Not tried**: other devices, other hospitals, children, lateral views, masks of other conventions.

## How it was made

| | |
|---|---|
{told}
| Software | monai_lungxfer {__version__}, `lungxfer adapt` |

## How good it is

Measured on the locked images, which no training has seen, before and after the adaptation. The split is by patient.
Metrics are on the network's grid, before cleaning. The interval is Student's, over patients.

{_tabulate(outcome)}
{notes}

One training with one seed. Another one would differ a little.

{NOTICE}
"""


def _tabulate(outcome: AdaptationOutcome) -> str:
    lines = ["| metric | before | after | change | 95 % interval | n |", "|---|---|---|---|---|---|"]
    table = outcome.comparison.metrics.set_index("metric")
    for name in (name for name in _SHOWN if name in table.index):
        row: Any = table.loc[name]
        digits = metric_decimals(name)
        cells = (
            metric_title(name, str(row.unit)),
            number_text(float(row["first"]), digits),
            number_text(float(row["second"]), digits),
            signed_text(float(row.difference), digits),
            interval_text(Interval(float(row.low), float(row.high)), digits, signed=True),
            str(row.n),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def verify(bundle: Path) -> list[str]:
    """Return what ``lungxfer bundles verify`` finds wrong with a bundle, a sentence for each failed check."""
    return [f"{one.check}: {one.detail}" for one in verify_bundle(bundle) if one.status == "failed"]

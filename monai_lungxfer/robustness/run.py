"""A trial carried out: every image under every set of weights, interrupted and continued as one likes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.redaction import redact_weights
from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.data.datalist import data_root, load_datalist
from monai_lungxfer.data.groups import KEPT_FIELDS
from monai_lungxfer.data.records import Record, image_name
from monai_lungxfer.handlers.image_table import warn_of_learnt
from monai_lungxfer.robustness.design import Design
from monai_lungxfer.robustness.outcome import TrialOutcome
from monai_lungxfer.robustness.unit_journal import Key, UnitJournal
from monai_lungxfer.robustness.unit_runners import TrialUnit, UnitModel, UnitRunner, measure_here
from monai_lungxfer.robustness.write import PAGE, RESULTS, TOLD, list_metrics, write_results
from monai_lungxfer.study.execution.tracked_report import Track, track_nothing
from monai_lungxfer.utils.errors import InputFileError, LungXferError
from monai_lungxfer.utils.files import hash_file, remove_leftovers
from monai_lungxfer.utils.locks import lock_output
from monai_lungxfer.utils.progress import Advance, Begin, begin_silently
from monai_lungxfer.weights.learnt import find_learnt

logger = logging.getLogger(__name__)

_DIGITS = 12


@dataclass(frozen=True)
class TrialResult:
    """What became of a trial: the outcome of what was measured, how many units were skipped, and the page."""

    outcome: TrialOutcome
    skipped: int
    page: Path


def run_trial(
    weights: Sequence[str],
    data: str | Path,
    out: str | Path,
    design: Design,
    *,
    limit: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    device: str = "auto",
    threads: int | None = None,
    begin: Begin = begin_silently,
    run: UnitRunner = measure_here,
    track: Track = track_nothing,
) -> TrialResult:
    """Measure what objects do to networks, and write tables, figures and a page. Not a medical device.

    Images are read one at a time. An image that cannot be measured is reported in the log and skipped.

    Parameters
    ----------
    weights : sequence of str
        References as for `monai_lungxfer.bundle.references.resolve_weights`; a bundle brings its own `inference.yaml`.
    data : str or pathlib.Path
        A data set, as for `monai_lungxfer.data.datalist.load_datalist`; every image needs a mask.
    out : str or pathlib.Path
        The output folder, see `monai_lungxfer.robustness.write.write_results`.
    design : Design
        What is drawn.
    limit : int, optional
        The first so many images only.
    resume, overwrite : bool
        Whether units of an earlier run with this design are kept, or everything is replaced.
    device, threads
        As for `monai_lungxfer.inference.segmenter.Segmenter.from_bundle`.
    begin : callable
        Shows progress, see `monai_lungxfer.utils.progress.Begin`.
    run : callable
        Measures units; `monai_lungxfer.robustness.unit_runners.RayUnits` spreads them over a cluster.
    track : callable
        Logs the report, such as `monai_lungxfer.study.execution.tracked_report.ReportTracker`.

    Raises
    ------
    LungXferError
        Before any work when weights or data are missing, or results are in the way; in the end when nothing could be
        measured.
    """
    out = Path(out).expanduser().absolute()
    references = _label_weights(weights)
    units = list(_plan_units(list(references), data, limit))
    engine = "torch" if design.attribution else "auto"  # which has gradients
    models = {label: UnitModel(reference, device, threads, engine) for label, reference in references.items()}
    with lock_output(out):
        journal = UnitJournal(out, design)
        journal.open(resume=resume, overwrite=overwrite)
        for name in RESULTS:  # of an earlier run, which the results to come would contradict
            (out / name).unlink(missing_ok=True)
        with track(out) as log:
            keys: dict[int, Key] = {}
            advance = begin("Measuring", len(units))
            try:
                for label, model in models.items():
                    own = [unit for unit in units if unit.label == label]
                    keys |= _measure_units(own, model, journal, design, run, advance)
            finally:
                journal.close()
            if not keys:
                raise LungXferError("no image could be measured", source=data, remedy="The log says why of each")
            in_order = [keys[number] for number in sorted(keys)]
            outcome = write_results(journal.read(in_order), out, design, list(references), len(units) - len(keys))
            log(list_metrics(outcome), [out / name for name in TOLD if (out / name).is_file()])
        remove_leftovers([out / name for name in RESULTS])
    return TrialResult(outcome, len(units) - len(keys), out / PAGE)


def _label_weights(weights: Sequence[str]) -> dict[str, str]:
    """Return what weights are called in results, each with what a user calls them."""
    labels = {redact_weights(reference): reference for reference in weights if resolve_weights(reference)}
    if len(labels) < len(weights) or not labels:
        raise LungXferError("the same weights are named twice, or none", remedy="Give --weights once for each")
    return labels


def _plan_units(labels: Sequence[str], data: str | Path, limit: int | None) -> Iterator[TrialUnit]:
    """Yield the units, by weights, then image; patients are numbered, so that nothing says who they are."""
    records, root = load_datalist(data), data_root(data)
    patients = {patient: number for number, patient in enumerate(dict.fromkeys(one["patient"] for one in records), 1)}
    pairs = ((label, record) for label in labels for record in records[:limit])
    for number, (label, record) in enumerate(pairs):
        yield TrialUnit(number, label, record, image_name(record["image"], root), patients[record["patient"]])


def _measure_units(
    units: Sequence[TrialUnit],
    model: UnitModel,
    journal: UnitJournal,
    design: Design,
    run: UnitRunner,
    advance: Advance,
) -> dict[int, Key]:
    """Measure those units of one set of weights that are not in the journal, and return the keys of all that are."""
    segmenter = model.load()
    _warn_of_learnt(model.reference, [unit.record for unit in units])
    keys: dict[int, Key] = {}
    for unit in units:
        try:
            keys[unit.number] = " ".join(segmenter.identity.marks), unit.name, _hash_files(unit.record)
        except InputFileError as error:
            _report_skipped(unit, error)
    left = {unit.number: unit for unit in units if unit.number in keys and keys[unit.number] not in journal}
    advance(len(units) - len(left))
    for number, found in run(model, segmenter, list(left.values()), design):
        advance(1)
        if isinstance(found, InputFileError):
            _report_skipped(left[number], found)
            del keys[number]
        else:
            journal.add(keys[number], _describe(left[number]) | found)
    return keys


def _report_skipped(unit: TrialUnit, error: InputFileError) -> None:
    logger.error("%s was skipped (%s): %s", unit.name, unit.label, error.without_source)


def _warn_of_learnt(reference: str, records: Sequence[Record]) -> None:
    learnt = find_learnt(resolve_weights(reference), records)
    warn_of_learnt({"learnt": learnt, "images": len(records)})


def _hash_files(record: Record) -> str:
    """Return digits of the content of an image, its mask and its marks; raise InputFileError for what is missing."""
    paths = [str(record[key]) for key in ("image", "label", "ignore") if key in record]  # type: ignore[literal-required]
    try:
        return "-".join(hash_file(path)[:_DIGITS] for path in paths)
    except OSError as error:
        raise InputFileError(
            f"cannot be read ({error.strerror or error})", remedy="Restore the file, or remove its record"
        ) from error


def _describe(unit: TrialUnit) -> dict[str, Any]:
    facts = {field: unit.record.get(field) for field in (*KEPT_FIELDS, "ignore_fraction")}
    return {"weights": unit.label, "image": unit.name, "patient": unit.patient, **facts}

"""A trial carried out: every image under every set of weights, interrupted and continued as one likes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.bundle.redaction import redact_weights
from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.data.datalist import data_root, load_datalist
from monai_lungxfer.data.groups import KEPT_FIELDS
from monai_lungxfer.data.records import Record, image_name
from monai_lungxfer.handlers.image_table import warn_of_learnt
from monai_lungxfer.inference.segmenter import DEFAULT_BUNDLE, Segmenter
from monai_lungxfer.robustness.design import Design
from monai_lungxfer.robustness.measuring import measure_image
from monai_lungxfer.robustness.outcome import TrialOutcome
from monai_lungxfer.robustness.unit_journal import Key, UnitJournal
from monai_lungxfer.robustness.write import PAGE, RESULTS, write_results
from monai_lungxfer.utils.errors import BundleError, InputFileError, LungXferError
from monai_lungxfer.utils.files import hash_file, remove_leftovers
from monai_lungxfer.utils.locks import lock_output
from monai_lungxfer.utils.memory import is_out_of_memory, too_large
from monai_lungxfer.weights.learnt import find_learnt

logger = logging.getLogger(__name__)

_DIGITS = 12


@dataclass(frozen=True)
class Task:
    """One unit to be done: an image under a set of weights, by their label and by what a user calls them."""

    label: str
    reference: str
    record: Record
    name: str
    patient: int


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
    watch: Callable[[Sequence[Task]], Iterable[Task]] = iter,
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
    watch : callable
        Is given the tasks and yields them one by one, such as a progress bar.

    Raises
    ------
    LungXferError
        Before any work when weights or data are missing, or results are in the way; in the end when nothing could be
        measured.
    """
    out = Path(out).expanduser().absolute()
    tasks = _plan_tasks(weights, data, limit)
    with lock_output(out):
        journal = UnitJournal(out, design)
        journal.open(resume=resume, overwrite=overwrite)
        for name in RESULTS:  # of an earlier run, which the results to come would contradict
            (out / name).unlink(missing_ok=True)
        try:
            keys = list(_do_tasks(tasks, journal, design, watch, device, threads))
        finally:
            journal.close()
        if not keys:
            raise LungXferError("no image could be measured", source=data, remedy="The log says why of each")
        labels = [*dict.fromkeys(task.label for task in tasks)]
        outcome = write_results(journal.read(keys), out, design, labels, len(tasks) - len(keys))
        remove_leftovers([out / name for name in RESULTS])
    return TrialResult(outcome, len(tasks) - len(keys), out / PAGE)


def _plan_tasks(weights: Sequence[str], data: str | Path, limit: int | None) -> list[Task]:
    """List the units, by weights, then image; patients are numbered, so that nothing says who they are."""
    labels = {redact_weights(reference): reference for reference in weights if resolve_weights(reference)}
    if len(labels) < len(weights) or not labels:
        raise LungXferError("the same weights are named twice, or none", remedy="Give --weights once for each")
    records, root = load_datalist(data), data_root(data)
    patients = {patient: number for number, patient in enumerate(dict.fromkeys(one["patient"] for one in records), 1)}
    return [
        Task(label, reference, record, image_name(record["image"], root), patients[record["patient"]])
        for label, reference in labels.items()
        for record in records[:limit]
    ]


def _do_tasks(
    tasks: Sequence[Task],
    journal: UnitJournal,
    design: Design,
    watch: Callable[[Sequence[Task]], Iterable[Task]],
    device: str,
    threads: int | None,
) -> Iterator[Key]:
    """Yield the keys of the units that are there, after those that were not have been measured."""
    segmenter, loaded = None, ""
    for task in watch(tasks):
        if segmenter is None or task.label != loaded:
            engine = "torch" if design.attribution else "auto"  # which has gradients
            segmenter, loaded = load_segmenter(task.reference, device, threads, engine), task.label
            _warn_of_learnt(task, [one.record for one in tasks if one.label == task.label])
        try:
            key = " ".join(segmenter.identity.marks), task.name, _hash_files(task.record)
            if key not in journal:
                journal.add(key, _describe(task) | measure_image(segmenter, task.record, task.name, design))
            yield key
        except Exception as error:  # noqa: BLE001 - which is raised again unless it is one of two kinds
            logger.error("%s was skipped (%s): %s", task.name, task.label, _explain_skipped(error).without_source)


def _explain_skipped(error: Exception) -> InputFileError:
    """Return why an image is skipped; raise what is no image's fault."""
    if isinstance(error, InputFileError):
        return error
    if is_out_of_memory(error):
        return too_large(None)
    raise error


def load_segmenter(reference: str, device: str = "auto", threads: int | None = None, engine: str = "auto") -> Segmenter:
    """Load weights with the bundle that they are named by; others than a bundle's with the default bundle.

    The network computes in float32, so that weights are compared and not number formats.
    """
    how: dict[str, Any] = {"device": device, "threads": threads, "engine": engine}
    how["overrides"] = {"precision": "float32"}
    try:
        folder = bundle_path(reference)
    except BundleError:
        return Segmenter.from_bundle(DEFAULT_BUNDLE, weights=reference, **how)
    return Segmenter.from_bundle(folder, **how)


def _warn_of_learnt(task: Task, records: Sequence[Record]) -> None:
    learnt = find_learnt(resolve_weights(task.reference), records)
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


def _describe(task: Task) -> dict[str, Any]:
    facts = {field: task.record.get(field) for field in (*KEPT_FIELDS, "ignore_fraction")}
    return {"weights": task.label, "image": task.name, "patient": task.patient, **facts}

"""Segmenting many files: what is left to do, the journal, and the tables."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path

from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.inference.journal import JOURNAL_NAME, Journal
from monai_lungxfer.inference.outputs import OutputOptions, PlannedResult, check_results, plan
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import TABLE_NAMES, Prediction, save_tables
from monai_lungxfer.inference.task_run import segment_tasks
from monai_lungxfer.inference.trial import crashed, is_crash, try_one_by_one
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import remove_leftovers
from monai_lungxfer.utils.locks import lock_output

logger = logging.getLogger(__name__)

Runner = Callable[[Segmenter, Sequence[PlannedResult], Path, int], Iterator[Prediction]]
"""Does the tasks, in order, with results in a folder and so many radiographs in one pass of the network."""


# Whoever kills processes at random must hit the same file alone so often before it is skipped for that.
_MOST_TRIES = 2


def predict_files(
    segmenter: Segmenter,
    inputs: Sequence[InputFile],
    out_dir: str | Path,
    options: OutputOptions | None = None,
    *,
    batch_size: int = 4,
    jobs: int | None = None,
    overwrite: bool = False,
    resume: bool = False,
    on_done: Callable[[Prediction], None] | None = None,
    run: Runner | None = None,
    review: Mapping[str, str] | None = None,
) -> list[Prediction]:
    """Segment files, and write their masks, overlays and tables.

    Memory does not grow with the number of files, see `monai_lungxfer.inference.task_run.segment_tasks`. A file that
    cannot be read is skipped, and its row says why. So is, with `resume`, a file that has ended the process: those that
    were in work then are tried one by one in another process.

    Parameters
    ----------
    segmenter : Segmenter
        The inference core.
    inputs : sequence of InputFile
        From `monai_lungxfer.inference.inputs.find_inputs`.
    out_dir : str or pathlib.Path
        Receives ``NAME_mask.png`` (or ``.nii.gz``, ``.dcm``), ``NAME_overlay.png``, the tables `predictions.csv` and
        `predictions.json`, and the journal `predictions.jsonl`, with the sub-folders of the inputs.
    options : OutputOptions, optional
        Format of the masks, overlays.
    batch_size : int
        Radiographs in one pass of the network, in an engine that takes batches.
    jobs : int, optional
        Radiographs that another engine segments at the same time, by default one for each granted core.
    overwrite : bool
        Whether results that exist are replaced.
    resume : bool
        Whether inputs that an earlier run has segmented, by its journal, and that have not changed since, are left as
        they are.
    on_done : callable, optional
        Called with each `Prediction` as soon as its files are written, or were found written.
    run : callable, optional
        Where the work is done; by default here, by `segment_tasks`.
    review : mapping, optional
        What a person said of an earlier mask, by the name of the input, for the tables.

    Returns
    -------
    list of Prediction
        In the order of the inputs.

    Raises
    ------
    OutputError
        Before any work when results exist (without `overwrite`, or `resume` and a journal), would replace an input,
        or stem from another model; later when one cannot be written.
    LungXferError
        Before any work when another process writes into the folder.
    """
    out_dir = Path(out_dir).expanduser().absolute()
    tasks = plan(inputs, options := options or OutputOptions())
    with lock_output(out_dir):
        journal = Journal(out_dir, segmenter.identity, options, tasks)
        # Without a journal nothing says that the results are of an earlier run: they may be drawn by hand.
        begun = journal.path.is_file()
        may_replace = overwrite or (resume and begun)
        results = check_results(tasks, out_dir, (*TABLE_NAMES, JOURNAL_NAME), may_replace, resumable=begun)
        kept = journal.done() if resume else {}
        with _begun(journal, kept):
            kept = _among(tasks, kept)
            kept |= _retried(segmenter, [task for task in tasks if task.item.name not in kept], out_dir, journal)
            left = [task for task in tasks if task.item.name not in kept]
            if run is None:
                made = segment_tasks(segmenter, journal.noted(left), out_dir, batch_size, jobs)
            else:  # whoever does the work elsewhere looks after files that end a process
                made = run(segmenter, left, out_dir, batch_size)
            made_in_order = _in_order(tasks, kept, made, journal, on_done)
            predictions = [replace(each, review=(review or {}).get(each.file)) for each in made_in_order]
        save_tables(predictions, segmenter.identity, out_dir)
        remove_leftovers(results)  # of a worker, or of an earlier run, that was killed
    return predictions


@contextmanager
def _begun(journal: Journal, kept: Mapping[str, Prediction]) -> Iterator[None]:
    """Open the journal, and remove the tables of an earlier run, which the results to come would contradict.

    Files that are in work when the block ends stay suspects if the error is none that was expected.
    """
    journal.open(kept)
    try:
        for name in TABLE_NAMES:
            (journal.path.parent / name).unlink(missing_ok=True)
        yield
    except (LungXferError, KeyboardInterrupt, SystemExit):
        journal.acquit()
        raise
    finally:
        journal.close()


def _among(tasks: Sequence[PlannedResult], kept: Mapping[str, Prediction]) -> dict[str, Prediction]:
    """Return what is kept of the inputs, and tell of the rest, and of files that are left alone."""
    names = {task.item.name for task in tasks}
    if others := len(kept.keys() - names):
        logger.info("Results of other inputs that stay in the folder, but not in the tables: %d", others)
    for name in (name for name, prediction in kept.items() if name in names and is_crash(prediction)):
        logger.warning("%s was skipped again: it has ended a process before, and has not changed", name)
    return {name: prediction for name, prediction in kept.items() if name in names}


def _retried(
    segmenter: Segmenter, left: Sequence[PlannedResult], out_dir: Path, journal: Journal
) -> dict[str, Prediction]:
    """Try the files that were in work when an earlier run died, one by one; one of them may be why it did."""
    tries = journal.suspects
    tasks = [task for task in left if task.item.name in tries]
    again = [task for task in tasks if tries[task.item.name] < _MOST_TRIES]
    if tasks:
        logger.warning("Files that were in work when the last run was ended, and are tried one by one: %d", len(tasks))
    guilty = [crashed(task, "each time that it was tried") for task in tasks if task not in again]
    made = try_one_by_one(segmenter, again, out_dir, lambda task: journal.note(task, tries[task.item.name] + 1))
    tried = {}
    for prediction in chain(guilty, made):
        journal.add(prediction)
        tried[prediction.file] = prediction
    return tried


def _in_order(
    tasks: Sequence[PlannedResult],
    kept: Mapping[str, Prediction],
    made: Iterator[Prediction],
    journal: Journal,
    on_done: Callable[[Prediction], None] | None,
) -> Iterator[Prediction]:
    for task in tasks:
        prediction = kept.get(task.item.name)
        if prediction is None:
            prediction = next(made)
            journal.add(prediction)
        if on_done is not None:
            on_done(prediction)
        yield prediction

"""Segmenting many files: reading ahead, one batch after the other, results on the disk."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path

from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.inference.journal import JOURNAL_NAME, Journal
from monai_lungxfer.inference.outputs import OutputOptions, PlannedResult, check_results, plan
from monai_lungxfer.inference.segmentation import PreparedRadiograph, Segmentation
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import TABLE_NAMES, Prediction, save_tables
from monai_lungxfer.utils.allocator import return_freed_memory
from monai_lungxfer.utils.errors import InputFileError, ViewError
from monai_lungxfer.utils.files import remove_leftovers
from monai_lungxfer.utils.locks import lock_output

logger = logging.getLogger(__name__)

Runner = Callable[[Segmenter, Sequence[PlannedResult], Path, int], Iterator[Prediction]]
"""Does the tasks, in order, with results in a folder and so many radiographs in one pass of the network."""

# Each worker holds one radiograph at its native size; what they hand on is small.
_WORKERS = 2

# Often enough that memory stays flat, and so seldom that it takes no time.
_BATCHES_UNTIL_MEMORY_RETURNS = 16


def predict_files(
    segmenter: Segmenter,
    inputs: Sequence[InputFile],
    out_dir: str | Path,
    options: OutputOptions | None = None,
    *,
    batch_size: int = 4,
    overwrite: bool = False,
    resume: bool = False,
    on_done: Callable[[Prediction], None] | None = None,
    run: Runner | None = None,
) -> list[Prediction]:
    """Segment files, and write their masks, overlays and tables.

    Files are read and preprocessed ahead of the network in two threads, and only their small forms wait, so memory
    does not grow with the number of files. A file that cannot be read is skipped, and its row says why.

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
        Radiographs in one pass of the network.
    overwrite : bool
        Whether results that exist are replaced.
    resume : bool
        Whether inputs that an earlier run has segmented, by its journal, and that have not changed since, are left as
        they are.
    on_done : callable, optional
        Called with each `Prediction` as soon as its files are written, or were found written.
    run : callable, optional
        Where the work is done; by default here, by `segment_tasks`.

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
        replace = overwrite or (resume and begun)
        results = check_results(tasks, out_dir, (*TABLE_NAMES, JOURNAL_NAME), replace, resumable=begun)
        kept = journal.done() if resume else {}
        journal.open(kept)
        try:
            left = [task for task in tasks if task.item.name not in kept]
            made = (run or segment_tasks)(segmenter, left, out_dir, batch_size)
            predictions = list(_in_order(tasks, kept, made, journal, on_done))
        finally:
            journal.close()
        save_tables(predictions, segmenter.identity, out_dir)
        remove_leftovers(results)  # of a worker, or of an earlier run, that was killed
    return predictions


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


def segment_tasks(
    segmenter: Segmenter, tasks: Sequence[PlannedResult], out_dir: Path, batch_size: int
) -> Iterator[Prediction]:
    """Do the tasks in this process: read ahead, segment a batch, write its results, and yield what became of each."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            ahead = _loaded_ahead(pool, segmenter, tasks, 2 * batch_size)
            for number in count(1):
                if not (batch := list(islice(ahead, batch_size))):
                    return
                yield from _batch_done(segmenter, batch, out_dir)
                if number % _BATCHES_UNTIL_MEMORY_RETURNS == 0:
                    return_freed_memory()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _loaded_ahead(
    pool: ThreadPoolExecutor, segmenter: Segmenter, tasks: Iterable[PlannedResult], ahead: int
) -> Iterator[tuple[PlannedResult, PreparedRadiograph | InputFileError]]:
    """Yield what was loaded, in order, while the pool loads up to `ahead` files more."""
    waiting: deque[tuple[PlannedResult, Future[PreparedRadiograph | InputFileError]]] = deque()
    remaining = iter(tasks)
    while True:
        for task in islice(remaining, ahead - len(waiting)):
            waiting.append((task, pool.submit(_load, segmenter, task)))
        if not waiting:
            return
        task, future = waiting.popleft()
        yield task, future.result()


def _load(segmenter: Segmenter, task: PlannedResult) -> PreparedRadiograph | InputFileError:
    """Return what is kept of a radiograph, or why it is not segmented."""
    item = task.item
    if item.left_out is not None:
        return ViewError(item.left_out, source=item.path)
    try:
        radiograph = segmenter.load(item.path, name=item.name, any_view=item.any_view, picture=task.overlay is not None)
        task.check(radiograph)
    except InputFileError as error:
        return error
    return radiograph


def _batch_done(
    segmenter: Segmenter, batch: Sequence[tuple[PlannedResult, PreparedRadiograph | InputFileError]], out_dir: Path
) -> Iterator[Prediction]:
    segmentations = segmenter.run([loaded for _, loaded in batch if isinstance(loaded, PreparedRadiograph)])
    for task, loaded in batch:
        if isinstance(loaded, InputFileError):
            yield _not_done(task, loaded)
            continue
        segmentation = next(segmentations)
        try:
            task.write(segmentation, out_dir)
        except InputFileError as error:
            yield _not_done(task, error)
        else:
            yield _done(task, segmentation)


def _not_done(task: PlannedResult, error: InputFileError) -> Prediction:
    if isinstance(error, ViewError):
        return Prediction(file=task.item.name, status="left out", reason=error.problem)
    # Without the path of the file, which the row gives relative to the inputs.
    logger.warning("%s was skipped: %s", task.item.name, error.without_source)
    return Prediction(file=task.item.name, status="skipped", reason=error.without_source)


def _done(task: PlannedResult, segmentation: Segmentation) -> Prediction:
    height, width = segmentation.mask.shape
    return Prediction(
        file=task.item.name,
        mask=task.mask,
        overlay=task.overlay,
        width=width,
        height=height,
        spacing=segmentation.spacing,
        spacing_source=segmentation.radiograph.spacing_source,
        measurements=segmentation.measurements,
        flags=segmentation.flags,
        remarks=segmentation.remarks,
    )

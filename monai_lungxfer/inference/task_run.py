"""Carrying out tasks in this process: reading ahead, one batch after the other, results on the disk."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from monai_lungxfer.inference.outlines import draw_outline
from monai_lungxfer.inference.outputs import PlannedResult
from monai_lungxfer.inference.segmentation import PreparedRadiograph, Segmentation
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.utils.allocator import return_freed_memory
from monai_lungxfer.utils.errors import InputFileError, ViewError
from monai_lungxfer.utils.memory import is_out_of_memory, too_large
from monai_lungxfer.utils.threads import granted_cores

logger = logging.getLogger(__name__)

# Each holds one radiograph at its native size; what they hand on is small.
_READERS = 2

# Often enough that memory stays flat, and so seldom that it takes no time.
_FILES_UNTIL_MEMORY_RETURNS = 64

_T = TypeVar("_T")

_Loaded = tuple[PlannedResult, PreparedRadiograph | InputFileError]


def segment_tasks(
    segmenter: Segmenter, tasks: Iterable[PlannedResult], out_dir: Path, batch_size: int, jobs: int | None = None
) -> Iterator[Prediction]:
    """Do the tasks in this process, and yield what became of each, in order.

    An engine that is faster for several images at once gets batches, whose files are read ahead in two threads. Any
    other does so many `jobs` at a time, each from the file to its results; by default one for each granted core. A file
    that cannot be read, that does not fit into memory at any step, or that was replaced meanwhile is skipped.
    """
    takes_batches = segmenter.engine.takes_batches
    workers = _READERS if takes_batches else jobs or granted_cores()
    with ThreadPoolExecutor(workers) as pool:
        try:
            made = (
                _in_batches(pool, segmenter, tasks, out_dir, batch_size)
                if takes_batches
                else _ahead(pool, partial(_from_file_to_results, segmenter, out_dir=out_dir), tasks, 2 * workers)
            )
            for number, prediction in enumerate(made, start=1):
                yield prediction
                if number % _FILES_UNTIL_MEMORY_RETURNS == 0:
                    return_freed_memory()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _from_file_to_results(segmenter: Segmenter, task: PlannedResult, out_dir: Path) -> Prediction:
    (prediction,) = _batch_done(segmenter, [(task, _load(segmenter, task))], out_dir)
    return prediction


def _in_batches(
    pool: ThreadPoolExecutor, segmenter: Segmenter, tasks: Iterable[PlannedResult], out_dir: Path, size: int
) -> Iterator[Prediction]:
    loaded = _ahead(pool, lambda task: (task, _load(segmenter, task)), tasks, 2 * size)
    while batch := list(islice(loaded, size)):
        yield from _batch_done(segmenter, batch, out_dir)


def _ahead(
    pool: ThreadPoolExecutor, work: Callable[[PlannedResult], _T], tasks: Iterable[PlannedResult], ahead: int
) -> Iterator[_T]:
    """Yield what the work on each task gave, in order, while the pool does up to `ahead` tasks more."""
    waiting: deque[Future[_T]] = deque()
    remaining = iter(tasks)
    while True:
        waiting.extend(pool.submit(work, task) for task in islice(remaining, ahead - len(waiting)))
        if not waiting:
            return
        yield waiting.popleft().result()


def _load(segmenter: Segmenter, task: PlannedResult) -> PreparedRadiograph | InputFileError:
    """Return what is kept of a radiograph, or why it is not segmented."""
    item = task.item
    if item.left_out is not None:
        return ViewError(item.left_out, source=item.path)
    try:
        radiograph = segmenter.load(item.path, name=item.name, any_view=item.any_view, picture=task.overlay is not None)
        task.check(radiograph)
    except Exception as error:  # noqa: BLE001 - which is raised again unless it is one of two kinds
        return _as_skipped(error, item.path)
    return radiograph


def _as_skipped(error: Exception, path: Path | None) -> InputFileError:
    """Return why a file is skipped, without the frames that hold its pixels; raise what is no file's fault."""
    if not isinstance(error, InputFileError):
        if not is_out_of_memory(error):
            raise error
        return too_large(path)
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


def _batch_done(segmenter: Segmenter, batch: Sequence[_Loaded], out_dir: Path) -> Iterator[Prediction]:
    answers = iter(_inferred(segmenter, [loaded for _, loaded in batch if isinstance(loaded, PreparedRadiograph)]))
    for task, loaded in batch:
        if isinstance(loaded, InputFileError):
            yield _not_done(task, loaded)
        elif isinstance(answer := next(answers), InputFileError):
            yield _not_done(task, answer)
        else:
            yield _written(segmenter, task, loaded, answer, out_dir)


def _inferred(segmenter: Segmenter, ready: Sequence[PreparedRadiograph]) -> list[Any]:
    """Pass a batch through the network; one by one where memory is too small for all, and none where it is for one."""
    try:
        return list(segmenter.infer(ready))
    except Exception as error:
        if not is_out_of_memory(error):
            raise
    if len(ready) == 1:
        return [too_large(ready[0].source)]
    return [answer for one in ready for answer in _inferred(segmenter, [one])]


def _written(
    segmenter: Segmenter, task: PlannedResult, loaded: PreparedRadiograph, answer: Any, out_dir: Path
) -> Prediction:
    try:
        segmentation = segmenter.finish(loaded, answer)
        prediction = _done(task, segmentation)  # measured before anything is written
        task.write(segmentation, out_dir)
    except Exception as error:  # noqa: BLE001 - as in `_load`
        return _not_done(task, _as_skipped(error, task.item.path))
    return prediction


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
        report=task.report,
        presentation=task.presentation,
        width=width,
        height=height,
        spacing=segmentation.spacing,
        spacing_source=segmentation.radiograph.spacing_source,
        measurements=segmentation.measurements,
        flags=segmentation.flags,
        remarks=segmentation.remarks,
        raw_outline=draw_outline(segmentation.raw) if segmentation.measurements.cleaned else None,
    )

"""Carrying out tasks in this process: reading ahead, one batch after the other, results on the disk."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count, islice
from pathlib import Path

import torch

from monai_lungxfer.inference.outputs import PlannedResult
from monai_lungxfer.inference.segmentation import PreparedRadiograph, Segmentation
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.utils.allocator import return_freed_memory
from monai_lungxfer.utils.errors import InputFileError, ViewError
from monai_lungxfer.utils.memory import is_out_of_memory, too_large

logger = logging.getLogger(__name__)

# Each worker holds one radiograph at its native size; what they hand on is small.
_WORKERS = 2

# Often enough that memory stays flat, and so seldom that it takes no time.
_BATCHES_UNTIL_MEMORY_RETURNS = 16

_Loaded = tuple[PlannedResult, PreparedRadiograph | InputFileError]


def segment_tasks(
    segmenter: Segmenter, tasks: Iterable[PlannedResult], out_dir: Path, batch_size: int
) -> Iterator[Prediction]:
    """Do the tasks in this process: read ahead, segment a batch, write its results, and yield what became of each.

    A file that cannot be read, that does not fit into memory at any step, or that was replaced meanwhile is skipped.
    """
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
) -> Iterator[_Loaded]:
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


def _inferred(segmenter: Segmenter, ready: Sequence[PreparedRadiograph]) -> list[torch.Tensor | InputFileError]:
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
    segmenter: Segmenter, task: PlannedResult, loaded: PreparedRadiograph, logits: torch.Tensor, out_dir: Path
) -> Prediction:
    try:
        segmentation = segmenter.finish(loaded, logits)
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
        width=width,
        height=height,
        spacing=segmentation.spacing,
        spacing_source=segmentation.radiograph.spacing_source,
        measurements=segmentation.measurements,
        flags=segmentation.flags,
        remarks=segmentation.remarks,
    )

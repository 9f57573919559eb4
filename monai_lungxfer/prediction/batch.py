"""Segmenting many files: reading ahead, one batch after the other, results on the disk."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.radiograph import read_radiograph
from monai_lungxfer.errors import InputFileError, OutputError
from monai_lungxfer.prediction.inputs import InputFile, output_stems
from monai_lungxfer.prediction.masks import MASK_SUFFIXES, save_mask
from monai_lungxfer.prediction.overlay import save_overlay, thumbnail
from monai_lungxfer.prediction.quality import flags_of, measure
from monai_lungxfer.prediction.segmenter import Prepared, Segmentation, Segmenter
from monai_lungxfer.prediction.tables import TABLE_NAMES, Prediction, save_tables
from monai_lungxfer.prediction.traits import ImageTraits, traits_of

__all__ = ["predict_files"]

logger = logging.getLogger(__name__)

# Each worker holds one radiograph at its native size; what they hand on is small.
_WORKERS = 2


@dataclass(frozen=True)
class _Task:
    """One input, and the names of its results relative to the output folder."""

    item: InputFile
    mask: str
    overlay: str | None

    @property
    def results(self) -> list[str]:
        return [self.mask] if self.overlay is None else [self.mask, self.overlay]


@dataclass(frozen=True)
class _Loaded:
    """What is kept of a radiograph after it was read: its small forms."""

    prepared: Prepared
    spacing_source: str | None
    traits: ImageTraits
    picture: NDArray[np.uint8] | None


def predict_files(
    segmenter: Segmenter,
    inputs: Sequence[InputFile],
    out_dir: str | Path,
    *,
    mask_format: str = "png",
    overlay: bool = False,
    batch_size: int = 4,
    overwrite: bool = False,
    on_done: Callable[[Prediction], None] | None = None,
) -> list[Prediction]:
    """Segment files, and write their masks, overlays and tables.

    Files are read and preprocessed ahead of the network in two threads, and only their small forms wait, so memory
    does not grow with the number of files. A file that cannot be read is skipped, and its row says why.

    Parameters
    ----------
    segmenter : Segmenter
        The inference core.
    inputs : sequence of InputFile
        From `monai_lungxfer.prediction.inputs.find_inputs`.
    out_dir : str or pathlib.Path
        Receives ``NAME_mask.png`` or ``NAME_mask.nii.gz``, ``NAME_overlay.png``, and the tables `predictions.csv`
        and `predictions.json`, with the sub-folders of the inputs.
    mask_format : {"png", "nifti"}
        See `monai_lungxfer.prediction.masks.save_mask`.
    overlay : bool
        Whether to write pictures of the radiographs with the lungs' contour.
    batch_size : int
        Radiographs in one pass of the network.
    overwrite : bool
        Whether results that exist are replaced.
    on_done : callable, optional
        Called with each `Prediction` as soon as its files are written.

    Returns
    -------
    list of Prediction
        In the order of the inputs.

    Raises
    ------
    OutputError
        Before any work when results exist (without `overwrite`), or would replace an input; later when one cannot
        be written.
    """
    out_dir = Path(out_dir).absolute()
    tasks = _planned(inputs, mask_format, overlay)
    _check_results(tasks, out_dir, overwrite)
    predictions = []
    with ThreadPoolExecutor(_WORKERS) as pool:
        try:
            ahead = _loaded_ahead(pool, segmenter, tasks, 2 * batch_size)
            while batch := list(islice(ahead, batch_size)):
                for prediction in _batch_done(segmenter, batch, out_dir):
                    predictions.append(prediction)
                    if on_done is not None:
                        on_done(prediction)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    save_tables(predictions, segmenter.identity, out_dir)
    return predictions


def _planned(inputs: Sequence[InputFile], mask_format: str, overlay: bool) -> list[_Task]:
    suffix = MASK_SUFFIXES[mask_format]
    return [
        _Task(item, f"{stem}_mask{suffix}", f"{stem}_overlay.png" if overlay else None)
        for item, stem in zip(inputs, output_stems(inputs), strict=True)
    ]


def _check_results(tasks: Sequence[_Task], out_dir: Path, overwrite: bool) -> None:
    if out_dir.exists() and not out_dir.is_dir():
        raise OutputError("this is a file, not a folder", source=out_dir, remedy="Choose another folder (--out)")
    results = [out_dir / name for task in tasks for name in task.results] + [out_dir / name for name in TABLE_NAMES]
    inputs = {task.item.path for task in tasks}
    for result in results:
        if result in inputs:
            raise OutputError("it is an input, and would be replaced", source=result, remedy="Choose another folder")
    existing = [] if overwrite else [result for result in results if result.exists()]
    if existing:
        raise OutputError(
            f"{len(existing)} of the {len(results)} results exist already, {existing[0].name} to begin with",
            source=out_dir,
            remedy="Choose another folder (--out), or allow them to be replaced (--overwrite)",
        )


def _loaded_ahead(
    pool: ThreadPoolExecutor, segmenter: Segmenter, tasks: Iterable[_Task], ahead: int
) -> Iterator[tuple[_Task, _Loaded | InputFileError]]:
    """Yield what was loaded, in order, while the pool loads up to `ahead` files more."""
    waiting: deque[tuple[_Task, Future[_Loaded | InputFileError]]] = deque()
    remaining = iter(tasks)
    while True:
        for task in islice(remaining, ahead - len(waiting)):
            waiting.append((task, pool.submit(_load, segmenter, task)))
        if not waiting:
            return
        task, future = waiting.popleft()
        yield task, future.result()


def _load(segmenter: Segmenter, task: _Task) -> _Loaded | InputFileError:
    try:
        radiograph = read_radiograph(task.item.path)
        prepared = segmenter.prepare(radiograph)
    except InputFileError as error:
        return error
    picture = None if task.overlay is None else thumbnail(radiograph.pixels)
    return _Loaded(prepared, radiograph.spacing_source, traits_of(radiograph), picture)


def _batch_done(
    segmenter: Segmenter, batch: Sequence[tuple[_Task, _Loaded | InputFileError]], out_dir: Path
) -> Iterator[Prediction]:
    segmentations = segmenter.run([loaded.prepared for _, loaded in batch if isinstance(loaded, _Loaded)])
    for task, loaded in batch:
        if isinstance(loaded, InputFileError):
            # Without the path of the file, which the row gives relative to the inputs.
            reason = f"{loaded.problem}. {loaded.remedy}." if loaded.remedy else f"{loaded.problem}."
            logger.warning("%s was skipped: %s", task.item.name, reason)
            yield Prediction(file=task.item.name, error=reason)
        else:
            yield _written(task, loaded, next(segmentations), out_dir)


def _written(task: _Task, loaded: _Loaded, segmentation: Segmentation, out_dir: Path) -> Prediction:
    save_mask(out_dir / task.mask, segmentation.mask, segmentation.spacing)
    if task.overlay is not None and loaded.picture is not None:
        save_overlay(out_dir / task.overlay, loaded.picture, segmentation.mask)
    measurements = measure(segmentation.mask, segmentation.probability, segmentation.spacing, segmentation.raw)
    height, width = segmentation.mask.shape
    return Prediction(
        file=task.item.name,
        mask=task.mask,
        overlay=task.overlay,
        width=width,
        height=height,
        spacing=segmentation.spacing,
        spacing_source=loaded.spacing_source,
        measurements=measurements,
        flags=flags_of(measurements, loaded.traits),
    )

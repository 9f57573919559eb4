"""The threads of a DICOM node that segment radiographs, by the one inference core."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from monai_lungxfer.inference.dicom.results import dicom_results
from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.inference.outputs import OutputOptions, PlannedResult
from monai_lungxfer.inference.segmentation import Segmentation
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.trial import is_crash, try_one_by_one
from monai_lungxfer.serving.dicom.journal import NodeJournal
from monai_lungxfer.serving.dicom.journal_rows import NodeRow
from monai_lungxfer.serving.dicom.settings import Results
from monai_lungxfer.serving.dicom.spool import SpoolFolder
from monai_lungxfer.utils.allocator import return_freed_memory
from monai_lungxfer.utils.errors import InputFileError, LungXferError, OutputError, ViewError
from monai_lungxfer.utils.memory import is_out_of_memory, too_large
from monai_lungxfer.utils.temporary import scratch_folder

logger = logging.getLogger(__name__)

SegmenterSource = Callable[[], Segmenter]
"""Returns the model that is in service now; called for each radiograph."""

_PATIENCE = 5.0  # seconds until the journal is asked again when nobody has told of a radiograph
_FILES_UNTIL_MEMORY_RETURNS = 64
_MOST_INTERRUPTIONS = 2  # then a radiograph is tried in another process first
_CRASHED = "the process that worked on it was ended each time"


class WorkerPool:
    """Threads that take radiographs from the journal, and leave their results in the spool.

    Parameters
    ----------
    spool, journal : SpoolFolder, NodeJournal
        Where radiographs and results are, and noted.
    source : callable
        Returns the segmenter in service.
    results : Results
        What is made of a radiograph.
    destinations : iterable of str
        Names of those that shall get the results.
    on_results : callable
        Called when there are results to deliver.
    jobs : int
        Number of threads.
    """

    def __init__(
        self,
        spool: SpoolFolder,
        journal: NodeJournal,
        source: SegmenterSource,
        results: Results,
        destinations: Iterable[str],
        *,
        on_results: Callable[[], object],
        jobs: int,
    ) -> None:
        self._spool, self._journal, self._source = spool, journal, source
        self._results, self._destinations, self._on_results = results, tuple(destinations), on_results
        self._work = threading.Semaphore(0)
        self._stopping = threading.Event()
        self._batches = threading.Lock()  # an engine that takes batches uses all cores for one radiograph
        self._done = 0
        self._threads = [threading.Thread(target=self._run, name=f"worker-{n}", daemon=True) for n in range(jobs)]

    def start(self) -> None:
        """Begin to work."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Tell that there is a radiograph to segment."""
        self._work.release()

    @property
    def jobs(self) -> int:
        """The number of threads that should work."""
        return len(self._threads)

    @property
    def alive(self) -> int:
        """The number of threads that work."""
        return sum(thread.is_alive() for thread in self._threads)

    def stop(self) -> None:
        """Finish the radiographs in work, and take no more."""
        self._stopping.set()
        for _ in self._threads:
            self._work.release()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                rows = self._journal.claim()
            except OutputError as error:  # the journal's disk is full, or gone
                logger.error("no radiograph can be taken up: %s", error.problem)
                rows = []
                self._stopping.wait(_PATIENCE)
            for row in rows:
                self._segment(row)
            if not rows:
                self._work.acquire(timeout=_PATIENCE)

    def _segment(self, row: NodeRow) -> None:
        """Segment a radiograph, and note what became of it, however long the journal cannot be written."""
        try:
            self._try(row)
        except ViewError as error:
            self._fail(row, error.problem, left_out=True)
        except InputFileError as error:
            self._fail(row, error.without_source)
        except LungXferError as error:  # of the disk, the model or the installation, and no fault of the radiograph
            logger.error("radiograph %d cannot be segmented yet, it is tried again: %s", row.number, error.problem)
            self._note(partial(self._journal.release, row.number))
            self._stopping.wait(_PATIENCE)
        except Exception as error:  # a fault in one radiograph must not end the work on all others
            if is_out_of_memory(error):
                self._fail(row, too_large(None).without_source)
            else:
                logger.exception("radiograph %d", row.number)
                self._fail(row, f"an unexpected error ({type(error).__name__}), see the log")

    def _try(self, row: NodeRow) -> None:
        segmenter, path = self._source(), self._spool.radiograph(row.file)
        name = f"radiograph {row.number}"
        if row.interruptions >= _MOST_INTERRUPTIONS and not self._survives(segmenter, path, name):
            raise InputFileError(_CRASHED, remedy="Export it anew, or smaller")
        kinds = self._results.kinds
        prepared = segmenter.load(path, name=name, any_view=self._results.any_view, picture="overlay" in kinds)
        prepared.dicom_source()  # or there can be no results
        with self._turn(segmenter):
            found = next(segmenter.run([prepared]))
        if self._results.strict:
            _refuse_flagged(found)
        revision = row.content if row.version > 1 else ""
        self._spool.write_results(row.number, dicom_results(found, kinds, sides=self._results.sides, revision=revision))
        self._journal.finish(
            row.number, model=str(segmenter.identity), flags=found.flags, destinations=self._destinations
        )
        self._on_results()
        logger.info("radiograph %d was segmented; flags: %s", row.number, ", ".join(found.flags) or "none")
        self._return_memory()

    def _turn(self, segmenter: Segmenter) -> AbstractContextManager[object]:
        return self._batches if segmenter.engine.takes_batches else nullcontext()

    def _survives(self, segmenter: Segmenter, path: Path, name: str) -> bool:
        """Tell whether a process of its own survives a radiograph that was in work when this one was ended, twice."""
        logger.warning("%s was in work when the node was ended, twice; it is tried in a process of its own", name)
        try:
            with scratch_folder() as folder:
                task = PlannedResult(InputFile(path, name, any_view=True), "mask.png", None, OutputOptions())
                (prediction,) = try_one_by_one(segmenter, [task], folder, lambda _: None)
        except OSError as error:  # no space for temporary files, or no memory for a process
            raise OutputError(f"no process can be started for it ({error.strerror})") from error
        return not is_crash(prediction)

    def _fail(self, row: NodeRow, reason: str, *, left_out: bool = False) -> None:
        logger.warning("radiograph %d was %s: %s", row.number, "left out" if left_out else "not segmented", reason)
        self._note(partial(self._journal.fail, row.number, reason, left_out=left_out))

    def _note(self, change: Callable[[], None]) -> None:
        while True:
            try:
                return change()
            except OutputError as error:
                logger.error("the journal cannot be written, it is tried again: %s", error.problem)
                if self._stopping.wait(_PATIENCE):
                    return None

    def _return_memory(self) -> None:
        self._done += 1
        if self._done % _FILES_UNTIL_MEMORY_RETURNS == 0:
            return_freed_memory()


def _refuse_flagged(found: Segmentation) -> None:
    """Leave a radiograph out, by a ViewError, that does not look like one."""
    try:
        found.refuse_flagged()
    except InputFileError as error:
        raise ViewError(error.problem) from None

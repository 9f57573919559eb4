"""Segmenting many files: what is left to do, the journal, and the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.inference.journal import JOURNAL_NAME, Journal
from monai_lungxfer.inference.outputs import OutputOptions, PlannedResult, check_results, plan
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import TABLE_NAMES, Prediction, save_tables
from monai_lungxfer.inference.task_run import segment_tasks
from monai_lungxfer.utils.files import remove_leftovers
from monai_lungxfer.utils.locks import lock_output

Runner = Callable[[Segmenter, Sequence[PlannedResult], Path, int], Iterator[Prediction]]
"""Does the tasks, in order, with results in a folder and so many radiographs in one pass of the network."""


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

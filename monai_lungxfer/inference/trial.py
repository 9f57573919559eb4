"""Trying files one by one in a process of its own, which a file may end without ending the run."""

from __future__ import annotations

import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monai_lungxfer.inference.outputs import PlannedResult
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.inference.tables import Prediction, restore_prediction
from monai_lungxfer.inference.task_run import segment_tasks
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.log_redaction import withhold_library_messages
from monai_lungxfer.utils.threads import threads_in_use, use_threads

logger = logging.getLogger(__name__)

CRASHED = "the process that worked on it alone was ended"
"""How the reason begins for which a file is skipped that has ended a process."""

_REMEDY = "Export it anew, or smaller. Unchanged, it is not tried again in this folder"
_COMMAND = "from monai_lungxfer.inference.trial import answer_parent; answer_parent()"


def crashed(task: PlannedResult, how: str) -> Prediction:
    """Return the row of a file that has ended the process that worked on it, and warn of it."""
    reason = f"{CRASHED} ({how}). {_REMEDY}."
    logger.warning("%s was skipped: %s", task.item.name, reason)
    return Prediction(file=task.item.name, status="skipped", reason=reason)


def is_crash(prediction: Prediction) -> bool:
    """Tell whether a file was skipped because it has ended a process."""
    return prediction.status == "skipped" and (prediction.reason or "").startswith(CRASHED)


def try_one_by_one(
    segmenter: Segmenter, tasks: Sequence[PlannedResult], out_dir: Path, on_begin: Callable[[PlannedResult], None]
) -> Iterator[Prediction]:
    """Do tasks one by one in another process, and yield what became of each, in order.

    A file that ends the process is skipped, and a new process does the rest. Where none can be started, the work is
    done in this one. `on_begin` is called before each task. OutputError is raised when a result cannot be written.
    """
    left = deque(tasks)
    while left:
        is_ready = False
        with _process(segmenter, left, out_dir) as process:
            for said in _answers(process):
                if is_ready:
                    yield _restored(said, left.popleft())
                is_ready = True
                if left:
                    on_begin(left[0])
            ended = None if process is None else process.wait()
        if not is_ready or ended is None:
            break
        if left:
            yield crashed(left.popleft(), _described(ended))
    for task in left:
        on_begin(task)
        yield from segment_tasks(segmenter, [task], out_dir, 1)


@contextmanager
def _process(
    segmenter: Segmenter, tasks: Sequence[PlannedResult], out_dir: Path
) -> Iterator[subprocess.Popen[bytes] | None]:
    """Start a process that does the tasks, or give ``None``; it ends with the block, or with this process."""
    try:
        work = pickle.dumps((segmenter, list(tasks), out_dir, threads_in_use()))
    except Exception:  # a bundle may have parts of one's own that cannot be sent, which raise anything
        logger.debug("The segmenter cannot be sent to another process", exc_info=True)
        yield None
        return
    with subprocess.Popen(  # noqa: S603 - this interpreter, and a constant
        [sys.executable, "-c", _COMMAND],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # where libraries in C write what they find in a file
        start_new_session=True,  # Ctrl-C is for this process, and would look like a crash there
    ) as process:
        try:
            if process.stdin is not None:
                with suppress(BrokenPipeError):
                    process.stdin.write(work)
                    process.stdin.flush()
            yield process
        finally:
            process.kill()


def _answers(process: subprocess.Popen[bytes] | None) -> Iterator[dict[str, Any]]:
    for line in () if process is None or process.stdout is None else process.stdout:
        if line.endswith(b"\n"):  # or it was ended within a line
            yield json.loads(line)


def _restored(said: dict[str, Any], task: PlannedResult) -> Prediction:
    """Return the row that a process has told, and log what it would have logged."""
    if "output_error" in said:
        problem, source, remedy = said["output_error"]
        raise OutputError(problem, source=source, remedy=remedy)
    prediction = restore_prediction(said)
    for remark in prediction.remarks:
        logger.warning("%s: %s", task.item.name, remark)
    if prediction.status == "skipped":
        logger.warning("%s was skipped: %s", task.item.name, prediction.reason)
    return prediction


def _described(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def answer_parent() -> None:
    """Do, in the process of `try_one_by_one`, what standard input asks for; one line of JSON answers each task."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)  # what libraries print is no answer
        withhold_library_messages()
        segmenter, tasks, out_dir, threads = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the parent process
        threading.Thread(target=_end_with_parent, daemon=True).start()
        if threads is not None:
            use_threads(threads)
        print("{}", file=answers, flush=True)  # ready
        for task in tasks:
            try:
                (prediction,) = segment_tasks(segmenter, [task], out_dir, 1)
                said: dict[str, Any] = asdict(prediction)
            except OutputError as error:
                said = {"output_error": (error.problem, error.source, error.remedy)}
            print(json.dumps(said), file=answers, flush=True)


def _end_with_parent() -> None:
    """End this process as soon as the parent has gone, and with it the other end of standard input."""
    sys.stdin.buffer.read()
    os._exit(1)

"""The journal of a run over many files, from which an interrupted run goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from monai_lungxfer.inference.measurements import Measurements
from monai_lungxfer.inference.outputs import OutputOptions, PlannedResult
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.inference.tables import Prediction
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import atomic_path, unwritable

JOURNAL_NAME = "predictions.jsonl"

_Stamp = tuple[int, int]
_STAMP = ("input_size", "input_mtime_ns")


class Journal:
    """A file in the output folder with one line a radiograph, written as soon as its results are.

    The line above them says by which model, and with which options. The sizes and times of the tasks' inputs are taken
    now, before any is read, so that one which changes meanwhile is done again.
    """

    def __init__(
        self, folder: Path, identity: ModelIdentity, options: OutputOptions, tasks: Sequence[PlannedResult] = ()
    ) -> None:
        self.path = folder / JOURNAL_NAME
        self._head = {"format": "monai_lungxfer journal 2", "model": asdict(identity), "options": asdict(options)}
        self._tasks = {task.item.name: task for task in tasks}
        self._results = {name.casefold() for task in tasks for name in task.results}
        self._stamps = {task.item.name: _file_stamp(task.item.path) for task in tasks}
        self._file: IO[str] | None = None

    def done(self) -> dict[str, Prediction]:
        """Return what an earlier run has segmented, by the name of the input; its results must still be there.

        The input must be the same file by its size and time, since another folder may hold another image of that name,
        and its results must have the names that are planned now, since added inputs may have taken them.
        What was skipped or left out is to be tried again: the file may have been mended since. OutputError is raised
        when that run used another model or other options, or the file is no journal.
        """
        try:
            lines = self._lines()
            is_ours = not lines or _with_defaults(lines[0]) == json.loads(json.dumps(self._head))
            kept = self._kept(lines[1:]) if is_ours else None
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # it may be any JSON
            raise OutputError(
                "is no journal, or is damaged", source=self.path, remedy="Start afresh with --overwrite"
            ) from error
        if kept is None:
            raise OutputError(
                "was begun with another model or other options",
                source=self.path,
                remedy="Repeat the options of the first run, choose another folder, or start afresh with --overwrite",
            )
        return kept

    def _kept(self, lines: Sequence[Mapping[str, Any]]) -> dict[str, Prediction]:
        kept = {}
        for line in lines:
            prediction, stamp = _restored(line)
            if prediction.status != "done" or stamp is None or not self._has_results(prediction):
                continue
            # What is no input this time keeps its stamp as well, for a later run to compare.
            if self._stamps.setdefault(prediction.file, stamp) == stamp:
                kept[prediction.file] = prediction
        return kept

    def _lines(self) -> list[dict[str, Any]]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        whole = text[: text.rfind("\n") + 1]  # a power cut may have left half a line
        return [json.loads(line) for line in whole.split("\n")[:-1]]

    def _has_results(self, prediction: Prediction) -> bool:
        """Tell whether results are there, and named as they are planned now."""
        names = [name for name in (prediction.mask, prediction.overlay) if name is not None]
        if not all((self.path.parent / name).is_file() for name in names):
            return False
        task = self._tasks.get(prediction.file)
        if task is not None:
            return names == task.results
        # What is no input this time keeps its line, unless its results are about to be replaced.
        return not any(name.casefold() in self._results for name in names)

    def open(self, kept: Mapping[str, Prediction]) -> None:
        """Begin the file anew, with what is kept of an earlier run, which a crash in between does not lose."""
        lines = [self._head, *map(self._values, kept.values())]
        with atomic_path(self.path) as temporary:
            temporary.write_text("".join(map(_as_line, lines)), encoding="utf-8")
        try:
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def add(self, prediction: Prediction) -> None:
        """Write a line, which a killed process leaves behind; OutputError is raised when it cannot be written."""
        if self._file is None:
            raise RuntimeError("open() comes before add()")
        try:
            self._file.write(_as_line(self._values(prediction)))
            self._file.flush()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def close(self) -> None:
        """Close the file, which stays for a later `--resume` with more inputs."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _values(self, prediction: Prediction) -> dict[str, Any]:
        stamp = self._stamps.get(prediction.file) or (None, None)
        return asdict(prediction) | dict(zip(_STAMP, stamp, strict=True))


def _file_stamp(path: Path) -> _Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None  # which is reported when it is read
    return status.st_size, status.st_mtime_ns


def _with_defaults(head: Mapping[str, Any]) -> dict[str, Any]:
    """Return a first line with the options that earlier versions did not have."""
    return {**head, "options": asdict(OutputOptions()) | head["options"]}


def _as_line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


def _restored(line: Mapping[str, Any]) -> tuple[Prediction, _Stamp | None]:
    values = dict(line)
    size, time = (values.pop(name, None) for name in _STAMP)  # journals of earlier versions have none
    if values["measurements"] is not None:
        values["measurements"] = Measurements(**values["measurements"])
    values["spacing"] = None if values["spacing"] is None else tuple(values["spacing"])
    values["flags"] = tuple(values["flags"])
    values["remarks"] = tuple(values.get("remarks", ()))  # likewise
    return Prediction(**values), None if size is None or time is None else (size, time)

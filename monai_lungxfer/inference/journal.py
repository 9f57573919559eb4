"""The journal of a run over many files, from which an interrupted run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

from monai_lungxfer.inference.input_facts import InputFacts
from monai_lungxfer.inference.outputs import OutputOptions, PlannedResult
from monai_lungxfer.inference.segmentation import ModelIdentity
from monai_lungxfer.inference.tables import Prediction, restore_prediction
from monai_lungxfer.inference.trial import is_crash
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import atomic_path, unwritable
from monai_lungxfer.utils.json_files import parse_json

JOURNAL_NAME = "predictions.jsonl"

_IN_WORK = "in_work"


class Journal:
    """A file in the output folder with one line a radiograph, written as soon as its results are.

    The line above them says by which model, and with which options. What is told of the tasks' inputs (size, time, …)
    is taken now, before any is read, so that one which changes meanwhile is done again. Further lines name the files
    that are in work: those without a result at the end are `suspects`, since one of them may have ended the process.
    """

    def __init__(
        self, folder: Path, identity: ModelIdentity, options: OutputOptions, tasks: Sequence[PlannedResult] = ()
    ) -> None:
        self.path = folder / JOURNAL_NAME
        self.suspects: dict[str, int] = {}
        """Names of files that were in work when the process died, and how often each was then tried alone."""
        self._head = {"format": "monai_lungxfer journal 2", "model": asdict(identity), "options": asdict(options)}
        self._tasks = {task.item.name: task for task in tasks}
        self._results = {name.casefold() for task in tasks for name in task.results}
        self._facts = {task.item.name: InputFacts.look(task.item.path) for task in tasks}
        self._in_work: set[str] = set()
        self._file: IO[str] | None = None

    def done(self) -> dict[str, Prediction]:
        """Return what an earlier run has segmented, by the name of the input; its results must still be there.

        The input must be the same file, by `InputFacts`, since another folder may hold another image of that name,
        and its results must have the names that are planned now, since added inputs may have taken them.
        What was skipped or left out is to be tried again: the file may have been mended since. A file that has ended a
        process is not, unless it has changed. OutputError is raised when that run used another model or other options,
        or the file is no journal.
        """
        try:
            lines = _read_lines(self.path)
            is_ours = not lines or _with_defaults(lines[0]) == json.loads(json.dumps(self._head))
            kept = self._kept(lines[1:]) if is_ours else None
        except (AttributeError, KeyError, TypeError, ValueError) as error:  # it may be any JSON
            raise OutputError(
                "is not a journal, or is damaged", source=self.path, remedy="Start afresh with --overwrite"
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
            if _IN_WORK in line:
                self._suspect(line[_IN_WORK])
                continue
            facts, values = InputFacts.split(line)
            prediction = restore_prediction(values)
            self.suspects.pop(prediction.file, None)
            if self._is_kept(prediction, facts):
                kept[prediction.file] = prediction
        return kept

    def _suspect(self, noted: Mapping[str, int | None]) -> None:
        for name, tries in noted.items():
            if tries is None:
                self.suspects.pop(name, None)
            else:
                self.suspects[name] = int(tries)

    def _is_kept(self, prediction: Prediction, facts: InputFacts) -> bool:
        if not (is_crash(prediction) or (prediction.status == "done" and self._has_results(prediction))):
            return False
        task = self._tasks.get(prediction.file)
        if not facts.is_known or (task is not None and not facts.fit(self._facts[prediction.file], task.item.path)):
            return False
        # What is no input this time keeps what is told of it as well, for a later run to compare.
        now = facts if task is None else self._facts[prediction.file]
        self._facts[prediction.file] = replace(now, input_sample=facts.input_sample)
        return True

    def _has_results(self, prediction: Prediction) -> bool:
        """Tell whether results are there, and named as they are planned now."""
        names = prediction.results
        if not all((self.path.parent / name).is_file() for name in names):
            return False
        task = self._tasks.get(prediction.file)
        if task is not None:
            return names == task.results
        # What is no input this time keeps its line, unless its results are about to be replaced.
        return not any(name.casefold() in self._results for name in names)

    def open(self, kept: Mapping[str, Prediction]) -> None:
        """Begin the file anew, with what is kept of an earlier run, which a crash in between does not lose."""
        lines = [self._head, *map(self._values, kept.values()), *([{_IN_WORK: self.suspects}] if self.suspects else [])]
        with atomic_path(self.path) as temporary:
            temporary.write_text("".join(map(_as_line, lines)), encoding="utf-8")
        try:
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise unwritable(self.path, error) from error

    def noted(self, tasks: Sequence[PlannedResult]) -> Iterator[PlannedResult]:
        """Yield tasks, each of which is noted as in work when its turn comes."""
        for task in tasks:
            self.note(task)
            yield task

    def note(self, task: PlannedResult, tries: int = 0) -> None:
        """Note that a file is in work, and how often it was tried alone, this time included."""
        self._in_work.add(task.item.name)
        self._write({_IN_WORK: {task.item.name: tries}})

    def add(self, prediction: Prediction) -> None:
        """Write a line, which a killed process leaves behind; OutputError is raised when it cannot be written."""
        self._in_work.discard(prediction.file)
        task = self._tasks.get(prediction.file)
        if task is not None and (prediction.status == "done" or is_crash(prediction)):
            self._facts[prediction.file] = self._facts[prediction.file].sampled(task.item.path)
        self._write(self._values(prediction))

    def _write(self, values: Mapping[str, Any]) -> None:
        if self._file is None:
            raise RuntimeError("open() comes before add()")
        try:
            self._file.write(_as_line(values))
            self._file.flush()
        except OSError as error:
            raise unwritable(self.path, error) from error

    def acquit(self) -> None:
        """Take back the notes of what is in work: the run ends for a reason that no file has given.

        What was a suspect before stays one, as often tried as before.
        """
        if self._in_work:
            self._write({_IN_WORK: {name: self.suspects.get(name) for name in sorted(self._in_work)}})

    def close(self) -> None:
        """Close the file, which stays for a later `--resume` with more inputs."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _values(self, prediction: Prediction) -> dict[str, Any]:
        facts = self._facts.get(prediction.file) or InputFacts()
        return asdict(prediction) | facts.as_values()


def kept_texts(path: Path, key: str) -> dict[str, str]:
    """Return what a journal tells by a key, by the names of the radiographs; empty where there is none to read.

    The key is ``raw_outline`` of `Prediction`, or ``input_sample`` of `InputFacts`.
    """
    try:
        lines = [line for line in _read_lines(path)[1:] if _IN_WORK not in line]
        found = {line["file"]: line.get(key) for line in lines}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _read_lines(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    whole = text[: text.rfind("\n") + 1]  # a power cut may have left half a line
    return [parse_json(line) for line in whole.split("\n")[:-1]]


def _with_defaults(head: Mapping[str, Any]) -> dict[str, Any]:
    """Return a first line with what earlier versions did not have."""
    added = {"options": asdict(OutputOptions()), "model": {"base_sha256": None}}
    return {**head, **{name: values | head[name] for name, values in added.items()}}


def _as_line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"

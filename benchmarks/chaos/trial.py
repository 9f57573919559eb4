"""One fault: the command is disturbed, started again, and its results are compared with undisturbed ones."""

from __future__ import annotations

import shutil
import time
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from chaos.commands import COMMANDS, Command
from chaos.faults import FAULTS, Fault, Trial, own_disk
from chaos.outcome import Difference, Record, broken_files, compare_outcomes, read_outcome
from chaos.process import TIME_LIMIT, Counter, End, on_write

_NO_CRASH = ("Traceback (most recent call last)", "Unexpected error")
_THERE_ALREADY = ("already", "there is no version 'candidate'")  # a champion is no candidate any more


@dataclass(frozen=True)
class Usual:
    """An undisturbed run: its results, its length, its changes to the disk, and the bytes that it leaves."""

    records: list[Record]
    seconds: float
    writes: int
    size: int


@dataclass
class Verdict:
    """What became of a fault; all numbers but the first and the last should be 0.

    Attributes
    ----------
    name : str
        Command, fault and number, by which it can be repeated.
    lost, doubled, wrong, leftovers : int
        See `chaos.outcome.Difference`.
    untold : int
        Processes that ended with another code than documented, or with a traceback.
    stuck : int
        1 when the command did not end well when it was started again.
    seconds : float
        Of everything.
    notes : list of str
        All of this in words.
    """

    name: str
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    leftovers: int = 0
    untold: int = 0
    stuck: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether the fault did no harm."""
        return not (self.lost or self.doubled or self.wrong or self.leftovers or self.untold or self.stuck)

    def add(self, found: Difference) -> None:
        """Add what differs."""
        for name in ("lost", "doubled", "wrong", "leftovers"):
            setattr(self, name, getattr(self, name) + getattr(found, name))
        self.notes += found.notes


def run_undisturbed(command: Command, inputs: Path, folder: Path, url: str) -> Usual:
    """Run a command without a fault, in a folder that is kept for the commands that begin with its results.

    RuntimeError is raised when it fails.
    """
    place = folder / command.name
    place.mkdir(parents=True)
    command.prepare(place, inputs, folder)
    before, counter = _size(place), Counter()
    log = folder / "log.txt"
    trial = Trial(command, place, url, np.random.default_rng(0))
    end = trial.start(prepare=lambda: on_write(lambda _: _count(counter))).wait()
    if end.code != 0:
        raise RuntimeError(f"{command.name} ends with {end.code} without a fault: {end.text}")
    log.unlink(missing_ok=True)
    return Usual(read_outcome(place), end.seconds, max(counter.value, 1), max(_size(place) - before, 1))


def _count(counter: Counter) -> None:
    counter.add()


def run_trial(name: str, seed: int, usual: Usual, inputs: Path, undisturbed: Path, slot: Path, url: str) -> Verdict:
    """Carry out one fault, by its name, in a slot whose content is deleted before and after."""
    began = time.monotonic()
    command, fault, _ = name.split("/")
    shutil.rmtree(slot, ignore_errors=True)
    place = slot / "place"
    place.mkdir(parents=True)
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    trial = Trial(COMMANDS[command], place, url, rng, usual.seconds, usual.writes, usual.size)
    verdict = Verdict(name)
    with own_disk(place) if FAULTS[fault].own_disk else nullcontext():
        trial.command.prepare(place, inputs, undisturbed)
        _disturb(trial, FAULTS[fault], usual, verdict)
        _start_again(trial, verdict)
        wanted = usual.records if FAULTS[fault].tracked else _untracked(usual.records)
        found = read_outcome(place, tracked=FAULTS[fault].tracked)
        verdict.add(compare_outcomes(wanted, found, repeatable=trial.command.repeatable))
    shutil.rmtree(slot, ignore_errors=True)
    verdict.seconds = time.monotonic() - began
    return verdict


def _disturb(trial: Trial, fault: Fault, usual: Usual, verdict: Verdict) -> None:
    for number, end in enumerate(fault.disturb(trial)):
        verdict.notes.append(f"disturbed: exit code {end.code} after {end.seconds:.1f} s{_last_line(end)}")
        crashed = any(text in end.text for text in _NO_CRASH)
        if end.code not in fault.codes or crashed or end.seconds > TIME_LIMIT:
            verdict.untold += 1
            verdict.notes.append(f"not as documented: process {number + 1}\n{end.text[-2000:]}")
    halves = [*broken_files(trial.place), *_wrong_masks(trial, usual)]
    verdict.wrong += len(halves)
    verdict.notes += halves
    for mend in trial.mends:
        mend()


def _wrong_masks(trial: Trial, usual: Usual) -> Iterator[str]:
    """Yield masks, after the fault and before the restart, that are neither the right ones nor of a file put there."""
    if not trial.command.replaceable:
        return
    right = {name: value for name, _, value in usual.records if "_mask." in name and name.startswith("out/")}
    allowed = {name: {value} for name, value in right.items()}
    if trial.swapped is not None:
        victim, other = ({n for n in right if Path(n).name.startswith(f"{stem}_")} for stem in trial.swapped)
        for name in victim:
            allowed[name] |= {right[n] for n in other}
    for name, _, value in read_outcome(trial.place, tracked=False):
        if name in allowed and value not in allowed[name]:
            yield f"the mask of another picture: {name}"


def _start_again(trial: Trial, verdict: Verdict) -> None:
    """Do what a user does: start it again, and once more if all is there already."""
    end = trial.start(*trial.command.again).wait()
    refused = end.code == 2 and any(text in end.text for text in _THERE_ALREADY)
    if refused and trial.command.replacing:
        end = trial.start(*trial.command.replacing).wait()
        refused = False
    if end.code != 0 and not refused:
        verdict.stuck = 1
        verdict.notes.append(f"started again: exit code {end.code}{_last_line(end)}")


def _untracked(records: list[Record]) -> list[Record]:
    return [record for record in records if not record[0].endswith(".db") or record[1] == record[2] == ""]


def _last_line(end: End) -> str:
    lines = end.text.strip().splitlines()
    return f": {lines[-1][:200]}" if lines and end.code != 0 else ""


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

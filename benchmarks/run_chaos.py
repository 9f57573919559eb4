"""Disturb every command that writes, start it again, and compare its results with those of an undisturbed run.

    python benchmarks/run_chaos.py --work DIR [--faults 200] [--seed 0] [--only 'train/*']

Each fault hits a command that runs in a folder of its own: SIGKILL, SIGTERM or SIGINT at a random moment, SIGKILL at
one of its writes, signals while MLflow's database is made, the same command twice, a full disk, a limit of memory, and
an input that vanishes, is cut, or becomes another. Then the command is started again as a user would. Prints a table
and, for each fault that did harm, what it did and how to repeat it; ends with 1 if there was any.

Commands are forked from a process that has imported everything, so they start at once. Linux only. As root, a full disk
is a small one that is mounted; else it is a limit on the size of files.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from chaos.commands import COMMANDS
from chaos.faults import FAULTS
from chaos.inputs import publish, write_inputs
from chaos.process import warm_up
from chaos.servers import serving
from chaos.trial import Usual, Verdict, run_trial, run_undisturbed

__all__ = ["chosen_faults", "print_table", "run_faults"]

_COLUMNS = ("lost", "doubled", "wrong", "leftovers", "untold", "stuck")


def chosen_faults(number: int, seed: int = 0, only: Sequence[str] = ("*",)) -> list[str]:
    """Return the names of faults, ``COMMAND/FAULT/NUMBER``: each kind once before any comes again.

    Parameters
    ----------
    number : int
        How many.
    seed : int
        Of the order.
    only : sequence of str
        Patterns of commands and faults, such as ``train/*``; when none fits, the list is empty.
    """
    kinds = [
        f"{command.name}/{name}"
        for command in COMMANDS.values()
        for name, fault in FAULTS.items()
        if fault.applies(command) and any(fnmatch(f"{command.name}/{name}", pattern) for pattern in only)
    ]
    np.random.default_rng(seed).shuffle(kinds)
    rounds = range(-(-number // max(len(kinds), 1)))
    return [f"{kind}/{repetition}" for repetition in rounds for kind in kinds][:number]


def run_faults(names: Sequence[str], work: Path, seed: int = 0, jobs: int = 2) -> Iterator[Verdict]:
    """Yield what became of each fault as soon as it is known. `work` must be empty or missing."""
    needed = {name.split("/")[0] for name in names}
    needed |= {begun for name in needed if (begun := COMMANDS[name].begun) is not None}
    warm_up(COMMANDS[name].arguments[0] for name in needed)
    work = work.absolute()
    inputs, undisturbed = work / "inputs", work / "undisturbed"
    inputs.mkdir(parents=True)
    context = multiprocessing.get_context("fork")
    drawing = context.Process(target=write_inputs, args=(inputs,))
    drawing.start()
    drawing.join()
    publish(inputs)
    with serving(inputs) as url, ProcessPoolExecutor(jobs, context) as pool:
        usual = _usual_runs(pool, needed, inputs, undisturbed, url)
        run = partial(_run_in_slot, seed=seed, inputs=inputs, undisturbed=undisturbed, work=work, url=url)
        waiting = [pool.submit(run, name, usual=usual[name.split("/")[0]]) for name in names]
        try:
            for future in as_completed(waiting):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _usual_runs(
    pool: ProcessPoolExecutor, needed: set[str], inputs: Path, undisturbed: Path, url: str
) -> dict[str, Usual]:
    """Run each command once without a fault; those that begin with another's results come last."""
    usual: dict[str, Usual] = {}
    for late in (False, True):
        group = [
            command for name, command in COMMANDS.items() if name in needed and (command.begun is not None) == late
        ]
        runs = {one.name: pool.submit(run_undisturbed, one, inputs, undisturbed, url) for one in group}
        usual |= {name: future.result() for name, future in runs.items()}
    return usual


def _run_in_slot(name: str, *, work: Path, **given: object) -> Verdict:
    return run_trial(name, slot=work / f"slot-{os.getpid()}", **given)  # type: ignore[arg-type]


def print_table(verdicts: Sequence[Verdict]) -> None:
    """Print the table by command and by fault, as Markdown, and what the harmful faults did."""
    for place, title in enumerate(("command", "fault")):
        groups: dict[str, list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            groups[verdict.name.split("/")[place]].append(verdict)
        print(f"\n| {title} | tried | {' | '.join(_COLUMNS)} | seconds |\n|---|---:|{'---:|' * len(_COLUMNS)}---:|")
        for name, group in [*sorted(groups.items()), ("all", list(verdicts))]:
            cells = [len(group), *(sum(getattr(one, column) for one in group) for column in _COLUMNS)]
            print(f"| {name} | {' | '.join(map(str, cells))} | {sum(one.seconds for one in group):.0f} |")


def main() -> None:
    """Run the faults, print the table, and end with 1 if any did harm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="an empty folder, which is deleted in the end")
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", metavar="PATTERN", help="of COMMAND/FAULT; may be repeated")
    parser.add_argument("--repeat", metavar="COMMAND/FAULT/NUMBER", help="one fault of another call with this seed")
    parser.add_argument("--jobs", type=int, default=2, help="faults at the same time")
    parser.add_argument("--out", type=Path, help="all verdicts as JSON")
    given = parser.parse_args()
    began, verdicts = time.monotonic(), []
    names = [given.repeat] if given.repeat else chosen_faults(given.faults, given.seed, given.only or ("*",))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Terminated"))  # so that servers and disks are taken away
    for verdict in run_faults(names, given.work, given.seed, given.jobs):
        verdicts.append(verdict)
        print(f"{len(verdicts)} of {len(names)}: {verdict.name}, {verdict.seconds:.0f} s", file=sys.stderr)
        if not verdict.is_clean:
            print(f"{verdict.name}:", *verdict.notes, sep="\n  ", flush=True)
    shutil.rmtree(given.work)
    print_table(verdicts)
    print(f"\n{len(verdicts)} faults in {(time.monotonic() - began) / 60:.1f} minutes, seed {given.seed}")
    if given.out is not None:
        given.out.write_text(json.dumps([asdict(one) for one in verdicts], indent=1), encoding="utf-8")
    if not all(verdict.is_clean for verdict in verdicts):
        sys.exit("Some faults did harm; repeat one by its name: --repeat 'COMMAND/FAULT/NUMBER'")


if __name__ == "__main__":
    main()

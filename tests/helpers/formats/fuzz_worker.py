"""One process that feeds files to the reader until it is done, or until one of them kills it.

`scripts/fuzz_reader.py` starts it and finds out which.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from random import Random

from process_limits import limit_memory, limit_time, memory

__all__ = ["ENGINES", "MEMORY_GB", "SECONDS", "work"]

SECONDS = 20
"""What one input may take of the processor."""

MEMORY_GB = 2
"""Address space that is left to a worker once everything is imported."""

ENGINES = ("seeded", "meaning", "atheris") if find_spec("atheris") else ("seeded", "meaning")
"""How inputs are made. "meaning" breaks headers of one DICOM radiograph, and compares what is read with its pixels."""

_LONGEST_INPUT = 60_000
_INSTRUMENTED = ("monai_lungxfer.io", "PIL", "pydicom", "nibabel")


def work(name: str, engine: str, seed: int, done: int, count: int, folder: Path) -> None:
    """Read inputs `done` to `count` of a format, and append a line for each to the log."""
    if engine == "atheris":
        import atheris

        with atheris.instrument_imports(include=list(_INSTRUMENTED)):
            test = _prepared(name, engine, folder)
        _by_atheris(test, name, seed + done, count - done, folder)
        return
    test = _prepared(name, engine, folder)
    make = _maker(name, engine)
    for number in range(done, count):
        test(make(Random(f"{seed}-{name}-{number}")))


def _maker(name: str, engine: str) -> Callable[[Random], bytes]:
    """Return what makes an input of what is random."""
    if engine == "meaning":
        from fuzz_meaning import broken_header

        return broken_header
    from fuzz_mutations import mutated
    from fuzz_seeds import seeds

    return partial(mutated, name, seeds(name))


def _judge(engine: str) -> Callable[[Path], str]:
    """Return what reads an input and says what came of it."""
    if engine == "meaning":
        from fuzz_meaning import end_of

        return end_of
    from fuzz_outcome import outcome

    return outcome


def _by_atheris(test: Callable[[bytes], None], name: str, seed: int, runs: int, folder: Path) -> None:
    import atheris
    from fuzz_bytes import battered
    from fuzz_mutations import mutated
    from fuzz_seeds import seeds

    def mutate(data: bytes, longest: int, number: int) -> bytes:
        random = Random(number)
        match random.randrange(4):
            case 0:
                return mutated(name, seeds(name), random)[:longest]
            case 1:
                return battered(data, random.choice(seeds(name)), random)[:longest]
        return atheris.Mutate(data, longest)

    corpus = folder / f"corpus-{name}"
    corpus.mkdir(exist_ok=True)
    for number, content in enumerate(seeds(name)):
        (corpus / f"seed-{number}").write_bytes(content)
    # The supervisor watches over time, memory and crashes, for every engine alike.
    off = [f"-handle_{signal_name}=0" for signal_name in ("segv", "bus", "abrt", "ill", "fpe", "xfsz")]
    limits = [f"-runs={runs}", f"-seed={seed + 1}", f"-max_len={_LONGEST_INPUT}", "-timeout=0", "-rss_limit_mb=0"]
    limits.append(f"-artifact_prefix={folder}/")
    atheris.Setup([sys.argv[0], *off, *limits, str(corpus)], test, custom_mutator=mutate)
    atheris.Fuzz()


def _prepared(name: str, engine: str, folder: Path) -> Callable[[bytes], None]:
    """Import and warm up everything, then set the limits; return what reads one input and notes what came of it."""
    from fuzz_seeds import seeds

    judge = _judge(engine)
    file = folder / f"{name}-{engine}.input"
    for content in (b"of no format", *seeds(name)):
        file.write_bytes(content)
        judge(file)
    file.unlink()
    logging.disable(logging.CRITICAL)
    limit_memory(MEMORY_GB)
    faulthandler.enable(file.with_suffix(".crash").open("w"))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # of what libtiff, libpng and Rust say
    return partial(_read, file, judge)


def _read(file: Path, judge: Callable[[Path], str], data: bytes) -> None:
    from fuzz_outcome import FindingError

    file.write_bytes(data)
    limit_time(SECONDS)
    before, start = memory("VmRSS", reset=True), time.process_time()
    try:
        result = judge(file)
    except FindingError as error:
        result = f"finding: {' '.join(str(error).split())[:500]}"
    for kind, kept in {"finding": "findings", "read silently wrong": "silent"}.items():
        if result.startswith(kind):
            (file.parent / kept).mkdir(exist_ok=True)
            (file.parent / kept / f"{file.stem}-{time.time_ns()}").write_bytes(data)
    taken, used = time.process_time() - start, memory("VmHWM") - before
    limit_time(0)
    with file.with_suffix(".log").open("a") as lines:
        lines.write(f"{1000 * taken:.1f}\t{used / 1000:.1f}\t{result}\n")

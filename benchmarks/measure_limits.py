"""What reading costs at the most: the largest pictures that are read, and the files that ask for more.

    python benchmarks/measure_limits.py [--only WORD ...]

Writes every file into a temporary folder, reads it in a process of its own, and prints two tables. Takes minutes, and
2 GB of memory. Linux only.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers" / "formats"))
from bombs import BOMBS
from largest import LARGEST
from process_limits import memory

from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.allocator import return_freed_memory
from monai_lungxfer.utils.errors import InputFileError

__all__ = ["measured"]

_TITLES = ("file", "its size, MB", "result", "s", "memory, MB")


def measured(path: Path) -> tuple[str, ...]:
    """Read a file in a child process; return the size, the result, the processor's seconds, and the peak of memory."""
    return_freed_memory()  # of the making, which reading would take up
    reading, writing = os.pipe()
    if os.fork() == 0:
        before, start = memory("VmRSS", reset=True), time.process_time()
        result = _result(path)
        taken, used = time.process_time() - start, (memory("VmHWM") - before) / 1000
        os.write(writing, f"{result}\t{taken:.1f}\t{used:,.0f}".encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        fields = answer.read().split("\t")
    os.wait()
    return f"{path.stat().st_size / 1e6:.1f}", *fields


def _result(path: Path) -> str:
    try:
        radiograph = read_radiograph(path)
    except InputFileError as error:
        return error.problem
    return "read, {1} x {0}".format(*radiograph.pixels.shape)


def _rows(makers: dict[str, Callable[[Path], object]]) -> Iterator[tuple[str, ...]]:
    for name, make in makers.items():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            content = make(path)
            if isinstance(content, bytes):
                path.write_bytes(content)
            yield name, *measured(path)


def _bomb(make: Callable[[Path], bytes]) -> Callable[[Path], bytes]:
    return lambda path: make(path.parent)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="files whose names begin with one")
    only = tuple(parser.parse_args().only)
    with tempfile.TemporaryDirectory() as folder:  # what is loaded on first use belongs to no file
        path = Path(folder) / "file"
        for content in (b"of no format", BOMBS["dicom, RLE"][0](Path(folder))):
            path.write_bytes(content)
            _result(path)
    bombs = {name: _bomb(make) for name, (make, _) in BOMBS.items()}
    for makers in (LARGEST, bombs):
        chosen = {name: make for name, make in makers.items() if name.startswith(only)}
        for row in (_TITLES, ["---"] * len(_TITLES), *_rows(chosen)):
            print(f"| {' | '.join(row)} |", flush=True)
        print(flush=True)


if __name__ == "__main__":
    main()

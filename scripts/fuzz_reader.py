"""Feed broken files to the reader of radiographs, and see that each ends in a radiograph or in an error of ours.

    python scripts/fuzz_reader.py --out FOLDER [--inputs 15000] [--formats dicom png] [--engines seeded] [--seed 0]
    python scripts/fuzz_reader.py --out FOLDER --formats dicom --engines meaning

Valid small files of each format, those that the tests write, are broken. "seeded" draws every input from a seed and its
number; "atheris" (pip install "monai_lungxfer[fuzz]") lets libFuzzer look for inputs that reach new code; "meaning"
breaks headers of one DICOM radiograph, and counts how often another picture than that is read without a remark; those
files lie under FOLDER/silent.
Workers have a limit on the address space, and on the time for an input: one that kills its worker is a finding like an
unexpected exception, and lies under FOLDER/findings. Started again, it goes on where it was. Linux only.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers" / "formats"))
from fuzz_worker import ENGINES, MEMORY_GB, SECONDS, work

__all__ = ["Tally", "main", "meaning_table", "supervise", "table"]

FORMATS = ("dicom", "png", "jpeg", "tiff", "nifti", "webp", "gif", "bmp", "jpeg2000", "metaimage", "nrrd")
_LIBRARIES = (
    *("pydicom", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle", "pillow", "nibabel", "numpy"),
    "atheris",
)


@dataclass(frozen=True)
class Tally:
    """What came of the inputs of one format and engine, one line of the log each: ms, MB, result."""

    name: str
    engine: str
    lines: Sequence[tuple[float, float, str]]

    @classmethod
    def of(cls, folder: Path, name: str, engine: str) -> Tally:
        """Read the log, which may not be there yet."""
        log = folder / f"{name}-{engine}.log"
        fields = [line.split("\t", 2) for line in log.read_text().splitlines()] if log.is_file() else []
        return cls(name, engine, [(float(taken), float(used), result) for taken, used, result in fields])

    def count(self, start: str) -> int:
        """Return how many results begin so."""
        return sum(result.startswith(start) for _, _, result in self.lines)

    def row(self) -> tuple[str, ...]:
        """Return the row of the table."""
        counts = (len(self.lines), self.count("read"), self.count("refused"), self.count("finding"))
        slowest, largest = (max((line[field] for line in self.lines), default=0) for field in (0, 1))
        return self.name, self.engine, *(f"{count:,}" for count in counts), f"{slowest:,.0f}", f"{largest:,.0f}"


def supervise(name: str, engine: str, seed: int, count: int, folder: Path) -> Tally:
    """Start workers until every input was read; note the inputs that killed one."""
    current = folder / f"{name}-{engine}.input"
    while (done := len(Tally.of(folder, name, engine).lines)) < count:
        current.unlink(missing_ok=True)
        words = ["--work", name, engine, str(done), "--inputs", str(count), "--seed", str(seed), "--out", str(folder)]
        code = subprocess.run([sys.executable, __file__, *words], check=False).returncode  # noqa: S603
        if len(Tally.of(folder, name, engine).lines) >= count:
            break
        if not current.is_file():
            sys.exit(f"The worker for {name} by {engine} does not start: exit code {code}")
        _note_death(current, code)
    current.unlink(missing_ok=True)
    return Tally.of(folder, name, engine)


def _note_death(current: Path, code: int) -> None:
    reason = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
    log = current.with_suffix(".log")
    number = len(log.read_text().splitlines()) if log.is_file() else 0
    (current.parent / "findings").mkdir(exist_ok=True)
    shutil.move(current, current.parent / "findings" / f"{current.stem}-{number}-killed")
    with log.open("a") as lines:
        lines.write(f"0\t0\tfinding: {reason}\n")


def table(tallies: Iterable[Tally]) -> str:
    """Return the table of the run, with a last row for all."""
    tallies = list(tallies)
    every = Tally("all", "", [line for tally in tallies for line in tally.lines])
    titles = ("format", "engine", "inputs", "read", "refused", "findings", "slowest, ms", "most memory, MB")
    rows = [titles, ["---"] * len(titles), *(tally.row() for tally in [*tallies, every])]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def meaning_table(tally: Tally) -> str:
    """Return the table of how reading broken headers of a known radiograph ended."""
    from fuzz_meaning import ENDS  # not before: workers instrument what they import

    rows = [("end", "inputs"), ("---", "---"), *((end, f"{tally.count(end):,}") for end in ENDS)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _versions() -> str:
    found = []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def main() -> None:
    """Run, and print the table; exit code 1 when there are findings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--inputs", type=int, default=15_000, help="of each format and engine")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=ENGINES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", nargs=3, metavar=("FORMAT", "ENGINE", "DONE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.work:
        name, engine, done = given.work
        work(name, engine, given.seed, int(done), given.inputs, given.out)
        return
    tallies = [
        supervise(name, engine, given.seed, given.inputs, given.out)
        for name in given.formats
        for engine in given.engines
        if name == "dicom" or engine != "meaning"
    ]
    print(table(tallies))
    print(f"Limits: {SECONDS} s of the processor an input, {MEMORY_GB} GB above the imports. Seed {given.seed}.")
    print(f"{_versions()}.")
    for tally in tallies:
        if tally.engine == "meaning":
            print(f"\n{meaning_table(tally)}")
        for reason in sorted({line[2] for line in tally.lines if line[2].startswith("finding")}):
            print(f"{tally.name}, {tally.engine}: {reason}")
    sys.exit(any(tally.count("finding") for tally in tallies))


if __name__ == "__main__":
    main()

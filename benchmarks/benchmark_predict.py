"""What a prediction costs: this build's engines, the build before, and the tools of others, in turn on this machine.

    python benchmarks/benchmark_predict.py --work DIR --dicom FILE --small DIR --native DIR --out predict.json
        [--before CHECKOUT] [--peers-env DIR] [--rounds 5] [--files 64] [--only NAME ...]
    python benchmarks/benchmark_predict.py --table predict.json... [--page docs/performance.md]

Each measurement is a process: its processor time (user and system, with its children), wall time and peak memory. A
cold start is one DICOM file. The cost of a further image is that of a run over N + 1 files, less that of a run over
one, by N; N must be large, since starts differ by more than an image costs. In every round each contestant has its
turn, and each round begins with another one. A ratio is taken within a round. First, each contestant segments one
file untimed; one that writes no mask is left out, with the reason. The results are written after each part of a
round. With `--page`, they replace what stands between a page's marks. The rounds of several calls (`--table`) on one
machine may be put together, such as some with slow peers and some without.

`--before` is another checkout, with its environment in `.venv`. `--peers-env` is the environment of torchxrayvision and
nnU-Net, which is made there unless it exists (3 GB); their weights are random, so only their speed means something.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from contestants import Contestant, build_before, make_peers, own_contestants, peer_contestants
from contestants.machine import describe_machine, describe_versions
from contestants.measurement import Measurement, Trial
from contestants.table import filled, joined, print_report

_HERE = Path(__file__).resolve().parent / "contestants"
_SIZES = {"dicom": "1-10000", "small": "450-600", "native": "1500-2500"}
_PATH = re.compile(r"(?:/[\w.+-]+)+/([\w.+-]+)")  # of this machine, with the file's name
_SLOW = 16  # times fewer files
_TOLD = ("rounds", "slow_rounds", "files", "native_files", "threads")
_STARTS = {
    "Python alone": "",
    **{
        f"import {name}": f"import {name}"
        for name in ("numpy", "scipy.ndimage", "onnxruntime", "openvino", "torch", "monai")
    },
    "import Segmenter": "from monai_lungxfer.inference.segmenter import Segmenter",
}


def counts(task: str, contestant: Contestant, given: argparse.Namespace) -> list[int]:
    """Return over how many files a contestant runs."""
    if task == "dicom":
        return [1]
    files = given.files if task == "small" else given.native_files
    return [1, 1 + (max(1, files // _SLOW) if contestant.slow else files)]


def prepare(given: argparse.Namespace) -> list[str]:
    """Write the files, and return the tasks that there are files for."""
    sources = {task: getattr(given, task) for task in _SIZES if getattr(given, task)}
    many = {"dicom": 1, "small": given.files + 1, "native": given.native_files + 1}
    words = [f"{task}={many[task]}={_SIZES[task]}={source.resolve()}" for task, source in sources.items()]
    shutil.rmtree(given.work / "files", ignore_errors=True)
    shutil.rmtree(given.work / "inputs", ignore_errors=True)
    script = str(_HERE / "prepare_files.py")
    subprocess.run([sys.executable, script, str(given.work / "files"), *words], check=True)  # noqa: S603
    return list(sources)


def gather(given: argparse.Namespace, tasks: list[str]) -> list[Contestant]:
    """Return the contestants that were asked for."""
    found = own_contestants(given.threads)
    if given.before:
        found += build_before(given.before, given.threads)
    if given.peers_env:
        make_peers(given.peers_env, given.work / "files" / f"{tasks[-1]}-png", given.work)
        found += peer_contestants(given.peers_env, given.work)
    return [each for each in found if not given.only or each.name in given.only]


def try_out(trial: Trial, contestants: list[Contestant], task: str) -> tuple[list[Contestant], dict[str, str]]:
    """Return those that segment a file, and why the others do not."""
    able, left_out = [], {}
    for each in contestants:
        try:
            trial.measure(each, task, 1, 0)
            able.append(each)
        except (OSError, RuntimeError) as error:
            left_out[each.name] = _PATH.sub(r"\1", str(error))
    return able, left_out


def run_rounds(trial: Trial, contestants: list[Contestant], tasks: list[str], given: argparse.Namespace) -> Any:
    """Yield the measurements of each round."""
    for number in range(given.rounds):
        turn = number % len(contestants)
        yield [each for name, code in _STARTS.items() for each in trial.measure_start(name, code, number)]
        for task in tasks:
            found = []
            for each in contestants[turn:] + contestants[:turn]:
                if task in each.tasks and not (each.slow and number >= given.slow_rounds):
                    found += [trial.measure(each, task, count, number) for count in counts(task, each, given)]
            yield found


def bounds(given: argparse.Namespace, tasks: list[str]) -> dict[str, Any]:
    """Return what bounds the speed; without PyTorch, nothing is known of it."""
    folders = [str(given.work / "files" / task) for task in tasks]
    script = str(_HERE / "measure_bounds.py")
    done = subprocess.run(  # noqa: S603
        [sys.executable, script, "portable", str(given.rounds), *folders], check=False, capture_output=True, text=True
    )
    if done.returncode:
        return {"left_out": done.stderr.strip().rpartition("\n")[2]}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, nargs="+", metavar="JSON", help="take what earlier calls measured")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write them into this page")
    parser.add_argument("--work", type=Path, help="for files, masks and the weights of peers")
    parser.add_argument("--dicom", type=Path, metavar="FILE", help="for the cold start")
    parser.add_argument("--small", type=Path, metavar="DIR", help="has images of 450 to 600 pixels")
    parser.add_argument("--native", type=Path, metavar="DIR", help="has images of 1500 to 2500 pixels")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT")
    parser.add_argument("--peers-env", type=Path, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow-rounds", type=int, default=3, help="in which slow peers take part")
    parser.add_argument("--files", type=int, default=64, help="N for small images; slow peers get a sixteenth")
    parser.add_argument("--native-files", type=int, default=8, help="N for native ones")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="contestants, by their names in the tables")
    parser.add_argument("--out", type=Path, metavar="JSON")
    return parser


def describe(given: argparse.Namespace, tasks: list[str]) -> dict[str, Any]:
    """Return what the numbers belong to."""
    pythons = {"this build": Path(sys.executable)}
    pythons |= {"before": given.before / ".venv" / "bin" / "python"} if given.before else {}
    pythons |= {"peers": given.peers_env / "bin" / "python"} if given.peers_env else {}
    return {
        "machine": describe_machine(),
        "command": shlex.join([f"--{name.replace('_', '-')}={getattr(given, name)}" for name in _TOLD]),
        "versions": {name: describe_versions(python) for name, python in pythons.items()},
        "bounds": bounds(given, tasks),
    }


def run(given: argparse.Namespace) -> None:
    """Measure, and write the results after each part of a round."""
    given.work = given.work.resolve()
    given.work.mkdir(parents=True, exist_ok=True)
    tasks, trial = prepare(given), Trial(given.work, given.threads)
    contestants, left_out = try_out(trial, gather(given, tasks), tasks[0])
    told = describe(given, tasks) | {"left_out": left_out}
    measured: list[Measurement] = []
    for found in run_rounds(trial, contestants, tasks, given):
        measured += found
        document = told | {"measurements": [vars(each) for each in measured]}
        given.out.write_text(json.dumps(document, indent=1), encoding="utf-8")


def main() -> None:
    """Measure, or take what was measured; print it, and write it into a page."""
    parser = options()
    given = parser.parse_args()
    if not given.table:
        if not (given.work and given.out and (given.dicom or given.small or given.native)):
            parser.error("--work, --out, and one of --dicom, --small and --native are needed")
        run(given)
    document = joined([json.loads(file.read_text(encoding="utf-8")) for file in given.table or [given.out]])
    if given.page:
        given.page.write_text(filled(given.page.read_text(encoding="utf-8"), document), encoding="utf-8")
    print_report(document)


if __name__ == "__main__":
    main()

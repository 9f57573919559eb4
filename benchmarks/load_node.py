"""Load a DICOM node with senders on one side and Orthanc on the other, and kill it at random moments.

    python benchmarks/load_node.py --work DIR [--count 300] [--kills 5] [--senders 8] [--paced 60] [--rounds kills]

Radiographs of mixed sizes and transfer syntaxes, one in a hundred broken, are sent by dcmtk's `dcmsend`, in three
rounds: as fast as the senders can, beside `lungxfer predict` on the same files; one a second; and with SIGKILLs, after
each of which the node is started again and senders repeat what was not answered. In the end, the archive must hold
exactly one set of results of each readable radiograph, and the journal the reason of each broken one. Prints rates,
latencies from the answer to the sender until the archive has the results, and memory; ends with 1 if anything is lost
or doubled. Needs dcmtk and Orthanc.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers" / "formats"))
from dicom_node import node_process, node_settings
from dicom_writing import write
from mixed_files import WHOLE
from orthanc_server import PASSWORD, USER, free_port, running_orthanc

from monai_lungxfer.inference.dicom.store_scu import read_context
from monai_lungxfer.serving.dicom.journal_view import JournalView
from monai_lungxfer.serving.dicom.settings import NodeSettings
from monai_lungxfer.synthetic.chest import FINDINGS, portable_radiograph

__all__ = ["Round", "check_results", "run_round", "write_radiographs"]

KINDS = ("segmentation", "overlay", "report")
_ROOT = "1.2.826.0.1.3680043.8.498.78"
_SENT_TOGETHER = 5  # files of one call of `dcmsend`
_MOST_WAITING = 50  # radiographs, beyond which the node that is killed refuses its senders, so that they go on sending
_PAUSE = 2.0  # seconds until a sender tries again what was refused
_USUAL_RATE = 3.0  # radiographs a second, by which kills are spread over the round
_ROUNDS = ("fast", "paced", "kills")
_TITLE = "LUNGXFER"


@dataclass(frozen=True)
class Round:
    """What one round showed: seconds, latencies, megabytes of the node, and what was lost or doubled."""

    seconds: float
    latencies: list[float]
    memory: list[float]
    kills: int
    faults: list[str]

    def describe(self, count: int) -> str:
        """Return all on one line."""
        p50, p95 = np.percentile(self.latencies, (50, 95)) if self.latencies else (np.nan, np.nan)
        half = len(self.memory) // 2
        early, late = max(self.memory[:half], default=0), max(self.memory[half:], default=0)
        return (
            f"{count / self.seconds:.2f} radiographs/s, latency p50 {p50:.2f} s, p95 {p95:.2f} s, "
            f"memory {early:.0f} then {late:.0f} MB, faults {len(self.faults)}"
        )


def write_radiographs(folder: Path, count: int, broken: int, heights: tuple[int, int], seed: int) -> list[Path]:
    """Write DICOM radiographs, each of a study of its own, and return those that are broken."""
    rng = np.random.default_rng(seed)
    size = (heights[1], int(0.9 * heights[1]))
    phantoms = [portable_radiograph(rng, *size, str(rng.choice(FINDINGS)))[0] for _ in range(8)]
    whole = [write for kind, (write, _) in WHOLE.items() if kind.startswith("DICOM")]
    places = set(rng.choice(count, broken, replace=False).tolist())
    folder.mkdir(parents=True)
    for number in range(count):
        height = int(rng.integers(*heights, endpoint=True))
        pixels = Image.fromarray(phantoms[number % 8]).resize((int(height * rng.uniform(0.7, 1.2)), height))
        values = (np.asarray(pixels) * rng.uniform(0.7, 1)).astype(np.uint8)
        path = folder / f"{number:05}.dcm"
        uids = {"StudyInstanceUID": f"{_ROOT}.1.{number}", "SeriesInstanceUID": f"{_ROOT}.2.{number}"}
        whole[number % len(whole)](path, values, **uids)
        if number in places:
            _spoil(path, values, uids, len(places) - number % 3)
    return [folder / f"{number:05}.dcm" for number in sorted(places)]


def _spoil(path: Path, values: np.ndarray, uids: dict[str, str], kind: int) -> None:
    if kind % 3 == 0:  # nothing to see
        write(path, np.full_like(values, 42), **uids)
    elif kind % 3 == 1:  # another number of frames than it holds
        write(path, values, NumberOfFrames=2, **uids)
    else:
        write(path, values, **uids)
        path.write_bytes(path.read_bytes()[: values.size // 2])


def send_files(port: int, files: Sequence[Path]) -> None:
    """Send files by dcmtk, again and again until each is answered with success; a node may be dead meanwhile."""
    for start in range(0, len(files), _SENT_TOGETHER):
        left = set(files[start : start + _SENT_TOGETHER])
        while left := left - _send_once(port, sorted(left)):
            time.sleep(_PAUSE)


def _send_once(port: int, files: Sequence[Path]) -> set[Path]:
    """Return the files that were answered with success, by the report: the exit code tells nothing of refusals."""
    command = ["dcmsend", "-q", "-aec", _TITLE, "-to", "10", "-ta", "10", "-td", "60"]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        address = ["127.0.0.1", str(port)]
        subprocess.run([*command, "+crf", str(report), *address, *map(str, files)], check=False, capture_output=True)  # noqa: S603
        told = report.read_text(errors="replace") if report.exists() else ""
    blocks = [block for block in told.split("\n\n") if re.search(r"DIMSE Status\s*: 0x0000", block)]
    return {Path(name) for block in blocks for name in re.findall(r"Filename\s*: (.*)", block)}


def send_broken(port: int, files: Sequence[Path]) -> None:
    """Send files as they are, also those that dcmtk would not send."""
    import pynetdicom

    pynetdicom._config.STORE_SEND_CHUNKED_DATASET = True  # noqa: SLF001 - documented
    for file in files:
        while not _is_stored(pynetdicom, port, file):
            time.sleep(_PAUSE)


def _is_stored(pynetdicom: Any, port: int, file: Path) -> bool:
    entity = pynetdicom.AE()
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 30
    context = pynetdicom.build_context(*read_context(file))
    association = entity.associate("127.0.0.1", port, contexts=[context], ae_title=_TITLE)
    if not association.is_established:
        return False
    status = association.send_c_store(file).get("Status")
    association.release()
    return status == 0


class NodeKeeper:
    """A node in a process of its own, started again whenever it was killed; its memory is looked at."""

    def __init__(self, settings: NodeSettings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._held = ExitStack()
        self.memory: list[float] = []
        self.kills = 0
        self._process = self._held.enter_context(node_process(settings, folder))
        self.is_stopping = threading.Event()

    def watch(self, kills: int, seed: int, apart: float) -> None:
        """Kill the node so often at random moments, about `apart` seconds of work apart; note its memory."""
        rng = np.random.default_rng(seed)
        moment = time.monotonic() + apart * rng.uniform(0.3, 1.7)
        while not self.is_stopping.wait(0.2):
            self.memory.append(_megabytes(self._process.pid))
            if self.kills < kills and time.monotonic() >= moment:
                self._held.close()  # SIGKILL
                self._process = self._held.enter_context(node_process(self._settings, self._folder))
                wait_for_node(self._settings)
                self.kills += 1
                moment = time.monotonic() + apart * rng.uniform(0.3, 1.7)

    def close(self) -> None:
        """End the node."""
        self.is_stopping.set()
        self._process.terminate()
        self._process.wait(timeout=60)
        self._held.close()


def _megabytes(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def run_round(
    work: Path,
    files: Sequence[Path],
    broken: Sequence[Path],
    *,
    senders: int = 8,
    kills: int = 0,
    apart: float = 0,
    most_waiting: int = 100_000,
    pause: float = 0,
    seed: int = 0,
) -> Round:
    """Send files to a node that delivers to Orthanc, `pause` seconds apart, and return what it showed."""
    work.mkdir(parents=True)
    with running_orthanc(work, Name="load") as (web, dicom):
        settings = load_settings(work, dicom, most_waiting)
        keeper = NodeKeeper(settings, work)
        watching = threading.Thread(target=keeper.watch, args=(kills, seed, apart))
        try:
            wait_for_node(settings)
            watching.start()
            started = time.monotonic()
            _send_all(settings.listen.port, files, broken, senders, pause)
            view = JournalView(settings.spool.folder)
            while view.waiting():
                time.sleep(0.05)
            seconds = time.monotonic() - started
        finally:
            keeper.is_stopping.set()
            if watching.is_alive():
                watching.join()
            keeper.close()
        faults = check_results(view, web, files, broken)
        return Round(seconds, view.latencies(1e9), keeper.memory, keeper.kills, faults)


def load_settings(work: Path, dicom: int, most_waiting: int) -> NodeSettings:
    """Return the settings of a node that delivers to an Orthanc, and refuses senders while so many wait."""
    archive = {"kind": "dicom", "name": "orthanc", "host": "127.0.0.1", "port": dicom, "ae_title": "ORTHANC"}
    return node_settings(
        work,
        listen={"port": free_port(), "most_associations": 20},
        destination=[archive],
        results={"kinds": list(KINDS)},
        spool={"folder": work / "spool", "most_waiting": most_waiting},
    )


def wait_for_node(settings: NodeSettings) -> None:
    """Wait until a node answers."""
    echo = ["echoscu", "-aec", _TITLE, "127.0.0.1", str(settings.listen.port)]
    while subprocess.run(echo, check=False, capture_output=True).returncode:  # noqa: S603
        time.sleep(0.05)


def _send_all(port: int, files: Sequence[Path], broken: Sequence[Path], senders: int, pause: float) -> None:
    whole = [file for file in files if file not in set(broken)]
    if pause:
        begun = time.monotonic()
        for number, file in enumerate(whole):
            time.sleep(max(0, begun + number * pause - time.monotonic()))
            send_files(port, [file])
        return
    shares = [whole[number::senders] for number in range(senders)]
    threads = [threading.Thread(target=send_files, args=(port, share)) for share in shares]
    threads.append(threading.Thread(target=send_broken, args=(port, broken)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def check_results(view: JournalView, web: int, files: Sequence[Path], broken: Sequence[Path]) -> list[str]:
    """Return what is lost, doubled or without a reason."""
    faults = []
    found = Counter(_archived_studies(web))
    for file in sorted(files):
        expected = 0 if file in set(broken) else len(KINDS)
        if (count := found[f"{_ROOT}.1.{int(file.stem)}"]) != expected:
            faults.append(f"{file.name}: {count} results instead of {expected}")
    failures = view.last_failures(len(files) + 1)
    if len(failures) != len(broken) or not all(row.reason for row in failures):
        faults.append(
            f"{len(failures)} rows with reasons instead of {len(broken)}: {Counter(r.reason for r in failures)}"
        )
    if sum(view.counts().values()) != len(files):
        faults.append(f"rows of the journal: {view.counts()}")
    return faults


def _archived_studies(web: int) -> Iterator[str]:
    """Yield the study of each instance in the archive."""
    studies, series = (
        requests.get(f"http://127.0.0.1:{web}/{level}?expand", auth=(USER, PASSWORD), timeout=600).json()
        for level in ("studies", "series")
    )
    uids = {study["ID"]: study["MainDicomTags"]["StudyInstanceUID"] for study in studies}
    for one in series:
        yield from [uids[one["ParentStudy"]]] * len(one["Instances"])


def time_predict(folder: Path, out: Path) -> float:
    """Return the seconds that `lungxfer predict` takes for the same results of the same files."""
    command = [str(Path(sys.executable).with_name("lungxfer")), "predict", str(folder), "--out", str(out)]
    command += ["--format", "dicom-seg", "--sides", "--overlay", "--report"]
    started = time.monotonic()
    subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    return time.monotonic() - started


def main() -> int:
    """Run the rounds, and print what they showed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="an empty or missing folder")
    parser.add_argument("--count", type=int, default=300, help="radiographs")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--paced", type=int, default=60, help="radiographs that are sent one by one")
    parser.add_argument("--pause", type=float, default=1, help="seconds between them")
    parser.add_argument("--height", type=int, default=2000, help="of the largest radiograph, in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", nargs="+", choices=_ROUNDS, default=_ROUNDS)
    given = parser.parse_args()
    folder = given.work / "in"
    broken = write_radiographs(folder, given.count, max(1, given.count // 100), (300, given.height), given.seed)
    files = sorted(folder.glob("*.dcm"))
    faults = []
    if "fast" in given.rounds:
        seconds = time_predict(folder, given.work / "predict")
        print(f"predict: {given.count / seconds:.2f} radiographs/s", flush=True)
        fast = run_round(given.work / "fast", files, broken, senders=given.senders)
        print(f"as fast as it goes: {fast.describe(given.count)}, {seconds / fast.seconds:.2f} of predict", flush=True)
        faults += fast.faults
    if "paced" in given.rounds:
        few = [file for file in files if file not in set(broken)][: given.paced]
        paced = run_round(given.work / "paced", few, [], pause=given.pause)
        print(f"one every {given.pause:g} s: {paced.describe(len(few))}", flush=True)
        faults += paced.faults
    if "kills" in given.rounds:
        killed = run_round(
            given.work / "kills",
            files,
            broken,
            senders=given.senders,
            kills=given.kills,
            apart=given.count / _USUAL_RATE / (given.kills + 1),
            most_waiting=_MOST_WAITING,
            seed=given.seed,
        )
        print(f"{killed.kills} kills: {killed.describe(given.count)}", flush=True)
        faults += killed.faults
    print("\n".join(faults), end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

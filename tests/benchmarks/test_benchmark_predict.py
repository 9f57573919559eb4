"""The comparison of predictions: its tables, and a tiny contestant as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import benchmark_predict
import numpy as np
import pytest
from contestants import Contestant
from contestants.measurement import Trial
from contestants.table import answer, filled, joined, print_report, table
from PIL import Image
from source_tree import REPOSITORY

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are measured as Linux does")

COPY = """
import shutil, sys, time
from pathlib import Path
out = Path(sys.argv[2])
out.mkdir()
begin = time.process_time()
for file in Path(sys.argv[1]).iterdir():
    shutil.copy(file, out / f"{file.stem}.png")
    while time.process_time() - begin < 0.1 * len([*out.iterdir()]):
        pass
"""


def copying(code: str = COPY, **options: object) -> Contestant:
    return Contestant("copy", lambda files, out: [sys.executable, "-c", code, str(files), str(out)], **options)


def trial(folder: Path, count: int) -> Trial:
    (folder / "files" / "small").mkdir(parents=True)
    for number in range(count):
        (folder / "files" / "small" / f"case{number}.jpg").write_bytes(b"an image")
    return Trial(folder, 1)


def runs(name: str, number: int, first: float, last: float, memory: float = 100, task: str = "small") -> list[dict]:
    return [
        {"task": task, "name": name, "round": number, "files": 1, "processor": first, "wall": first, "memory": memory},
        {"task": task, "name": name, "round": number, "files": 5, "processor": last, "wall": last, "memory": memory},
    ]


@linux
def test_a_process_is_measured(tmp_path: Path) -> None:
    one, five = (trial(tmp_path / str(count), count).measure(copying(), "small", count, 3) for count in (1, 5))
    assert (five.task, five.name, five.round, five.files) == ("small", "copy", 3, 5)
    assert 0.35 < five.processor - one.processor < 0.6
    assert one.memory > 5
    assert one.wall > 0.1


@linux
def test_a_start_that_fails_is_left_out(tmp_path: Path) -> None:
    assert [each.name for each in trial(tmp_path, 0).measure_start("numpy", "import numpy", 0)] == ["numpy"]
    assert trial(tmp_path / "other", 0).measure_start("missing", "import no_such_package", 0) == []


@linux
def test_a_program_that_lets_another_do_the_work_is_left_out(tmp_path: Path) -> None:
    code = COPY + "\nprint('WARNING The engine is torch: no onnxruntime')\nprint('done')"
    _, left_out = benchmark_predict.try_out(
        trial(tmp_path, 1), [copying(code, fallback="The engine is torch")], "small"
    )
    assert left_out == {"copy": "exit code 0, 1 of 1 masks: WARNING The engine is torch: no onnxruntime"}


@linux
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise SystemExit('/a/b/c.onnx: no such engine')", "exit code 1, 0 of 1 masks: c.onnx: no such engine"),
        ("print('all done')", "exit code 0, 0 of 1 masks: all done"),
    ],
)
def test_who_writes_no_mask_is_left_out_with_the_reason(tmp_path: Path, code: str, reason: str) -> None:
    able, left_out = benchmark_predict.try_out(trial(tmp_path, 1), [copying(code), copying()], "small")
    assert [each.name for each in able] == ["copy"]
    assert left_out == {"copy": reason}


def test_slow_ones_get_fewer_files() -> None:
    given = Namespace(files=64, native_files=8)
    fast, slow = copying(), copying(slow=True)
    assert [benchmark_predict.counts(task, fast, given) for task in ("dicom", "small", "native")] == [
        [1],
        [1, 65],
        [1, 9],
    ]
    assert [benchmark_predict.counts(task, slow, given) for task in ("dicom", "small", "native")] == [
        [1],
        [1, 5],
        [1, 2],
    ]


def test_a_further_image_is_the_difference_and_ratios_are_within_a_round() -> None:
    measurements = [*runs("before", 0, 8, 8.4), *runs("torch", 0, 5, 5.2), *runs("onnx", 0, 1, 1.1, memory=40)]
    measurements += [*runs("before", 1, 8, 8.8), *runs("torch", 1, 5, 5.8), *runs("onnx", 1, 1, 1.04, memory=50)]
    rows = [line.strip("| ").split(" | ") for line in table(measurements, "small").splitlines()[2:]]
    assert [row[0] for row in rows] == ["onnx", "torch", "before"]
    assert rows[0][1:4] == ["18 (10 to 25)", "0.150 (0.050 to 0.250)", "0.275 (0.050 to 0.500)"]
    assert rows[0][4:] == ["18 (10 to 25)", "45 (40 to 50)", "0.45 (0.40 to 0.50)"]
    assert rows[2][1:4] == ["150 (100 to 200)", "1.000 (1.000 to 1.000)", "1.500 (1.000 to 2.000)"]


def test_the_answer_is_the_engine_that_is_the_default() -> None:
    measurements = [*runs("before", 0, 8, 8.4), *runs("onnx", 0, 1, 1.02, memory=50), *runs("openvino", 0, 1, 1.1)]
    assert answer(measurements).splitlines()[2:] == [
        "| A further image of about 512 pixels | 5 ms | 100 ms | 0.050 (0.050 to 0.050) | 0.50 (0.50 to 0.50) |"
    ]


def test_the_rounds_of_two_calls_are_put_together() -> None:
    def called(measurements: list[dict], cores: int = 2, **left_out: str) -> dict:
        return {
            "machine": {"cores": cores},
            "command": "--rounds=2",
            "versions": {},
            "left_out": left_out,
            "measurements": measurements,
        }

    own = called(
        [*runs("before", 0, 8, 9), *runs("before", 1, 8, 9), *runs("onnx", 1, 1, 2)], peer="absent", other="no"
    )
    more = called([*runs("before", 0, 4, 6), *runs("peer", 0, 4, 8)])
    both = joined([own, more])
    assert both["left_out"] == {"other": "no"}
    assert [row.split(" | ")[2] for row in table(both["measurements"], "small").splitlines()[2:]] == [
        "1.000 (1.000 to 1.000)",
        "1.000 (1.000 to 1.000)",
        "2.000 (2.000 to 2.000)",
    ]
    with pytest.raises(SystemExit, match="two machines"):
        joined([own, called([], cores=4)])


def test_without_references_there_are_no_ratios() -> None:
    assert table(runs("onnx", 0, 1, 1.2)[:1], "small").splitlines()[2] == (
        "| onnx | 1,000 (1,000 to 1,000) |  |  | 1,000 (1,000 to 1,000) | 100 (100 to 100) |  |"
    )


@pytest.mark.slow
@linux
def test_the_script_measures_and_prints_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "images").mkdir()
    Image.fromarray(np.arange(500 * 40, dtype=np.uint8).reshape(500, 40)).save(tmp_path / "images" / "a.png")
    script = REPOSITORY / "benchmarks" / "benchmark_predict.py"
    words = ["--work", tmp_path / "work", "--small", tmp_path / "images", "--out", tmp_path / "found.json"]
    words += ["--rounds", "1", "--files", "1", "--only", "donor, eager PyTorch"]
    subprocess.run([sys.executable, script, *words], check=True, capture_output=True, text=True)
    document = json.loads((tmp_path / "found.json").read_text())
    assert [run["files"] for run in document["measurements"] if run["task"] == "small"] == [1, 2]
    assert {run["name"] for run in document["measurements"] if run["task"] == "start"} > {
        "Python alone",
        "import torch",
    }
    assert document["machine"]["cores"] >= 1
    assert document["bounds"]["network"]["gflop"] > 1
    print_report(document)
    printed = capsys.readouterr().out
    assert "| donor, eager PyTorch |" in printed
    assert "| matrix product in bfloat16, GFLOP/s |" in printed
    page = filled("a\n<!-- small -->\nold\n<!-- /small -->\nb\n", document)
    assert page.startswith("a\n<!-- small -->\n| contestant |")
    assert page.endswith(" |\n<!-- /small -->\nb\n")

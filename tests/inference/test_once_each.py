"""One prediction of one DICOM file parses its pixels, judges, unpickles and hashes everything once.

Its header is read before: which files are radiographs of their own depends on all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dicom_radiograph import radiograph, write

from monai_lungxfer.bundle.files import WEIGHTS, bundle_path

COUNT = """
import hashlib, json, sys
from collections import Counter

counts, watched = Counter(), dict(zip(sys.argv[1:3], ("radiograph", "weights")))


def hook(event, arguments):
    if event == "open" and str(arguments[0]) in watched:
        counts["opened " + watched[str(arguments[0])]] += 1


def counted(module, name, wanted=lambda *_: True):
    real = getattr(module, name)

    def wrapper(*args, **kwargs):
        if wanted(*args):
            counts[name] += 1
        return real(*args, **kwargs)

    setattr(module, name, wrapper)


sys.addaudithook(hook)
counted(hashlib, "sha256", lambda data=b"", *_: len(data) > 1_000_000)
counted(hashlib, "file_digest")

import monai_lungxfer.io.formats.dicom as dicom
import monai_lungxfer.transforms.resize as resize
import pydicom
import torch
from monai_lungxfer.cli import main

counted(dicom, "judge")
counted(pydicom, "dcmread")
counted(torch, "load")
counted(resize, "interpolate")
sys.argv = ["lungxfer", "-q", "predict", sys.argv[1], "--out", sys.argv[3], *sys.argv[4:]]
try:
    main()
except SystemExit as end:
    counts["exit code"] = end.code or 0
print(json.dumps(counts))
"""


@pytest.mark.parametrize("mask_format", ["png", "dicom-seg"])
def test_everything_is_done_once(mask_format: str, tmp_path: Path) -> None:
    if mask_format == "dicom-seg":
        pytest.importorskip("highdicom")
    file = tmp_path / "x.dcm"
    write(file, radiograph("CR"))
    given = [str(file), str(bundle_path("portable") / WEIGHTS), str(tmp_path / "out")]
    command = [sys.executable, "-c", COUNT, *given, "--format", mask_format, "--engine", "torch"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout.splitlines()[-1]) == {
        # To know the format, and to read it: the header in the search, all when its turn comes. Then for the journal.
        "opened radiograph": 5,
        "dcmread": 2,
        "judge": 1,
        "interpolate": 1,
        "opened weights": 1,
        "load": 1,
        "sha256": 1,
        "exit code": 0,
    }, run.stderr

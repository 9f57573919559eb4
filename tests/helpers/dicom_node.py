"""DICOM nodes for tests, in this process or in one that can be killed, and radiographs and senders for them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_radiograph import as_dicom, write
from orthanc_server import free_port
from pydicom.dataset import Dataset

from monai_lungxfer.serving.dicom.settings import NodeSettings
from monai_lungxfer.synthetic.chest import portable_radiograph

ROOT = "1.2.826.0.1.3680043.8.498.77"


def chest(number: int, height: int = 160, **attributes: Any) -> Dataset:
    """Return a phantom's radiograph, of a study of its own."""
    pixels = portable_radiograph(np.random.default_rng(number), height, height - 20, "normal")[0]
    image = as_dicom(
        pixels,
        "MONOCHROME2",
        StudyInstanceUID=f"{ROOT}.1.{number}",
        SeriesInstanceUID=f"{ROOT}.2.{number}",
        SOPInstanceUID=f"{ROOT}.3.{number}",
        AccessionNumber=f"ACC{number}",
        **attributes,
    )
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return image


def write_chests(folder: Path, numbers: Sequence[int], **attributes: Any) -> list[Path]:
    """Write radiographs as files."""
    folder.mkdir(parents=True, exist_ok=True)
    return [write(folder / f"{number}.dcm", chest(number, **attributes)) for number in numbers]


def node_settings(folder: Path, **tables: Any) -> NodeSettings:
    """Return settings of a node with its spool in a folder; by default it delivers to the folder `archive` there."""
    tables.setdefault("listen", {"port": free_port()})
    tables.setdefault("destination", [{"kind": "folder", "name": "shelf", "folder": folder / "archive"}])
    tables.setdefault("spool", {"folder": folder / "spool", "free_megabytes": 1})
    tables.setdefault("results", {"kinds": ["segmentation", "overlay"]})
    tables.setdefault("retry", {"first_seconds": 0.2, "longest_seconds": 1})
    return NodeSettings.model_validate(tables)


def archived(folder: Path) -> list[Path]:
    """Return what the folder `archive` has."""
    return sorted((folder / "archive").rglob("*.dcm"))


def storescu(port: int, files: Sequence[Path], *options: str, title: str = "LUNGXFER") -> subprocess.CompletedProcess:
    """Send files by dcmtk."""
    if shutil.which("storescu") is None:
        pytest.skip("storescu is not installed (Debian: dcmtk)")
    command = ["storescu", "-to", "20", "-ta", "20", "-td", "60", "-aec", title, *options, "127.0.0.1", str(port)]
    return subprocess.run([*command, *map(str, files)], capture_output=True, text=True, errors="replace", check=False)


def wait_until(holds: Callable[[], Any], seconds: float = 60) -> None:
    """Wait until something holds, and fail when it does not."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            pytest.fail("it did not happen in time")
        time.sleep(0.02)


@contextmanager
def node_process(settings: NodeSettings, folder: Path) -> Iterator[subprocess.Popen]:
    """Run a node with the portable bundle in a process of its own; it is killed at the end, when it still runs."""
    file = folder / "settings.json"
    file.write_text(settings.model_dump_json())
    with (folder / "node.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, __file__, str(file)], stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Run a node until SIGTERM; the argument is a file with its settings as JSON."""
    import logging

    from monai_lungxfer.inference.segmenter import Segmenter
    from monai_lungxfer.serving.dicom.node import DicomNode, run_until_stopped

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    settings = NodeSettings.model_validate(json.loads(Path(sys.argv[1]).read_text()))
    segmenter = Segmenter.from_bundle("portable_cxr_lung_segmentation", engine=settings.model.engine)
    run_until_stopped(DicomNode(settings, lambda: segmenter))


if __name__ == "__main__":
    main()

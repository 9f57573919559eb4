"""Radiographs through a real node to a real archive, with a kill in the middle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pydicom
import pytest
from orthanc_server import PLUGIN

pytest.importorskip("pynetdicom", reason="the extra dicom is not installed")
import load_node
from load_node import check_results, run_round, write_radiographs

from monai_lungxfer.serving.dicom.journal_view import JournalView

needs_tools = pytest.mark.skipif(
    not (shutil.which("dcmsend") and shutil.which("Orthanc") and PLUGIN.exists()),
    reason="dcmtk or Orthanc is not installed (Debian: dcmtk, orthanc, orthanc-dicomweb)",
)


def test_each_radiograph_is_of_a_study_of_its_own(tmp_path: Path) -> None:
    broken = write_radiographs(tmp_path / "in", 12, 3, (100, 150), seed=1)
    files = sorted((tmp_path / "in").iterdir())
    studies = {pydicom.dcmread(file).StudyInstanceUID for file in files}
    assert len(files) == len(studies) == 12
    assert len(broken) == 3
    assert len({pydicom.dcmread(file).file_meta.TransferSyntaxUID for file in files}) >= 6


@pytest.mark.slow
@needs_tools
def test_a_round_with_a_kill_shows_no_fault(tmp_path: Path) -> None:
    broken = write_radiographs(tmp_path / "in", 12, 3, (100, 150), seed=1)
    files = sorted((tmp_path / "in").iterdir())
    found = run_round(tmp_path / "round", files, broken, senders=3, kills=1, apart=0.1)
    assert found.faults == []
    assert len(found.latencies) == 9
    assert max(found.memory) > 50


def test_what_is_lost_or_doubled_is_a_fault(tmp_path: Path, monkeypatch) -> None:
    archived = ["0"] * 3 + ["1"] * 1 + ["2"] * 6
    monkeypatch.setattr(load_node, "_archived_studies", lambda _: [f"{load_node._ROOT}.1.{n}" for n in archived])
    files = [tmp_path / f"{number:05}.dcm" for number in range(3)]
    faults = check_results(JournalView(tmp_path), 0, files, [])
    assert [fault[:9] for fault in faults] == ["00001.dcm", "00002.dcm", "rows of t"]

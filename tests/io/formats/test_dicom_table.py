"""The tables of docs/dicom.md are those that the script makes now, and they hold no failure."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("pydicom", minversion="3", reason="the files are written by pydicom 3")

from dicom_witness import HAS_DCMTK
from source_tree import REPOSITORY

DOCUMENT = (REPOSITORY / "docs" / "dicom.md").read_text(encoding="utf-8")

needs_dcmtk = pytest.mark.skipif(not HAS_DCMTK, reason="DCMTK is not installed")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dicom_table", REPOSITORY / "docs" / "generate" / "dicom_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(script: ModuleType, name: str, table: str, rows: int) -> None:
    assert len(table.splitlines()) == rows + 2
    assert "WRONG" not in table
    assert "DIFFERENT" not in table
    assert f"<!-- {name} -->\n{table}<!-- /{name} -->" in DOCUMENT
    assert script.replaced(DOCUMENT, name, "") != DOCUMENT
    assert script.replaced(DOCUMENT, name, table) == DOCUMENT


@needs_dcmtk
def test_cases(script: ModuleType) -> None:
    check(script, "cases", script.case_table(), len(script.CASES))


@needs_dcmtk
def test_odd_cases(script: ModuleType) -> None:
    table = script.odd_table()
    check(script, "odd", table, len(script.ODD_CASES))
    assert all(line.split(" | ")[2].startswith("right") for line in table.splitlines()[2:])


def test_headers(script: ModuleType) -> None:
    check(script, "headers", script.header_table(), len(script.HEADERS))


@needs_dcmtk
def test_real_files(script: ModuleType, shared_data: Path) -> None:
    check(script, "real", script.real_table(shared_data / "dicom"), 8)

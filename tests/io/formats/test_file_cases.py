"""Every kind of PNG, JPEG, TIFF, NIfTI and other file against its values; the documented table of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from file_cases import FILE_CASES, FileCase
from source_tree import REPOSITORY

from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import InputFileError


@pytest.mark.parametrize("case", FILE_CASES, ids=lambda case: f"{case.format}-{case.name}")
def test_values(case: FileCase, tmp_path: Path) -> None:
    path = tmp_path / f"x{case.suffix}"
    case.write(path)
    if case.expected is None:
        with pytest.raises(InputFileError):
            read_radiograph(path)
        return
    radiograph = read_radiograph(path)
    np.testing.assert_allclose(radiograph.pixels, case.expected, rtol=1e-6, atol=case.tolerance)
    assert radiograph.spacing == (case.spacing and pytest.approx(case.spacing))


def test_the_documented_table_is_that_of_the_script() -> None:
    pytest.importorskip("pydicom", minversion="3", reason="the script shares a module that writes DICOM by pydicom 3")
    from format_table import file_table

    table = file_table()
    assert len(table.splitlines()) == len(FILE_CASES) + 2
    assert "WRONG" not in table
    assert f"<!-- files -->\n{table}<!-- /files -->" in (REPOSITORY / "docs" / "data.md").read_text(encoding="utf-8")

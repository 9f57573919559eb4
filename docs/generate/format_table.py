"""The table of docs/data.md: format, property, result; made by reading the files that the tests read.

    python docs/generate/format_table.py docs/data.md

Replaces what stands between the document's marks. DICOM has tables of its own, `dicom_table.py`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "helpers" / "formats"))
from file_cases import FILE_CASES, FileCase
from markdown_tables import markdown, replaced

from monai_lungxfer.io.radiograph import Radiograph, read_radiograph
from monai_lungxfer.utils.errors import InputFileError

__all__ = ["file_table"]


def file_table() -> str:
    """Return the table of formats: how far what is read is from what was written, or why a file is refused."""
    return markdown(("format", "property", "result"), [_row(case) for case in FILE_CASES])


def _row(case: FileCase) -> Sequence[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{case.suffix}"
        case.write(path)
        try:
            radiograph = read_radiograph(path)
        except InputFileError as error:
            reason = error.problem.partition(" (")[0]  # in brackets are the library's words
            return case.format, case.name, "WRONG" if case.expected is not None else f"refused: {reason}"
    if not _is_alike(radiograph, case):
        return case.format, case.name, "WRONG"
    error = float(np.abs(radiograph.pixels - case.expected).max())
    spacing = "" if radiograph.spacing is None else ", spacing {:g} and {:g} mm".format(*radiograph.spacing)
    if error <= 1e-6 * np.abs(case.expected).max():
        return case.format, case.name, f"as written{spacing}"
    within = f"within {100 * error / np.ptp(case.expected):.1f} %, lossy"
    return case.format, case.name, within if error <= case.tolerance else "WRONG"


def _is_alike(radiograph: Radiograph, case: FileCase) -> bool:
    """Tell whether shape and spacing are those of the case; NIfTI keeps the spacing in single precision."""
    if case.expected is None or radiograph.pixels.shape != case.expected.shape:
        return False
    if radiograph.spacing is None or case.spacing is None:
        return radiograph.spacing == case.spacing
    return np.allclose(radiograph.spacing, case.spacing)


def main() -> None:
    """Write the table into the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path)
    path = parser.parse_args().document
    path.write_text(replaced(path.read_text(encoding="utf-8"), "files", file_table()), encoding="utf-8")


if __name__ == "__main__":
    main()

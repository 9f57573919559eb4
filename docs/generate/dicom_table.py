"""The tables of docs/dicom.md, made by reading the files that the tests read.

    python docs/generate/dicom_table.py docs/dicom.md [--real FOLDER]

Replaces what stands between the document's marks; `--real` names a folder of DICOM files for the last table, which is
otherwise left as it is. Needs DCMTK's programs (Debian: apt-get install dcmtk).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "helpers" / "formats"))
from dicom_cases import CASES, Case
from dicom_headers import HEADERS
from dicom_odd import ODD_CASES, OddCase, compare, show_by_dcmtk, show_by_gdcm
from dicom_witness import TOOLS, deviation, read_by_dcmtk, read_by_gdcm
from dicom_writing import write
from markdown_tables import markdown, replaced

from monai_lungxfer.io.formats.dicom_view import judge, read_header
from monai_lungxfer.io.radiograph import read_radiograph

__all__ = ["case_table", "header_table", "odd_table", "real_table"]

_LOSSY = 0.03


def case_table() -> str:
    """Return the table of encodings and attributes: how far what is read is from what was written, and from others."""
    return markdown(("kind", "property", "read", "GDCM", "DCMTK"), [_case_row(case) for case in CASES])


def odd_table() -> str:
    """Return the table of headers that are wrong or silent: what is read here, and by two others."""
    return markdown(("kind", "what is wrong", "read", "GDCM", "DCMTK"), [_odd_row(case) for case in ODD_CASES])


def header_table() -> str:
    """Return the table of headers, and what prediction makes of them."""
    rows = []
    for header in HEADERS:
        with tempfile.TemporaryDirectory() as folder:
            path = write(Path(folder) / "x", np.eye(32, dtype=np.uint8), SpecificCharacterSet="ISO_IR 192")
            dataset = pydicom.dcmread(path)
            for keyword in ("Modality", "BodyPartExamined", "ViewPosition"):
                delattr(dataset, keyword)
            for keyword, value in header.attributes.items():
                setattr(dataset, keyword, value)
            dataset.save_as(path)
            verdict = judge(read_header(path) or pydicom.Dataset())
        result = f"left out: {verdict.objection}" if verdict.objection else "segmented"
        doubts = f", with a warning: {'; '.join(verdict.doubts)}" if verdict.doubts and not verdict.objection else ""
        rows.append((header.name, verdict.view or "", result + doubts))
    return markdown(("header", "view", "prediction"), rows)


def real_table(folder: Path) -> str:
    """Return the table of real files: their properties, and whether other decoders see the same."""
    header = ("file", "transfer syntax", "stored as", "spacing in mm, from", "view", "GDCM", "DCMTK")
    return markdown(header, [_real_row(path) for path in sorted(folder.glob("*.dcm"))])


def _case_row(case: Case) -> Sequence[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = case.write(Path(folder))
        pixels = read_radiograph(path, "rgb" if case.kind == "colour" else "grey").pixels
        gdcm = deviation(pixels, read_by_gdcm(path), case.compared) if case.gdcm else None
        dcmtk = deviation(pixels, read_by_dcmtk(path, case.tool, case.dcmtk), case.compared) if case.tool else None
    error = float(np.abs(pixels - case.expected).max())
    read = "as written" if error <= 1e-3 else f"within {100 * deviation(pixels, case.expected):.1f} %, lossy"
    if not case.tolerance and error > 1e-3 + 1e-5 * np.abs(case.expected).max():
        read = "WRONG"
    return case.kind, case.name, read, _agreement(gdcm, bool(case.tolerance)), _agreement(dcmtk, bool(case.tolerance))


def _odd_row(case: OddCase) -> Sequence[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = case.write(Path(folder))
        radiograph = read_radiograph(path)
        theirs = show_by_gdcm(path, case), show_by_dcmtk(path, case)
    ours = compare(radiograph.turn.apply(radiograph.pixels), case)
    return case.kind, case.name, f"{ours}, with a remark" if radiograph.remarks else ours, *theirs


def _agreement(deviating: float | None, is_lossy: bool) -> str:
    if deviating is None:
        return "—"
    return "same" if deviating <= (_LOSSY if is_lossy else 1 / 500) else "DIFFERENT"


def _real_row(path: Path) -> Sequence[str]:
    dataset = pydicom.dcmread(path, stop_before_pixels=True)
    syntax = dataset.file_meta.TransferSyntaxUID
    radiograph = read_radiograph(path)
    stored = f"{dataset.PhotometricInterpretation}, {dataset.BitsStored} bits"
    spacing = f"{radiograph.spacing[0]:g}, {radiograph.spacing_source}" if radiograph.spacing else "none"
    voi = ("+Wi", "1") if "WindowCenter" in dataset else ()
    tool = TOOLS.get(syntax, "dcm2pnm")
    dcmtk = deviation(radiograph.pixels, read_by_dcmtk(path, tool, voi)) if tool else None
    gdcm = _deviation_without_tables(path)
    is_lossy = dataset.get("LossyImageCompression") == "01" or syntax.name.startswith("JPEG Baseline")
    name = syntax.name.split(" (")[0].split(", ")[0]
    view = radiograph.view or "not said"
    return path.stem, name, stored, spacing, view, _agreement(gdcm, is_lossy), _agreement(dcmtk, is_lossy)


def _deviation_without_tables(path: Path) -> float:
    """Compare with GDCM, which leaves look-up tables and windows out, by a copy that has none."""
    dataset = pydicom.dcmread(path)
    for keyword in ("ModalityLUTSequence", "WindowCenter", "WindowWidth"):
        if keyword in dataset:
            delattr(dataset, keyword)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.dcm"
        dataset.save_as(copy)
        return deviation(read_radiograph(copy).pixels, read_by_gdcm(copy))


def main() -> None:
    """Write the tables into the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path)
    parser.add_argument("--real", type=Path)
    arguments = parser.parse_args()
    document = arguments.document.read_text(encoding="utf-8")
    tables = {"cases": case_table(), "odd": odd_table(), "headers": header_table()}
    if arguments.real is not None:
        tables["real"] = real_table(arguments.real)
    for name, table in tables.items():
        document = replaced(document, name, table)
    arguments.document.write_text(document, encoding="utf-8")


if __name__ == "__main__":
    main()

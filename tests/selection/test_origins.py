"""Patient, device and view by the datalist, by the DICOM header, or by the file."""

from __future__ import annotations

import json
from pathlib import Path

from dicom_radiograph import radiograph
from radiograph_folder import save_radiograph

from monai_lungxfer.inference.dicom.source import save_dicom
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.selection.origins import Origin, find_origins


def find(*inputs: Path) -> dict[str, Origin]:
    files = find_inputs(inputs)
    return {item.path.name: origin for item, origin in zip(files, find_origins(inputs, files), strict=True)}


def test_files_without_a_header_are_patients_of_their_own(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        save_radiograph(tmp_path / name)
    first, second = find(tmp_path).values()
    assert first.patient != second.patient
    assert (first.device, first.view, first.group, first.has_label) == (None, None, "unknown", False)


def test_the_header_names_patient_device_and_view(tmp_path: Path) -> None:
    facts = {"PatientID": "7", "Manufacturer": "Maker", "ManufacturerModelName": "Mobile 1", "ViewPosition": "AP"}
    for name in ("a.dcm", "b.dcm"):
        save_dicom(tmp_path / name, radiograph(**facts))
    found = find(tmp_path)
    assert found["a.dcm"].patient == found["b.dcm"].patient
    assert found["a.dcm"].group == "Maker Mobile 1, AP"


def test_the_datalist_comes_first(tmp_path: Path) -> None:
    records = []
    for name, label in (("a.png", True), ("b.png", False)):
        save_radiograph(tmp_path / "images" / name)
        record = {"image": f"images/{name}", "patient": "p1", "view": "PA", "device": "DRX"}
        records.append(record | ({"label": f"masks/{name}"} if label else {}))
    (tmp_path / "datalist.json").write_text(json.dumps(records))
    for place in (tmp_path, tmp_path / "datalist.json"):
        found = find(place)
        assert {origin.patient for origin in found.values()} == {"listed p1"}
        assert {origin.group for origin in found.values()} == {"DRX, PA"}
        assert {name: origin.has_label for name, origin in found.items()} == {"a.png": True, "b.png": False}

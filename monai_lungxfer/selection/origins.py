"""Where each image comes from: patient, device and view, by the datalist or the DICOM header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from monai_lungxfer.data.datalist import DATALIST_NAME, load_datalist
from monai_lungxfer.data.records import Record
from monai_lungxfer.inference.input_search import is_dicom
from monai_lungxfer.inference.inputs import InputFile
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.dicom_identity import read_text
from monai_lungxfer.io.formats.quiet import quiet

_KEYWORDS = ("PatientID", "Manufacturer", "ManufacturerModelName", "ViewPosition")
_READERS = 4  # threads: a header on a network drive is mostly waited for
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Origin:
    """Of one image. Nothing of it is written down but the device and the view.

    Attributes
    ----------
    patient : str
        What tells patients apart.
    device : str or None
        Manufacturer and model.
    view : str or None
        As the datalist or View Position (0018,5101) says.
    has_label : bool
        Whether the datalist names a mask.
    """

    patient: str
    device: str | None = None
    view: str | None = None
    has_label: bool = False

    @property
    def group(self) -> str:
        """Device and view, as far as they are known."""
        return ", ".join(part for part in (self.device, self.view) if part) or UNKNOWN


def find_origins(inputs: Sequence[str | Path], files: Sequence[InputFile]) -> list[Origin]:
    """Return the origin of each file.

    What the record of a datalist says comes first, then the DICOM header. A file of which neither names the patient is
    taken for a patient of its own.

    Parameters
    ----------
    inputs : sequence of str or pathlib.Path
        As `monai_lungxfer.inference.inputs.find_inputs` got them; the datalists among and below them are read.
    files : sequence of InputFile
        What that returned.

    Raises
    ------
    DatalistError
        When a datalist is malformed.
    """
    records = _read_records(inputs)
    with ThreadPoolExecutor(_READERS) as pool:
        headers = pool.map(_read_header, (item.path for item in files))
        return [
            _merge(item, records.get(item.path.resolve()), header) for item, header in zip(files, headers, strict=True)
        ]


def _read_records(inputs: Sequence[str | Path]) -> dict[Path, Record]:
    lists: list[Path] = []
    for given in inputs:
        path = Path(given).expanduser().absolute()
        if path.is_dir():
            lists += sorted(path.rglob(DATALIST_NAME))
        elif path.suffix.lower() == ".json" and path.is_file():
            lists.append(path)
    records = (record for path in lists for record in load_datalist(path, labels_required=False))
    return {Path(record["image"]).resolve(): record for record in records}


def _merge(item: InputFile, record: Mapping[str, object] | None, header: Dataset | None) -> Origin:
    record = record or {}
    told = {keyword: read_text(header, keyword) if header is not None else "" for keyword in _KEYWORDS}
    model = " ".join(part for part in (told["Manufacturer"], told["ManufacturerModelName"]) if part)
    listed = record.get("patient")
    patient = f"listed {listed}" if listed else f"id {told['PatientID']}" if told["PatientID"] else f"file {item.name}"
    return Origin(
        patient=patient,
        device=str(record.get("device") or model or "") or None,
        view=str(record.get("view") or told["ViewPosition"] or "") or None,
        has_label=bool(record.get("label")),
    )


def _read_header(path: Path) -> Dataset | None:
    """Return the attributes that are needed here; ``None`` for other formats, and for what cannot be read."""
    try:
        if not is_dicom(path):
            return None
        with quiet():
            return read_dataset(path, stop_before_pixels=True, specific_tags=list(_KEYWORDS))
    except Exception:  # noqa: BLE001 - pydicom raises anything; the reader of the pixels reports it
        return None

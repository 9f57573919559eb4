"""Which of the found files are not to be segmented: results of software, and second images of one exposure."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.attributes import read_items
from monai_lungxfer.inference.dicom.exposures import EXPOSURE_KEYWORDS, find_raw_twins
from monai_lungxfer.io.formats import recognise_dicom
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.dicom_identity import read_text
from monai_lungxfer.io.formats.quiet import quiet

RAW_TWIN = "is the FOR PROCESSING image of an exposure that is also there FOR PRESENTATION"

_SEGMENTATIONS = (  # surfaces, contours and parametric maps, too: what is computed from images (PS3.6, table A-1)
    *("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.5", "1.2.840.10008.5.1.4.1.1.66.7"),
    *("1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.30"),
)
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_OURS = "monai_lungxfer"
_OUR_LABEL = "LUNGS"  # Content Label of our segmentations
_COPIES = frozenset(("121320", "121330", "121358", "113130"))  # CID 7202: predecessors that show the same picture
_LOSSY = frozenset(("113040",))  # CID 7203
_COMPUTED = frozenset(str(code) for code in range(113072, 113080))  # CID 7203: segmentation, reformatting, rendering
_DRAWN = ("SEGMENT", "CONTOUR", "HEATMAP", "HEAT MAP", "SALIENCY", "OVERLAY", "ANNOTATED", "AI RESULT")

_KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "Modality", "ImageType", "Manufacturer", "ManufacturerModelName"),
    *("ContentLabel", "DerivationDescription", "DerivationCodeSequence", "ContributingEquipmentSequence"),
    *("SourceImageSequence", "PhotometricInterpretation", "SeriesDescription", "SpecificCharacterSet"),
)
_READERS = 4  # threads: a header on a network drive is mostly waited for


def find_exclusions(files: Sequence[Path]) -> dict[Path, str]:
    """Return why files are no radiographs of their own, by their DICOM headers; of the others nothing.

    Left out are results of software, ours and others', by `describe_result`, and FOR PROCESSING images whose exposure
    is among the files FOR PRESENTATION, by `monai_lungxfer.inference.dicom.exposures.find_raw_twins`. A file without a
    header that can be read is not judged: it is reported when it is read.
    """
    with ThreadPoolExecutor(_READERS) as pool:
        read = dict(zip(files, pool.map(_read_header, files), strict=True))
    headers = {file: header for file, header in read.items() if header is not None}
    results = {file: reason for file, header in headers.items() if (reason := describe_result(header)) is not None}
    images = {file: header for file, header in headers.items() if file not in results}
    return results | dict.fromkeys(find_raw_twins(images), RAW_TWIN)


def describe_result(header: Dataset) -> str | None:
    """Return why a DICOM file is the result of software and no radiograph, or ``None``.

    Evidence is the SOP class of segmentations and maps; this package as Manufacturer or among the Contributing
    Equipment; a Derivation Code of a computation; and, of a secondary capture that was derived from another image, a
    Derivation Description that speaks of a drawing, or colour. A lossy or decompressed copy is still a radiograph.
    """
    if read_text(header, "SOPClassUID") in _SEGMENTATIONS or read_text(header, "Modality") == "SEG":
        return "is a segmentation or map, not a radiograph"
    if _is_ours(header):
        return f"is a result of {_OURS}, not a radiograph"
    if _codes(header, "DerivationCodeSequence") & _COMPUTED or _is_drawn(header):
        return "is a result of software, made from another image"
    return None


def _is_ours(header: Dataset) -> bool:
    makers = [header, *read_items(header, "ContributingEquipmentSequence")]
    if any(_OURS in read_text(maker, "Manufacturer") for maker in makers):
        return True
    return read_text(header, "ContentLabel") == _OUR_LABEL


def _is_drawn(header: Dataset) -> bool:
    """Tell whether a secondary capture shows a result drawn over another image."""
    if not read_text(header, "SOPClassUID").startswith(_SECONDARY_CAPTURE):
        return False
    if _codes(header, "DerivationCodeSequence") & _LOSSY:
        return False
    derived = read_text(header, "ImageType").startswith("DERIVED")
    told = f"{read_text(header, 'DerivationDescription')} {read_text(header, 'SeriesDescription')}".upper()
    is_drawn = any(word in told for word in _DRAWN)
    is_grey = read_text(header, "PhotometricInterpretation").startswith("MONOCHROME")
    return derived and (is_drawn or (not is_grey and _has_source(header)))


def _has_source(header: Dataset) -> bool:
    """Tell whether it was made from another image of which it is no mere copy."""
    purposes = [_codes(item, "PurposeOfReferenceCodeSequence") for item in read_items(header, "SourceImageSequence")]
    return any(not codes & _COPIES for codes in purposes)


def _codes(header: Dataset, keyword: str) -> set[str]:
    return {read_text(item, "CodeValue") for item in read_items(header, keyword)}


def _read_header(path: Path) -> Dataset | None:
    """Return the attributes that are judged here; ``None`` for other formats, and for what cannot be read."""
    try:
        with path.open("rb") as file:
            if recognise_dicom(file.read(132)) is None:
                return None
        with quiet():
            tags = list(dict.fromkeys((*_KEYWORDS, *EXPOSURE_KEYWORDS)))
            return read_dataset(path, stop_before_pixels=True, specific_tags=tags)
    except Exception:  # noqa: BLE001 - pydicom raises anything; the reader of the pixels reports it
        return None

"""Which DICOM objects software made from images, by the header alone: they are no radiographs to be segmented."""

from __future__ import annotations

from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.attributes import read_items
from monai_lungxfer.inference.dicom.authorship import MAKER
from monai_lungxfer.io.formats.dicom_identity import read_text

_SEGMENTATIONS = (  # surfaces, contours and parametric maps, too: what is computed from images (PS3.6, table A-1)
    *("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.5", "1.2.840.10008.5.1.4.1.1.66.7"),
    *("1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.5.1.4.1.1.30"),
)
_DOCUMENTS = tuple(f"1.2.840.10008.5.1.4.1.1.{root}." for root in (88, 11, 104))  # SR and KO, PR, encapsulated
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_OUR_LABEL = "LUNGS"  # Content Label of our segmentations
_COPIES = frozenset(("121320", "121330", "121358", "113130"))  # CID 7202: predecessors that show the same picture
_LOSSY = frozenset(("113040",))  # CID 7203
_COMPUTED = frozenset(str(code) for code in range(113072, 113080))  # CID 7203: segmentation, reformatting, rendering
_DRAWN = ("SEGMENT", "CONTOUR", "HEATMAP", "HEAT MAP", "SALIENCY", "OVERLAY", "ANNOTATED", "AI RESULT")

RESULT_KEYWORDS = (
    *("SOPClassUID", "SOPInstanceUID", "Modality", "ImageType", "Manufacturer", "ManufacturerModelName"),
    *("ContentLabel", "DerivationDescription", "DerivationCodeSequence", "ContributingEquipmentSequence"),
    *("SourceImageSequence", "PhotometricInterpretation", "SeriesDescription", "SpecificCharacterSet"),
    *("BurnedInAnnotation", "AlgorithmName", "AlgorithmFamilyCodeSequence"),
)
"""The attributes that `describe_result` looks at."""


def describe_result(header: Dataset) -> str | None:
    """Return why a DICOM file is the result of software and no radiograph, or ``None``.

    Evidence is the SOP class of segmentations, maps, reports and presentation states; this package as Manufacturer or
    among the Contributing Equipment (`monai_lungxfer.inference.dicom.authorship.sign`); a Derivation Code of a
    computation; the name or family of an algorithm; and, of a secondary capture that was derived from another image, a
    Derivation Description that speaks of a drawing, colour, or burnt-in annotation. A digitised film, a lossy or
    decompressed copy and a processed image of the device itself are radiographs.
    """
    if read_text(header, "SOPClassUID") in _SEGMENTATIONS or read_text(header, "Modality") == "SEG":
        return "is a segmentation or map, not a radiograph"
    if _is_ours(header):
        return f"is a result of {MAKER}, not a radiograph"
    if read_text(header, "SOPClassUID").startswith(_DOCUMENTS):
        return "holds no image: it is a report, presentation state or other document"
    if _codes(header, "DerivationCodeSequence") & _COMPUTED or _names_algorithm(header) or _is_drawn(header):
        return "is a result of software, made from another image"
    return None


def _is_ours(header: Dataset) -> bool:
    makers = [header, *read_items(header, "ContributingEquipmentSequence")]
    if any(MAKER in read_text(maker, "Manufacturer") for maker in makers):
        return True
    return read_text(header, "ContentLabel") == _OUR_LABEL


def _names_algorithm(header: Dataset) -> bool:
    """Tell whether an image names the algorithm that made it (PS3.3, table 10-19), which no radiograph does."""
    return bool(read_text(header, "AlgorithmName") or read_items(header, "AlgorithmFamilyCodeSequence"))


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
    is_marked = not is_grey or read_text(header, "BurnedInAnnotation") == "YES"
    return derived and (is_drawn or (is_marked and _has_source(header)))


def _has_source(header: Dataset) -> bool:
    """Tell whether it was made from another image of which it is no mere copy."""
    purposes = [_codes(item, "PurposeOfReferenceCodeSequence") for item in read_items(header, "SourceImageSequence")]
    return any(not codes & _COPIES for codes in purposes)


def _codes(header: Dataset, keyword: str) -> set[str]:
    return {read_text(item, "CodeValue") for item in read_items(header, keyword)}

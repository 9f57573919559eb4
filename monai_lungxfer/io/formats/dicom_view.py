"""Whether a DICOM header tells of a frontal chest radiograph. No text of the file gets into what is returned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.config import IGNORE
from pydicom.dataset import Dataset
from pydicom.uid import UID, MediaStorageDirectoryStorage

from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.dicom_part import SNOMED, is_chest, read_text
from monai_lungxfer.io.formats.quiet import quiet
from monai_lungxfer.utils.errors import ViewError

FRONTAL_VIEWS = frozenset(("AP", "PA", "frontal"))
"""The views that the networks were trained with."""

_IMAGE = ("Rows", "Columns", "BitsAllocated", "PixelData")  # none of which has a report
_KEYWORDS = (
    *_IMAGE,
    *("SOPClassUID", "Modality", "BodyPartExamined", "AnatomicRegionSequence"),
    *("ViewPosition", "ViewCodeSequence", "PatientOrientation", "SeriesDescription", "SpecificCharacterSet"),
)

_RADIOGRAPHY = frozenset(("CR", "DX", "DR", "RG"))
_UNDECIDED_MODALITIES = frozenset(("", "OT"))  # of secondary captures
# PS3.3, section C.7.3.1.1.1: only these are repeated in a message, since anything else may stand there.
_OTHER_MODALITIES = frozenset(
    ("CT", "DOC", "IO", "KO", "MG", "MR", "NM", "PR", "PT", "PX", "RF", "RTDOSE", "SEG", "SR", "US", "XA", "XC")
)
_WITHOUT_IMAGE = frozenset(("DOC", "KO", "PR", "SR"))

_VIEW_WORDS = {
    "decubitus": frozenset(("LLD", "RLD", "DECUB", "DECUBITUS")),
    "lateral": frozenset(
        (
            *("LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT", "LATERALE", "LATERALIS", "LATERAAL", "LATERO", "SEITLICH"),
            *("PROFIL", "PROFILE", "PERFIL", "ZIJDELINGS", "BOCZNE", "BOCZNA", "BOCNI", "OLDALIRANYU", "SIDEBILDE"),
        )
    ),
    "oblique": frozenset(("LLO", "RLO", "LAO", "RAO", "LPO", "RPO", "OBL", "OBLIQUE", "OBLICUA", "OBLIQUA", "SCHRAG")),
    "AP": frozenset(("AP", "VD")),
    "PA": frozenset(("PA", "DV")),
    "frontal": frozenset(("FRONTAL", "FRONTALE", "FRONTAAL", "FRONT", "FACE", "FRENTE")),
}
"""What is recognised in View Position (PS3.3, C.8.7.1.1 and C.8.11.5.1.1, and in use), the decisive view first."""

_VIEW_PATTERNS = (
    *((r"ANTERO[\W_]*POSTERIOR\w*", "AP"), (r"POSTERO[\W_]*ANTERIOR\w*", "PA")),
    *((r"VENTRO[\W_]*DORSAL\w*", "AP"), (r"DORSO[\W_]*VENTRAL\w*", "PA")),
    # Letters with dots or dashes, and postures written behind without a blank.
    *((rf"\b{a}[\W_]{{1,2}}{b}\b", a + b) for a, b in ("AP", "PA", "DV", "VD")),
    *((rf"\b{view}(?=ERECT|UPRIGHT|STAND|SUPINE|SIT|SEMI|PORT|MOB|BED)", view) for view in ("AP", "PA")),
)

_META = 256  # bytes in which the SOP class stands: it is the third element after the preamble

_DOCUMENT_ROOTS = (b"1.2.840.10008.5.1.4.1.1.88.", b"1.2.840.10008.5.1.4.1.1.11.")  # structured reports, presentations

_VIEW_CODES = {
    **dict.fromkeys(("399348003", "R-10206"), "AP"),
    **dict.fromkeys(("272479007", "R-10214"), "PA"),
    **dict.fromkeys(("399033003", "R-10202"), "frontal"),
    **dict.fromkeys(("399067008", "R-102CD", "399173006", "R-10236", "399198007", "R-10232"), "lateral"),
}
"""PS3.16, CID 4010, as SCT and as the older SRT. Every other code of these schemes is another view."""


@dataclass(frozen=True)
class ViewDecision:
    """What a header says of the view: as in `monai_lungxfer.io.radiograph.Radiograph`, or ``None`` for unsaid.

    The objection is why this is no frontal chest radiograph. The doubts are what the header leaves open, or contradicts
    itself in.
    """

    view: str | None
    objection: str | None
    doubts: tuple[str, ...] = ()

    def refuse_others(self, path: Path) -> None:
        """Let only frontal chest radiographs pass: raise an objection as a ViewError."""
        if self.objection is not None:
            raise ViewError(
                self.objection, source=path, remedy="Give a frontal chest radiograph, or allow others (any_view)"
            )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of the doubts, in at most one sentence."""
        return (f"it may be no frontal chest radiograph: {'; '.join(self.doubts)}",) if self.doubts else ()


def read_header(path: Path) -> Dataset | None:
    """Return the attributes that `judge` looks at, or ``None`` when the header cannot be read."""
    try:
        with quiet():
            return read_dataset(path, stop_before_pixels=True, specific_tags=list(_KEYWORDS))
    except Exception:  # noqa: BLE001 - pydicom raises anything; the reader of the pixels reports it
        return None


def is_directory(path: Path) -> bool:
    """Tell whether a file is a DICOMDIR, by its name or, since some media have several, by its SOP class."""
    if path.name == "DICOMDIR":
        return True
    with path.open("rb") as file:
        return MediaStorageDirectoryStorage.encode() in file.read(_META)


def is_document(path: Path) -> bool:
    """Tell by its SOP class whether a file is a report or presentation state; one that cannot be read is none."""
    try:
        with path.open("rb") as file:
            meta = file.read(_META)
    except OSError:
        return False
    return any(root in meta for root in _DOCUMENT_ROOTS)


def judge(header: Dataset) -> ViewDecision:
    """Judge by modality, body part and view whether a header is that of a frontal chest radiograph.

    Modality (0008,0060) must be CR, DX or RG, or leave it open. The body part must be the chest, or none that is known
    (`monai_lungxfer.io.formats.dicom_part.is_chest`). The view is that of View Position (0018,5101) or View
    Code Sequence (0054,0220), whichever speaks against a frontal one; where both are silent, that of Patient
    Orientation (0020,0020). Series Description (0008,103E) only ever raises doubts.
    """
    modality = _modality(header)
    stated, seen = _stated_view(header), _seen_view(header)
    view = stated or seen
    chest = is_chest(header)
    part = read_text(header, "BodyPartExamined")
    named = f" (Modality {modality})" if modality in _OTHER_MODALITIES else ""
    objections = {
        f"holds no image{named}": not any(keyword in header for keyword in _IMAGE) and not promises_image(header),
        f"is no radiograph{named}": modality not in _RADIOGRAPHY | _UNDECIDED_MODALITIES,
        "its body part is not the chest": chest is False,
        f"its view is not frontal ({view})": view is not None and view not in FRONTAL_VIEWS,
    }
    doubts = {
        "its header does not say the modality": modality not in _RADIOGRAPHY,
        "its header does not say the body part": chest is None and not part,
        "its header names a body part that is not known": chest is None and bool(part),
        "its header does not say the view": view is None,
        "its Patient Orientation is that of another view": stated is not None and seen in ("lateral", "other"),
        "its Series Description speaks of another view": _view_in(read_text(header, "SeriesDescription"))
        not in FRONTAL_VIEWS | {None},
    }
    objection = next((text for text, holds in objections.items() if holds), None)
    return ViewDecision(view, objection, tuple(text for text, holds in doubts.items() if holds))


def promises_image(header: Dataset) -> bool:
    """Tell whether a header says that an image follows, or too little to deny it: without one, the file is cut short.

    It is judged by the SOP Class (0008,0016), or Media Storage SOP Class (0002,0002), and by Modality.
    """
    modality = _modality(header)
    meta = getattr(header, "file_meta", None) or Dataset()
    uid = read_text(header, "SOPClassUID") or read_text(meta, "MediaStorageSOPClassUID")
    name = UID(uid, validation_mode=IGNORE).name
    is_unsaid = modality in _UNDECIDED_MODALITIES and "Storage" not in name
    return modality not in _WITHOUT_IMAGE and ("Image Storage" in name or modality in _RADIOGRAPHY or is_unsaid)


def _modality(header: Dataset) -> str:
    """Return Modality, "" where it is one letter alone, which is left when a file is cut within it."""
    modality = read_text(header, "Modality")
    return modality if len(modality) > 1 else ""


def _codes(header: Dataset, keyword: str) -> Iterator[str]:
    """Yield the SNOMED codes in a sequence."""
    for item in header.get(keyword) or ():
        if read_text(item, "CodingSchemeDesignator") in SNOMED:
            yield read_text(item, "CodeValue")


def _stated_view(header: Dataset) -> str | None:
    coded = [_VIEW_CODES.get(code, "other") for code in _codes(header, "ViewCodeSequence")]
    stated = [view for view in (_view_in(read_text(header, "ViewPosition")), *coded) if view is not None]
    return next((view for view in stated if view not in FRONTAL_VIEWS), stated[0] if stated else None)


def _view_in(text: str) -> str | None:
    for pattern, short in _VIEW_PATTERNS:
        text = re.sub(pattern, f" {short} ", text)
    words = set(re.findall("[A-Z]+", text))
    return next((view for view, known in _VIEW_WORDS.items() if words & known), None)


def _seen_view(header: Dataset) -> str | None:
    """Return the view by the directions of rows and columns, L or R and F or H in a frontal one (C.7.6.1.1.1)."""
    value = header.get("PatientOrientation") or ()
    axes = {direction[:1] for direction in value} if len(value) == 2 else set()
    if axes & set("LR") and axes & set("FH"):
        return "frontal"
    if axes & set("AP") and axes & set("FH"):
        return "lateral"
    return "other" if axes & set("LR") and axes & set("AP") else None

"""Whether a DICOM header tells of a frontal chest radiograph. No text of the file gets into what is returned."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import MediaStorageDirectoryStorage

from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.quiet import quiet
from monai_lungxfer.utils.errors import ViewError

FRONTAL_VIEWS = frozenset(("AP", "PA", "frontal"))
"""The views that the networks were trained with."""

_IMAGE = ("Rows", "Columns", "BitsAllocated", "PixelData")  # none of which has a report
_KEYWORDS = (
    *_IMAGE,
    *("Modality", "BodyPartExamined", "AnatomicRegionSequence"),
    *("ViewPosition", "ViewCodeSequence", "PatientOrientation", "SeriesDescription", "SpecificCharacterSet"),
)

_RADIOGRAPHY = frozenset(("CR", "DX", "DR", "RG"))
_UNDECIDED_MODALITIES = frozenset(("", "OT"))  # of secondary captures
# PS3.3, section C.7.3.1.1.1: only these are repeated in a message, since anything else may stand there.
_OTHER_MODALITIES = frozenset(
    ("CT", "DOC", "IO", "KO", "MG", "MR", "NM", "PR", "PT", "PX", "RF", "RTDOSE", "SEG", "SR", "US", "XA", "XC")
)

_CHEST = re.compile("CHEST|THORA|LUNG|TORAX|TORACE|PECHO|BRUST|POUMON")
_SPINE = re.compile("SPIN|VERTEB")  # of the thorax, which a radiograph of the spine shows, too
_UNDECIDED_PARTS = frozenset(("", "NONE", "OTHER", "UNKNOWN", "NA", "N/A"))
_CHEST_CODES = frozenset(
    # Thorax, entire thorax, thoracic cavity, lung, chest and abdomen: PS3.16, CID 4 and 4031; the last are older codes.
    ("51185008", "302551006", "43799004", "39607008", "416949008", "T-D3000", "T-D3001", "T-28000", "R-FAB55")
)

_VIEW_WORDS = {
    "decubitus": frozenset(("LLD", "RLD", "DECUB", "DECUBITUS")),
    "lateral": frozenset(("LL", "RL", "LAT", "LATERAL", "LLAT", "RLAT", "SEITLICH")),
    "oblique": frozenset(("LLO", "RLO", "LAO", "RAO", "LPO", "RPO", "OBL", "OBLIQUE")),
    "AP": frozenset(("AP",)),
    "PA": frozenset(("PA",)),
    "frontal": frozenset(("FRONTAL",)),
}
"""What is recognised in View Position (PS3.3, C.8.7.1.1 and C.8.11.5.1.1, and in use), the decisive view first."""

_META = 256  # bytes in which the SOP class stands: it is the third element after the preamble

_SNOMED = frozenset(("SCT", "SRT", "SNM3", "99SDM"))
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


def judge(header: Dataset) -> ViewDecision:
    """Judge by modality, body part and view whether a header is that of a frontal chest radiograph.

    Modality (0008,0060) must be CR, DX or RG, or leave it open; Body Part Examined (0018,0015), or else a SNOMED code
    in Anatomic Region Sequence (0008,2218), must be the chest. The view is that of View Position (0018,5101) or View
    Code Sequence (0054,0220), whichever speaks against a frontal one; where both are silent, that of Patient
    Orientation (0020,0020). Series Description (0008,103E) only ever raises doubts.
    """
    modality = _text(header, "Modality")
    stated, seen = _stated_view(header), _seen_view(header)
    view = stated or seen
    is_chest = _is_chest(header)
    named = f" (Modality {modality})" if modality in _OTHER_MODALITIES else ""
    objections = {
        f"holds no image{named}": not any(keyword in header for keyword in _IMAGE),
        f"is no radiograph{named}": modality not in _RADIOGRAPHY | _UNDECIDED_MODALITIES,
        "its body part is not the chest": is_chest is False,
        f"its view is not frontal ({view})": view is not None and view not in FRONTAL_VIEWS,
    }
    doubts = {
        "its header does not say the modality": modality not in _RADIOGRAPHY,
        "its header does not say the body part": is_chest is None,
        "its header does not say the view": view is None,
        "its Patient Orientation is that of another view": stated is not None and seen in ("lateral", "other"),
        "its Series Description speaks of another view": _view_in(_text(header, "SeriesDescription"))
        not in FRONTAL_VIEWS | {None},
    }
    objection = next((text for text, holds in objections.items() if holds), None)
    return ViewDecision(view, objection, tuple(text for text, holds in doubts.items() if holds))


def _text(header: Dataset, keyword: str) -> str:
    """Return a value in upper case, without accents."""
    folded = unicodedata.normalize("NFKD", str(header.get(keyword) or "").strip().upper())
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


def _codes(header: Dataset, keyword: str) -> Iterator[str]:
    """Yield the SNOMED codes in a sequence."""
    for item in header.get(keyword) or ():
        if _text(item, "CodingSchemeDesignator") in _SNOMED:
            yield _text(item, "CodeValue")


def _is_chest(header: Dataset) -> bool | None:
    part = _text(header, "BodyPartExamined")
    if part not in _UNDECIDED_PARTS:
        return _CHEST.search(part) is not None and _SPINE.search(part) is None
    codes = list(_codes(header, "AnatomicRegionSequence"))
    return any(code in _CHEST_CODES for code in codes) if codes else None


def _stated_view(header: Dataset) -> str | None:
    coded = [_VIEW_CODES.get(code, "other") for code in _codes(header, "ViewCodeSequence")]
    stated = [view for view in (_view_in(_text(header, "ViewPosition")), *coded) if view is not None]
    return next((view for view in stated if view not in FRONTAL_VIEWS), stated[0] if stated else None)


def _view_in(text: str) -> str | None:
    text = re.sub(r"ANTERO[\W_]*POSTERIOR", "AP", re.sub(r"POSTERO[\W_]*ANTERIOR", "PA", text))
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

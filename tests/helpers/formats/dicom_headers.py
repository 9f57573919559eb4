"""DICOM headers, and what is made of them. `test_dicom_view` and `docs/generate/dicom_table.py` run through them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dicom_writing import chest_header
from pydicom.dataset import Dataset

__all__ = ["HEADERS", "Header", "coded"]

NO_MODALITY = "its header does not say the modality"
NO_PART = "its header does not say the body part"
UNKNOWN_PART = "its header names a body part that is not known"
NO_VIEW = "its header does not say the view"
NOT_CHEST = "its body part is not the chest"


def coded(value: str, scheme: str = "SCT", meaning: str = "Roe^Jane") -> list[Dataset]:
    """Return a sequence of one code."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


@dataclass(frozen=True)
class Header:
    """A header that differs from that of a PA radiograph of the chest, and the verdict on it."""

    name: str
    changes: dict[str, Any]
    view: str | None = "PA"
    objection: str | None = None
    doubts: tuple[str, ...] = field(default=())

    @property
    def attributes(self) -> dict[str, Any]:
        return {keyword: value for keyword, value in (chest_header() | self.changes).items() if value is not None}


def _not_frontal(view: str) -> str:
    return f"its view is not frontal ({view})"


HEADERS = [
    Header("DX, CHEST, PA", {}),
    Header("CR, CHEST, AP", {"Modality": "CR", "ViewPosition": "AP"}, "AP"),
    Header("RG, THORAX, ANTERO-POSTERIOR", {"Modality": "RG", "BodyPartExamined": "THORAX",
                                            "ViewPosition": "ANTERO-POSTERIOR"}, "AP"),
    Header("Body Part Examined TÓRAX", {"BodyPartExamined": "TÓRAX"}),
    *(Header(f"Modality {name}", {"Modality": name}, objection=f"is no radiograph (Modality {name})")
      for name in ("CT", "MR", "US", "MG", "RF")),
    Header("Modality that is none", {"Modality": "ROE"}, objection="is no radiograph"),
    Header("Modality OT", {"Modality": "OT"}, doubts=(NO_MODALITY,)),
    Header("Body Part Examined ABDOMEN", {"BodyPartExamined": "ABDOMEN"}, objection=NOT_CHEST),
    Header("Body Part Examined THORACIC SPINE", {"BodyPartExamined": "THORACIC SPINE"}, objection=NOT_CHEST),
    *(Header(f"Body Part Examined {word}", {"BodyPartExamined": word}, objection=NOT_CHEST)
      for word in ("LEFT HAND", "LOWER LIMB", "TSPINE", "BECKEN")),
    *(Header(f"Body Part Examined {word}", {"BodyPartExamined": word.encode().decode("latin-1")})
      for word in ("CXR", "KLATKA PIERSIOWA", "GÖĞÜS", "胸部")),
    *(Header(f"Body Part Examined {word}", {"BodyPartExamined": word}, doubts=(UNKNOWN_PART,))
      for word in ("RIB", "ROE")),
    Header("Body Part Examined ROE, Anatomic Region Sequence: chest",
           {"BodyPartExamined": "ROE", "AnatomicRegionSequence": coded("816094009")}),
    Header("no Body Part Examined", {"BodyPartExamined": None}, doubts=(NO_PART,)),
    Header("Anatomic Region Sequence: thorax", {"BodyPartExamined": None, "AnatomicRegionSequence": coded("51185008")}),
    Header("Anatomic Region Sequence: thorax, old code",
           {"BodyPartExamined": None, "AnatomicRegionSequence": coded("T-D3000", "SRT")}),
    Header("Anatomic Region Sequence: abdomen",
           {"BodyPartExamined": None, "AnatomicRegionSequence": coded("818981001")}, objection=NOT_CHEST),
    Header("Anatomic Region Sequence: hand, old code",
           {"BodyPartExamined": None, "AnatomicRegionSequence": coded("T-D8700", "SRT")}, objection=NOT_CHEST),
    Header("Anatomic Region Sequence of another scheme, meaning Thorax",
           {"BodyPartExamined": None, "AnatomicRegionSequence": coded("RID1243", "RADLEX", "Thorax")}),
    Header("Anatomic Region Sequence of another scheme, meaning Hand",
           {"BodyPartExamined": None, "AnatomicRegionSequence": coded("1", "99LOCAL", "Hand")}, objection=NOT_CHEST),
    Header("Anatomic Region Sequence of another scheme",
           {"BodyPartExamined": None, "AnatomicRegionSequence": coded("1", "99LOCAL")}, doubts=(NO_PART,)),
    *(Header(f"View Position {name}", {"ViewPosition": name}, view)
      for name, view in {"P.A.": "PA", "AP_SUPINE": "AP", "DORSOVENTRAL": "PA", "FACE": "frontal"}.items()),
    *(Header(f"View Position {name}", {"ViewPosition": name}, view, _not_frontal(view))
      for name, view in {"LL": "lateral", "RL": "lateral", "LATERAL": "lateral", "PROFIL": "lateral",
                         "RLD": "decubitus", "LLO": "oblique", "AP OBLIQUE": "oblique"}.items()),
    Header("View Code Sequence: postero-anterior", {"ViewPosition": None, "ViewCodeSequence": coded("272479007")}),
    Header("View Code Sequence: antero-posterior, old code",
           {"ViewPosition": None, "ViewCodeSequence": coded("R-10206", "SRT")}, "AP"),
    Header("View Code Sequence: left lateral", {"ViewPosition": None, "ViewCodeSequence": coded("399173006")},
           "lateral", _not_frontal("lateral")),
    Header("View Code Sequence: axial", {"ViewPosition": None, "ViewCodeSequence": coded("399061009")},
           "other", _not_frontal("other")),
    Header("View Position PA, View Code Sequence: right lateral", {"ViewCodeSequence": coded("399198007")},
           "lateral", _not_frontal("lateral")),
    Header("Patient Orientation L\\F", {"ViewPosition": None, "PatientOrientation": ["L", "F"]}, "frontal"),
    Header("Patient Orientation A\\F", {"ViewPosition": None, "PatientOrientation": ["A", "F"]},
           "lateral", _not_frontal("lateral")),
    Header("Patient Orientation L\\P", {"ViewPosition": None, "PatientOrientation": ["L", "P"]},
           "other", _not_frontal("other")),
    Header("View Position PA, Patient Orientation P\\F", {"PatientOrientation": ["P", "F"]},
           doubts=("its Patient Orientation is that of another view",)),
    Header("no view", {"ViewPosition": ""}, None, doubts=(NO_VIEW,)),
    Header("no view, Series Description 'Thorax lat.'", {"ViewPosition": "", "SeriesDescription": "Thorax lat."},
           None, doubts=(NO_VIEW, "its Series Description speaks of another view")),
    Header("nothing at all", {"Modality": None, "BodyPartExamined": None, "ViewPosition": None}, None,
           doubts=(NO_MODALITY, NO_PART, NO_VIEW)),
]  # fmt: skip

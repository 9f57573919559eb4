"""Words and codes of body parts, in several languages."""

from __future__ import annotations

import pytest
from dicom_headers import coded
from pydicom.dataset import Dataset

from monai_lungxfer.io.formats.dicom_part import is_chest


def judged(word: str, regions: list[Dataset] | None = None) -> bool | None:
    header = Dataset()
    header.add_new("BodyPartExamined", "LO", word)
    if regions:
        header.AnatomicRegionSequence = regions
    return is_chest(header)


CHEST = (
    "CHEST, Chest PA, CHEST_PORTABLE, THORAX, Thorax p.a., CHESTABDOMEN, CHESTABDPELVIS, CXR, THX, TÓRAX, Tórax PA, "
    "TORACE, POUMONS, KLATKA PIERSIOWA, PŁUCA, GÖĞÜS, AKCİĞER, BORSTKAS, MELLKAS, HRUDNÍK, LUNGOR, KEUHKOT, "
    "грудная клетка, ОГК, θώρακας, 胸部, 흉부, الصدر"
)
OTHER = (
    "ABDOMEN, ABDOMENPELVIS, HAND, HANDS, LEFT HAND, L KNEE, KNEE_LT, ELBOW, ANKLE, WRIST, HIP, FOOT, PELVIS, SKULL, "
    "HEAD, NECK, SHOULDER, CLAVICLE, FEMUR, TIBIA, LOWER LIMB, LOWERLIMB, EXTREMITY, JAW, CSPINE, T SPINE, TSPINE, "
    "THORACIC SPINE, LSPINE, BRUSTWIRBELSÄULE, COLUMNA DORSAL, Columna torácica, SCHÄDEL, GENOU DROIT, RODILLA"
)
OPEN = "RIB, RIBS, HEART, MEDIASTINUM, WHOLEBODY, BABYGRAM, OTHER, UNKNOWN, N/A, ROE^JANE, PORTABLE, 12, ?"


@pytest.mark.parametrize(("words", "expected"), [(CHEST, True), (OTHER, False), (OPEN, None)])
def test_words(words: str, expected: bool | None) -> None:
    assert {word: judged(word) for word in words.split(", ")} == dict.fromkeys(words.split(", "), expected)


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        (coded("816094009"), True),  # chest
        (coded("T-D3000", "SRT"), True),
        (coded("T-D3000", "99SDM"), True),
        (coded("39607008"), True),  # lung
        (coded("416550000"), True),  # chest and abdomen
        (coded("69536005"), False),  # head
        (coded("122495006"), False),  # thoracic spine
        (coded("T-D8700", "SRT"), False),  # hand
        (coded("113197003"), None),  # rib
        (coded("1"), None),
        (coded("1", meaning="Chest"), True),
        (coded("1", "99LOCAL", "Knee"), False),
        (coded("69536005") + coded("816094009"), True),
        (coded("69536005") + coded("1"), None),
    ],
)
def test_regions(regions: list[Dataset], expected: bool | None) -> None:
    assert judged("", regions) is expected
    assert judged("ROE", regions) is expected
    assert judged("CHEST", regions) is True


def test_utf_8_in_a_code_string() -> None:
    assert judged("GÖĞÜS".encode().decode("latin-1")) is True
    assert judged("TÓRAX") is True

"""Which part of the body a DICOM header names: the chest, another one, or none that is known."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

from pydicom.dataset import Dataset

SNOMED = frozenset(("SCT", "SRT", "SNM3", "99SDM"))
"""Coding schemes of SNOMED; all but the first are older, with codes such as T-D3000."""

_UNDECIDED = frozenset(("", "NONE", "OTHER", "UNKNOWN", "NA", "N/A"))
_CHEST_CODES = frozenset(
    (
        # Thorax, entire thorax, thoracic cavity, lung, chest and abdomen, chest: PS3.16, CID 4 and 4031; older codes.
        *("51185008", "302551006", "43799004", "39607008", "416949008", "816094009"),
        *("T-D3000", "T-D3001", "T-28000", "R-FAB55"),
    )
)

_CHEST_STEMS = (
    *("CHEST", "THORA", "LUNG", "TORAX", "TORACE", "TORACI", "TORAK", "PECHO", "PEITO", "PETTO", "BRUST", "POUMON"),
    *("PULMO", "POLMON", "BORSTKAS", "BROSTKORG", "BRYSTKASSE", "KEUHKO", "RINTAKE", "KLATKA PIERS", "KLP", "PLUC"),
    *("HRUDNIK", "HRUDNI KOS", "PLICE", "PRSNI KOS", "GRUDNI KOS", "MELLKAS", "GOGUS", "AKCIGER", "PLAMAN", "NGUC"),
    *("ГРУДН", "ЛЕГКИ", "ОГК", "ГРУДЕН", "ΘΩΡΑΚ", "胸", "肺", "흉부", "صدر", "חזה"),
)
_CHEST_WORDS = frozenset(("CXR", "THX", "TX", "TOX", "THO", "DADA", "PARU"))
_SPINE = re.compile("SPIN|VERTEB|WIRBEL|BWS|COLUMNA|COLONN|COLUNA|RACHIS|KREGOSLUP|PATER|OMURGA|GERINC|KOTRANKA")
"""Of the thorax, which a radiograph of the spine shows, too."""

_SEEN_WITH_LUNGS = frozenset(
    # Whose radiographs may well be frontal ones of the chest.
    ("RIB", "HEART", "MEDIASTINUM", "BRONCHUS", "TRACHEA", "THYMUS", "AORTA", "BODY", "PHANTOM", "CORONARY", "BACK")
)
_GENERAL = frozenset(
    ("JOINT", "REGION", "STRUCTURE", "BONE", "BONES")
)  # behind the word of a part, as in "elbow joint"
_OTHER_WORDS = re.findall(
    r"\w+",  # defined terms of PS3.16, annex L, that are not names of a concept, then words of other languages
    """ABD ABDOMENPELVIS ABDPELVIS KUB LEG ARM CALF HEEL TIBIA ORBIT SELLA TMJ IAC NECK UPPERARM LOWERLEG EXM
    EXTREMITIES LOWER UPPER TEETH
    BECKEN HUFTE KNIE FUSS SCHULTER SCHADEL SCHAEDEL ELLENBOGEN HANDGELENK SPRUNGGELENK KOPF BAUCH HALS OBERSCHENKEL
    UNTERSCHENKEL OBERARM UNTERARM HWS LWS BASSIN HANCHE GENOU PIED EPAULE CRANE COUDE CHEVILLE POIGNET TETE VENTRE
    CADERA RODILLA MANO HOMBRO CRANEO CODO TOBILLO MUNECA CABEZA CUELLO BACINO ANCA GINOCCHIO PIEDE SPALLA CRANIO
    GOMITO CAVIGLIA POLSO TESTA ADDOME ABDOME QUADRIL JOELHO OMBRO COTOVELO TORNOZELO PUNHO CABECA BEKKEN HEUP VOET
    SCHOUDER SCHEDEL ELLEBOOG ENKEL POLS HOOFD BUIK MIEDNICA BIODRO KOLANO STOPA DLON BARK CZASZKA LOKIEC NADGARSTEK
    GLOWA BRZUCH KARIN DIZ OMUZ KALCA""",
)


def is_chest(header: Dataset) -> bool | None:
    """Return whether the body part is the chest, ``None`` when the header does not say, or in no known word.

    Body Part Examined (0018,0015) counts first, then Anatomic Region Sequence (0008,2218) by its codes of SNOMED and
    by the meaning that stands with a code. Words are those of the concepts in PS3.16, CID 4 and 4031, as pydicom has
    them, with some of other languages. Those of the chest decide, unless the spine is named as well.
    """
    named = _judge_words(read_text(header, "BodyPartExamined"))
    if named is not None:
        return named
    coded = list(_judge_regions(header))
    if True in coded:
        return True
    return False if coded and None not in coded else None


def read_text(header: Dataset, keyword: str) -> str:
    """Return a value in upper case, without accents.

    A code string has Latin letters alone, so pydicom decodes it as ISO 8859-1. Some write UTF-8 there.
    """
    text = str(header.get(keyword) or "")
    try:
        return _fold(text.encode("latin-1").decode())
    except UnicodeError:
        return _fold(text)


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.strip().upper()).replace("Ł", "L").replace("Ø", "O")
    return "".join(letter for letter in folded if not unicodedata.combining(letter))


_CHEST = re.compile("|".join(map(_fold, _CHEST_STEMS)))


def _judge_words(text: str) -> bool | None:
    if text in _UNDECIDED:
        return None
    words = set(re.findall(r"[^\W\d_]+", text))
    if _SPINE.search(text):
        return False
    if _CHEST.search(text) or words & _CHEST_WORDS:
        return True
    words |= {word.removesuffix("S") for word in words}
    if words & _SEEN_WITH_LUNGS:
        return None
    known = _known_words()
    return False if words & known or "".join(re.findall(r"\w+", text)) in known else None


@cache
def _concepts() -> dict[str, str]:
    """Return the meaning of each SNOMED code of an anatomic region, in upper case."""
    from pydicom.sr.codedict import codes  # takes a while

    # pydicom 2 has two codes for some names, and gives neither
    regions = [getattr(group, name, None) for group in (codes.cid4, codes.cid4031) for name in group.dir()]
    return {concept.value: _fold(concept.meaning) for concept in regions if concept is not None}


@cache
def _known_words() -> frozenset[str]:
    """Return the words of parts that are not the chest: each concept's name without blanks, and those of one word."""
    names = [re.findall(r"\w+", meaning) for meaning in _concepts().values()]
    alone = {words[0] for words in names if len(words) == 1 or (len(words) == 2 and words[1] in _GENERAL)}
    return frozenset({"".join(words) for words in names} | alone | {*_OTHER_WORDS})


def _judge_regions(header: Dataset) -> Iterator[bool | None]:
    for item in header.get("AnatomicRegionSequence") or ():
        code = read_text(item, "CodeValue")
        if read_text(item, "CodingSchemeDesignator") not in SNOMED:
            yield _judge_words(read_text(item, "CodeMeaning"))
        elif code in _CHEST_CODES:
            yield True
        else:
            yield _judge_words(_concepts().get(_current(code)) or read_text(item, "CodeMeaning"))


def _current(code: str) -> str:
    """Return the code of today for one of the older SNOMED, and any other as it is."""
    from pydicom.sr.coding import Code

    if code.isdigit():
        return code
    try:
        return next((new for new in _concepts() if Code(code, "SRT", "") == Code(new, "SCT", "")), code)
    except KeyError:  # of pydicom 2, for a code that it does not know
        return code

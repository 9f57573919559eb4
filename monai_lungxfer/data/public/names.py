"""Recognising names of files that look like names of people."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from monai_lungxfer.data.public.item import Item
from monai_lungxfer.utils.errors import DatalistError

_SHOWN = 20
_SHORTEST = 3  # letters; initials and endings are shorter
_WORD = re.compile(r"[^\W\d_]+")
_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
_HEXADECIMAL = re.compile(r"[0-9a-f]{8}([-_]?[0-9a-f]{4,12})*", re.IGNORECASE)
_PERSON_NAME = re.compile(r"[^\W\d_]\s*\^\s*[^\W\d_]|[^\W\d_]{2,},\s*[^\W\d_]{2,}")  # DOE^JANE; Doe, Jane
# Words of radiology and of files; a name that consists of them is nobody's.
_WORDS = """
    abnormal acute anterior anteroposterior anon anonymous bacteria bacterial bedside bilateral case chest
    chncxr class clinical cohen control controls covid cxr data dataset day device digital erect export fig
    figure film finding folder frontal general hannover healthy icu image images img infant jpcln jpcnn jpeg
    jsrt kaggle kermany label labels lateral left lgg lower lung lungs mask masks mcucxr mild montgomery msk
    negative nodule none normal number opacity original other part pathological patient pattern pediatric
    person phantom pid pneumonia pngs portable position positive posterior posteroanterior png pseudonym
    radiograph raw ray right sample sars scan segmentation seg semi series severe shenzhen slice source
    standing study subject supine tcga test thorax train training tuberculosis unknown upper upright val
    validation view viral virus with without xray xrays
"""
_HARMLESS = frozenset(_WORDS.split())


def resembles_person_name(text: str) -> bool:
    """Tell whether a name of a file (without suffix), a folder or a patient could be the name of a person.

    It could when two words in a row are none that radiology or a file system would use (``anna_meier_2``), when one
    such word is written like a name (``Meier-2``) or is all there is (``meier``), or when it has the form of DICOM
    (``MEIER^ANNA``) or of a register (``Meier, Anna``). It is a guess, which rather warns once too often.
    """
    if _HEXADECIMAL.fullmatch(text):
        return False
    if _PERSON_NAME.search(text):
        return True
    spaced = _CAMEL.sub(" ", text)
    for stretch in re.split(r"\d+", spaced):
        strange = [_is_strange(word) for word in _WORD.findall(stretch)]
        if any(one and next_one for one, next_one in pairwise(strange)):
            return True
    words = _WORD.findall(spaced)
    return any(_is_strange(word) and (word.istitle() or text == word) for word in words)


def _is_strange(word: str) -> bool:
    return len(word) >= _SHORTEST and word.lower() not in _HARMLESS


def check_names(items: Iterable[Item], raw: Path) -> None:
    """Refuse items whose patients, files or folders below `raw` have names that look like those of people."""
    suspicious: dict[str, None] = {}
    for item in items:
        path = item.image.relative_to(raw)
        for text in (*path.parts[:-1], path.stem, item.patient):
            if resembles_person_name(text):
                suspicious[text] = None
    if suspicious:
        listed = "; ".join(list(suspicious)[:_SHOWN]) + ("; …" if len(suspicious) > _SHOWN else "")
        raise DatalistError(
            f"{len(suspicious)} names look like names of patients: {listed}",
            source=raw,
            remedy="Rename the files by pseudonyms. If these are not names of people, prepare them without this check",
        )

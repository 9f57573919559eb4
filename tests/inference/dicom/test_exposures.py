"""Images of one exposure are found by what the headers say of it, and no radiograph is lost by a guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.exposures import find_raw_twins

DX = "1.2.840.10008.5.1.4.1.1.1.1"
CR = "1.2.840.10008.5.1.4.1.1.1"
SHOWN: dict[str, Any] = {
    "SOPClassUID": DX,
    "SOPInstanceUID": "2.25.1",
    "StudyInstanceUID": "2.25.9",
    "Rows": 300,
    "Columns": 200,
    "PresentationIntentType": "FOR PRESENTATION",
    "AcquisitionDate": "20200101",
    "AcquisitionTime": "101010",
}
RAW = SHOWN | {"SOPClassUID": f"{DX}.1", "SOPInstanceUID": "2.25.2", "PresentationIntentType": "FOR PROCESSING"}
UNTIMED = {"AcquisitionTime": "", "AcquisitionDate": ""}


def header(values: dict[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def source(uid: str) -> dict[str, Any]:
    return {"SourceImageSequence": [header({"ReferencedSOPInstanceUID": uid})]}


def twins(*images: dict[str, Any]) -> list[str]:
    return [path.name for path in find_raw_twins({Path(str(n)): header(image) for n, image in enumerate(images)})]


@pytest.mark.parametrize(
    ("shown", "raw"),
    [
        ({}, {}),
        ({"Rows": 280, "Columns": 190}, {}),  # cropped
        ({"AcquisitionTime": "101010.25"}, {}),
        ({"AcquisitionTime": "", "AcquisitionDateTime": "20200101101010.5+0100"}, {}),
        ({**UNTIMED, **source("2.25.2"), "Rows": 280, "StudyInstanceUID": "2.25.9"}, UNTIMED),
        ({"IrradiationEventUID": "2.25.7", "AcquisitionTime": "101500"}, {"IrradiationEventUID": "2.25.7"}),
        ({"SOPClassUID": CR, "PresentationIntentType": ""}, {"SOPClassUID": CR}),
        ({}, {"PresentationIntentType": ""}),  # told by its class
        ({"KVP": "85", "ViewPosition": "AP"}, {"KVP": "85.0", "ViewPosition": ""}),
        (UNTIMED, UNTIMED),
        (UNTIMED | {"Rows": 200, "Columns": 300}, UNTIMED),  # turned
    ],
)
def test_a_pair_is_one_exposure(shown: dict[str, Any], raw: dict[str, Any]) -> None:
    assert twins(SHOWN | shown, RAW | raw) == ["1"]
    assert twins(RAW | raw, SHOWN | shown) == ["0"]


@pytest.mark.parametrize(
    ("shown", "raw"),
    [
        ({"AcquisitionTime": "101500"}, {}),
        ({"StudyInstanceUID": "2.25.10"}, {}),
        ({"StudyInstanceUID": ""}, {"StudyInstanceUID": ""}),
        ({"IrradiationEventUID": "2.25.7"}, {"IrradiationEventUID": "2.25.8"}),
        ({"ViewPosition": "AP"}, {"ViewPosition": "LL"}),
        ({"KVP": "85"}, {"KVP": "120"}),
        (UNTIMED | {"Rows": 280}, UNTIMED),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1", "PresentationIntentType": ""}, {}),  # a presentation state
        ({"SOPClassUID": f"{DX}.1", "PresentationIntentType": "FOR PROCESSING"}, {}),  # two raw ones
    ],
)
def test_others_are_two_radiographs(shown: dict[str, Any], raw: dict[str, Any]) -> None:
    assert twins(SHOWN | shown, RAW | raw) == []


def test_a_raw_image_alone_stays() -> None:
    assert twins(RAW) == []
    assert twins() == []


def test_without_times_each_raw_image_needs_one_for_presentation() -> None:
    shown, raw = SHOWN | UNTIMED, RAW | UNTIMED
    assert twins(shown, raw, shown, raw) == ["1", "3"]
    assert twins(shown, raw, raw) == []  # one of the two has no other picture, and nothing says which
    assert twins(shown, raw, shown | {"Rows": 280}, raw | {"Rows": 280}) == ["1", "3"]
    assert twins(shown, raw, raw | {"Rows": 280}) == ["1"]  # the other does not compete
    views = [image | {"ViewPosition": view} for image in (shown, raw) for view in ("AP", "PA")]
    assert twins(shown, *views[1:], raw) == []  # of AP and unsaid, one has no other picture
    assert twins(shown, *views, raw) == ["3", "4", "5"]


def test_what_is_sure_decides_before_what_is_likely() -> None:
    sure = SHOWN | UNTIMED | source("2.25.2")
    assert twins(sure, RAW | UNTIMED, RAW | UNTIMED | {"SOPInstanceUID": "2.25.3"}) == ["1"]

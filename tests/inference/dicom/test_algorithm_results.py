"""Results of software, ours and others', are known by their headers; radiographs and copies of them are none."""

from __future__ import annotations

from typing import Any

import pytest
from dicom_radiograph import CLASSES, radiograph
from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.algorithm_results import describe_result


def code(value: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = value, "DCM"
    return item


def source(purpose: str | None = None) -> list[Dataset]:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CLASSES["DX"], "2.25.1"
    if purpose is not None:
        item.PurposeOfReferenceCodeSequence = [code(purpose)]
    return [item]


def maker(name: str) -> Dataset:
    item = Dataset()
    item.Manufacturer, item.PurposeOfReferenceCodeSequence = name, [code("109102")]
    return item


DERIVED: dict[str, Any] = {"ImageType": ["DERIVED", "SECONDARY"], "SourceImageSequence": source()}
COLOUR: dict[str, Any] = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}


@pytest.mark.parametrize(
    "attributes",
    [
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.7", "Modality": "OT"},  # a label map
        {"Modality": "SEG"},
        {"Manufacturer": "monai_lungxfer"},
        {"ContributingEquipmentSequence": [maker("Somebody"), maker("monai_lungxfer 0.1.0")]},
        {"ContentLabel": "LUNGS"},
        {"DerivationCodeSequence": [code("113076")]},
        {**DERIVED, **COLOUR},
        {**DERIVED, "SeriesDescription": "AI heatmap"},
        {"ImageType": ["DERIVED", "SECONDARY"], "DerivationDescription": "Contours drawn by an algorithm"},
        {**DERIVED, "BurnedInAnnotation": "YES"},  # in grey
        {"AlgorithmName": "Finder"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.22", "Modality": "SR"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.59", "Modality": "KO"},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.11.1", "Modality": "PR"},
    ],
)
def test_results_of_software(attributes: dict[str, Any]) -> None:
    assert describe_result(radiograph("SC", **attributes)) is not None


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("SC", {}),
        ("SC", {"ImageType": ["DERIVED", "SECONDARY"]}),
        ("SC", {"ConversionType": "DF", "BurnedInAnnotation": "YES"}),  # a digitised film, with the name on it
        ("SC", {"ImageType": ["DERIVED", "SECONDARY"], "BurnedInAnnotation": "YES"}),
        ("DX", {"ImageType": ["DERIVED", "PRIMARY"]}),  # what a detector shows
        ("SC", {**COLOUR, "ImageType": ["DERIVED", "SECONDARY"]}),  # a screenshot of a radiograph
        ("SC", {**DERIVED, **COLOUR, "SourceImageSequence": source("121320")}),  # decompressed
        ("SC", {**DERIVED, **COLOUR, "DerivationCodeSequence": [code("113040")]}),  # lossy
        ("CR", {**DERIVED, "DerivationDescription": "Segmented window"}),
        ("DX", {**DERIVED, "SourceImageSequence": source("121358")}),  # from the FOR PROCESSING image
        ("DX", {"DerivationCodeSequence": [code("113086")]}),  # edge enhancement
        ("DX", {"ContributingEquipmentSequence": [maker("An archive")]}),
    ],
)
def test_radiographs_and_their_copies(kind: str, attributes: dict[str, Any]) -> None:
    assert describe_result(radiograph(kind, **attributes)) is None

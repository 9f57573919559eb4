"""DICOM files in and out, and what a result takes over from its source image: patient, study, reference."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.attributes import read_number, valid_text
from monai_lungxfer.io.formats.dicom_file import read_dataset
from monai_lungxfer.io.formats.dicom_identity import derived_uid, identify, instance_uid, read_text, read_uid
from monai_lungxfer.utils.errors import InputFileError, OutputError
from monai_lungxfer.utils.files import atomic_path

PROJECTIONS = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray, for presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray, for processing",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture",
}
"""The SOP classes that results are made for: of one frame, and without a position in space."""

_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_ALWAYS_LOSSY = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")  # JPEG baseline and extended

_REQUIRED = (  # type 2 in the Patient and General Study modules: present in every result, and empty when unknown
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
_OPTIONAL = (
    "IssuerOfPatientID",
    "PatientAge",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "StudyDescription",
)

_DIRECTION = re.compile(r"(?!.*(.).*\1)[ALRPHF]{1,3}")


class RefusedError(OutputError):
    """An archive answers, and does not take a file."""


class UnreachedError(OutputError):
    """An archive does not answer, or takes no connection now."""


@dataclass(frozen=True)
class SourceImage:
    """A source image as its results see it.

    A result is built from the header: the four UIDs, modality, size, and lossy compression where there is one. All its
    attributes of the patient are empty; neither frame of reference nor pixel spacing are among them. The identity holds
    the attributes of patient and study for the result, in UTF-8: those of type 2, at least empty.
    """

    header: Dataset
    identity: Dataset
    orientation: tuple[str, ...]  # Patient Orientation (0020,0020), of rows and columns; empty when it is not given
    series_number: int  # 0 when it is not given


def read_source(path: str | Path) -> Dataset:
    """Read what `source_image` needs of a DICOM file; the pixel data only where nothing else identifies the image.

    InputFileError is raised when it is no DICOM file. The message quotes nothing of its text.
    """
    try:
        source: Dataset = read_dataset(Path(path), stop_before_pixels=True)
        if not instance_uid(source):
            source = read_dataset(Path(path))
    # pydicom raises anything for malformed files, and may quote a patient's name.
    except Exception as error:  # noqa: BLE001
        raise InputFileError(
            f"cannot be read as DICOM ({type(error).__name__})", source=path, remedy="Copy it again from its source"
        ) from None
    if "Rows" not in source or "Columns" not in source:
        raise InputFileError(
            "is not a DICOM image", source=path, remedy="Results in DICOM can be made for DICOM radiographs only"
        )
    return source


def save_dicom(path: str | Path, instance: Dataset) -> None:
    """Write a DICOM file that is whole or not there; OutputError is raised when it cannot be written."""
    with atomic_path(path) as temporary:
        instance.save_as(temporary)


def source_image(source: Dataset) -> SourceImage:
    """Take over what is usable of a source image's attributes. `source` is not changed.

    InputFileError is raised when it has more than one frame, or is of a SOP class that is not a radiograph's, or when
    nothing tells it from other images (neither SOP Instance UID nor pixel data).
    """
    with config.disable_value_validation():  # the warnings would quote values
        return SourceImage(
            header=_header(source),
            identity=_identity(source),
            orientation=_orientation(source),
            series_number=read_number(source, "SeriesNumber"),
        )


def store_each(files: Sequence[str | Path], archive: str, store: Callable[[str | Path], str | None]) -> None:
    """Give files to an archive one by one; one that it refuses does not hold up the rest.

    `archive` is its address, as it may stand in logs. `store` returns why a file is refused, in words that quote
    nothing of its content, or ``None``. RefusedError names the first refused file in the end.
    """
    refused = [(file, reason) for file in files if (reason := store(file)) is not None]
    if refused:
        first, reason = refused[0]
        raise RefusedError(
            f"{archive} refuses {len(refused)} of {len(files)} files, this one to begin with ({reason})",
            source=first,
            remedy="The others are stored. Look into the archive's log",
        )


def _header(source: Dataset) -> Dataset:
    header = Dataset()
    for keyword in _REQUIRED:
        setattr(header, keyword, "")
    header.SOPClassUID = _class_uid(source)
    header.SOPInstanceUID = identify(source)
    if not header.SOPInstanceUID:
        raise InputFileError("the image has neither SOP Instance UID nor pixel data", remedy="Export it anew")
    header.StudyInstanceUID = read_uid(source, "StudyInstanceUID") or derived_uid("study", header.SOPInstanceUID)
    header.SeriesInstanceUID = read_uid(source, "SeriesInstanceUID") or derived_uid("series", header.SOPInstanceUID)
    header.Modality = read_text(source, "Modality") or "OT"
    header.Rows, header.Columns = read_number(source, "Rows"), read_number(source, "Columns")
    _copy_compression(source, header)
    return header


def _class_uid(source: Dataset) -> str:
    """Return the SOP class; old files without one are secondary captures, which claims nothing about them."""
    uid = read_text(source, "SOPClassUID") or read_text(_meta(source), "MediaStorageSOPClassUID") or _SECONDARY_CAPTURE
    if uid not in PROJECTIONS or read_number(source, "NumberOfFrames") > 1:
        raise InputFileError(
            "results in DICOM are not made for this kind of image",
            remedy=f"Give a single-frame image of the SOP class {', '.join(PROJECTIONS.values())}, or write PNG",
        )
    return uid


def _meta(source: Dataset) -> Dataset:
    return getattr(source, "file_meta", None) or Dataset()


def _copy_compression(source: Dataset, header: Dataset) -> None:
    """Once lossy, always lossy: PS3.3, C.7.6.1.1.5, holds for derived images too."""
    by_syntax = read_text(_meta(source), "TransferSyntaxUID") in _ALWAYS_LOSSY
    if read_text(source, "LossyImageCompression") != "01" and not by_syntax:
        return
    header.LossyImageCompression = "01"
    for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        value = valid_text(source, keyword)
        if value:
            setattr(header, keyword, value.split("\\"))


def _identity(source: Dataset) -> Dataset:
    identity = Dataset()
    identity.SpecificCharacterSet = "ISO_IR 192"
    for keyword in (*_REQUIRED, *_OPTIONAL):
        value = valid_text(source, keyword)
        if value or keyword in _REQUIRED:
            identity.add(DataElement(keyword, dictionary_VR(keyword), value, validation_mode=config.IGNORE))
    return identity


def _orientation(source: Dataset) -> tuple[str, ...]:
    directions = tuple(read_text(source, "PatientOrientation").split("\\"))
    return directions if len(directions) == 2 and all(map(_DIRECTION.fullmatch, directions)) else ()

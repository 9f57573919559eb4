"""Who made a result: the software and its model, marks that survive an archive, and UIDs that always are the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset

from monai_lungxfer import __version__
from monai_lungxfer.inference.dicom.source import SourceImage
from monai_lungxfer.io.formats.dicom_identity import derived_uid

if TYPE_CHECKING:
    from monai_lungxfer.inference.segmentation import ModelIdentity

MAKER = "monai_lungxfer"
"""Manufacturer (0008,0070) of every result, also among its Contributing Equipment."""

_LONGEST = 64  # characters of a Long String (LO)
_PROCESSING = ("109102", "DCM", "Processing Equipment")  # CID 7005


def result_uids(
    kind: str, image: SourceImage, identity: ModelIdentity, content: bytes, *settings: str
) -> tuple[str, str]:
    """Return the UIDs of a result's series and instance.

    The series follows from the source, the model and the settings. The instance follows from the content too: where
    another machine's arithmetic changes a pixel, it is another instance of that series. No date or time is in it.
    """
    model = (identity.bundle, identity.version, identity.weights_sha256, *identity.marks[1:])
    series = derived_uid(kind, image.header.SOPInstanceUID, *model, *(setting for setting in settings if setting))
    return series, derived_uid(series, hashlib.sha256(content).hexdigest())


def equipment(identity: ModelIdentity) -> dict[str, Any]:
    """Return highdicom's arguments that say which software made a result; the weights are its serial number."""
    return {
        "manufacturer": MAKER,
        "manufacturer_model_name": identity.bundle[:_LONGEST],
        "software_versions": __version__,
        "device_serial_number": identity.weights_sha256[:_LONGEST],
    }


def sign(instance: Dataset, image: SourceImage, identity: ModelIdentity) -> None:
    """Give a result the source's patient and study, and marks by which it is known as an algorithm's.

    Content Qualification (0018,9004) is RESEARCH. The Contributing Equipment Sequence (0018,A001) names the software
    once more, since archives replace names in a header's top level only. highdicom would check patient and study in
    messages that quote them, so they come here.
    """
    instance.update(image.identity)
    instance.ContentQualification = "RESEARCH"
    maker = Dataset()
    maker.PurposeOfReferenceCodeSequence = [code_item(*_PROCESSING)]
    maker.Manufacturer = MAKER
    maker.ManufacturerModelName = identity.bundle[:_LONGEST]
    maker.DeviceSerialNumber = identity.weights_sha256[:_LONGEST]
    maker.SoftwareVersions = __version__
    maker.ContributionDescription = "Lungs found by an algorithm. Research use only."
    instance.ContributingEquipmentSequence = [*instance.get("ContributingEquipmentSequence", ()), maker]


def code_item(value: str, scheme: str, meaning: str) -> Dataset:
    """Return an item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item

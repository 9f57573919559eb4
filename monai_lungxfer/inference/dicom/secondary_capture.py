"""Overlay pictures as DICOM secondary captures, for viewers that do not show segmentations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.authorship import code_item, equipment, result_uids, sign
from monai_lungxfer.inference.dicom.source import SourceImage, source_image
from monai_lungxfer.inference.overlay import draw_overlay
from monai_lungxfer.utils.extras import import_extra

if TYPE_CHECKING:
    from highdicom.sc import SCImage

    from monai_lungxfer.inference.segmentation import ModelIdentity

SERIES_DESCRIPTION = "Lung contour (AI), research only, not for clinical use"
"""Series Description (0008,103E) of every overlay."""

_SERIES_OFFSET = 2000  # behind the segmentations


def secondary_capture_overlay(
    source: Dataset,
    grey: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    identity: ModelIdentity,
    *,
    revision: str = "",
) -> SCImage:
    """Make a secondary capture in colour of the picture that `monai_lungxfer.inference.overlay.draw_overlay` draws.

    Source, mask, model, revision and errors are those of
    `monai_lungxfer.inference.dicom.segmentation.lung_segmentation`. It is RGB, 8 bits, the picture as it is: reduced,
    with the notice below. It has no pixel spacing, since it is not to be measured in. Its UIDs are
    deterministic as a segmentation's are.
    """
    image = source_image(source)
    pixels = np.asarray(draw_overlay(grey, mask))
    content = f"{pixels.shape}".encode() + pixels.tobytes()
    series, instance = result_uids("overlay", image, identity, content, revision)
    capture = import_extra("highdicom.sc").SCImage(
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),  # highdicom asks for one; the source's own, maybe empty, replaces it
        study_instance_uid=image.header.StudyInstanceUID,
        series_instance_uid=series,
        series_number=_SERIES_OFFSET + image.series_number,
        sop_instance_uid=instance,
        instance_number=1,
        series_description=SERIES_DESCRIPTION,
        **equipment(identity),
    )
    sign(capture, image, identity)
    return _completed(capture, image)


def _completed(capture: SCImage, image: SourceImage) -> SCImage:
    capture.PatientOrientation = list(image.orientation)
    capture.BodyPartExamined = "CHEST"  # and so no Laterality, which paired parts have
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.header.SOPClassUID
    reference.ReferencedSOPInstanceUID = image.header.SOPInstanceUID
    capture.SourceImageSequence = [reference]
    capture.DerivationDescription = "Contour of the lungs, drawn on the reduced radiograph"
    capture.DerivationCodeSequence = [code_item("113076", "DCM", "Segmentation")]  # CID 7203
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if keyword in image.header:
            capture[keyword] = image.header[keyword]
    return capture

"""Masks as DICOM Segmentation objects (SEG), which viewers and archives lay over the radiograph they belong to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from scipy import ndimage

from monai_lungxfer.inference.dicom.attributes import plain_spacing
from monai_lungxfer.inference.dicom.authorship import equipment, result_uids, sign
from monai_lungxfer.inference.dicom.source import SourceImage, source_image
from monai_lungxfer.io.formats.dicom_identity import derived_uid
from monai_lungxfer.io.orientation import AS_STORED, turn_by_patient_orientation
from monai_lungxfer.morphology.lungs import lungs_by_side
from monai_lungxfer.morphology.pieces import find_pieces
from monai_lungxfer.utils.extras import import_extra

if TYPE_CHECKING:
    from highdicom.seg import Segmentation

    from monai_lungxfer.inference.segmentation import ModelIdentity

SERIES_DESCRIPTION = "Lung mask (AI), research only, not for clinical use"
"""Series Description (0008,103E) of every segmentation."""

_SERIES_OFFSET = 1000  # results stand behind the acquired series, in their order
_LONGEST = 64  # characters of a Long String (LO)

_CATEGORY = Code("91723000", "SCT", "Anatomical Structure")  # CID 7150
_LUNG = Code("39607008", "SCT", "Lung")
_RIGHT = Code("3341006", "SCT", "Right lung")
_LEFT = Code("44029006", "SCT", "Left lung")

_ORANGE, _SKY_BLUE = [46273, 37131, 52089], [45761, 29808, 23959]  # of Okabe and Ito: told apart by every colour vision

COLOURS = {_LUNG.meaning: _ORANGE, _RIGHT.meaning: _ORANGE, _LEFT.meaning: _SKY_BLUE}
"""Recommended Display CIELab Value (0062,000D) by Segment Label, in 16 bits as PS3.3, C.10.7.1.1, scales it."""

logger = logging.getLogger(__name__)


def lung_segmentation(
    source: Dataset, mask: NDArray[np.uint8], identity: ModelIdentity, *, sides: bool = False, revision: str = ""
) -> Segmentation:
    """Make the DICOM Segmentation of a mask: BINARY, one frame for each segment, of the source's size.

    Parameters
    ----------
    source : pydicom.dataset.Dataset
        The radiograph (CR, DX or secondary capture), its pixel data is not needed. It is not changed.
    mask : numpy.ndarray
        uint8 (H, W) of {0, 1}, pixel for pixel on the source's stored pixels.
    identity : ModelIdentity
        The model that made the mask; stands in the algorithm identification.
    sides : bool
        Two segments, right and left lung, where the mask has two lungs; else, and where it has not, one, the lungs.
    revision : str
        What tells the source from another image of the same SOP Instance UID, such as a hash of its content. With it,
        the UIDs are others.

    Returns
    -------
    highdicom.seg.Segmentation
        Its UIDs follow from the source, the model and the mask, so a repeat gives the same series and instance. A
        projection has no position in space, so there is no frame of reference: the relation to the source image is by
        pixel. Orientation and position are placeholders without which viewers show nothing.

    Raises
    ------
    ValueError
        When the mask is not of the source's size, or holds other values than 0 and 1.
    InputFileError
        When the source is not of one frame or not of a radiograph's SOP class.
    LungXferError
        When highdicom is not installed.
    """
    image = source_image(source)
    check_mask_fits(mask, image.header)
    labels = label_sides(mask, image) if sides else None
    properties = [_LUNG] if labels is None else [_RIGHT, _LEFT]
    labels = mask if labels is None else labels
    content = f"{labels.shape}".encode() + labels.tobytes()
    series, instance = result_uids("segmentation", image, identity, content, f"sides={sides}", revision)
    segmentation = import_extra("highdicom.seg").Segmentation(
        source_images=[image.header],
        pixel_array=labels,
        segmentation_type="BINARY",
        segment_descriptions=_descriptions(properties, identity),
        series_instance_uid=series,
        series_number=_SERIES_OFFSET + image.series_number,
        sop_instance_uid=instance,
        instance_number=1,
        omit_empty_frames=False,  # an empty mask is a result too
        content_label="LUNGS",
        series_description=SERIES_DESCRIPTION,
        **equipment(identity),
    )
    sign(segmentation, image, identity)
    _add_placeholders(segmentation, source)
    return _completed(segmentation, image, instance)


def check_mask_fits(mask: NDArray[np.uint8], header: Dataset) -> None:
    """Raise a ValueError unless this is a mask of the image's size."""
    if mask.shape != (header.Rows, header.Columns):
        raise ValueError(f"the mask is {mask.shape}, the source image {(header.Rows, header.Columns)}")
    if mask.dtype != np.uint8 or mask.max(initial=0) > 1:
        raise ValueError("a mask must be uint8 with the values 0 and 1")


def _descriptions(properties: list[Code], identity: ModelIdentity) -> list[Any]:
    highdicom = import_extra("highdicom")
    parameters = dict(mark.partition("=")[::2] for mark in identity.marks)
    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=identity.bundle[:_LONGEST],
        family=Code("123110", "DCM", "Artificial Intelligence"),
        version=identity.version[:_LONGEST],
        parameters=parameters,
    )
    return [
        import_extra("highdicom.seg").SegmentDescription(
            segment_number=number,
            segment_label=code.meaning,
            segmented_property_category=_CATEGORY,
            segmented_property_type=code,
            algorithm_type="AUTOMATIC",
            algorithm_identification=algorithm,
        )
        for number, code in enumerate(properties, start=1)
    ]


def _completed(segmentation: Segmentation, image: SourceImage, instance: str) -> Segmentation:
    """Add what highdicom leaves out, and a colour for each side."""
    segmentation.PatientOrientation = list(image.orientation)
    organization = derived_uid("dimensions", instance)
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    for segment in segmentation.SegmentSequence:
        segment.RecommendedDisplayCIELabValue = COLOURS[segment.SegmentLabel]
    return segmentation


def _add_placeholders(segmentation: Segmentation, source: Dataset) -> None:
    """Add the pixel spacing, and the plane that OHIF gives every image without one; nothing where it is unknown.

    OHIF shows no segmentation without Pixel Measures, or in another plane than the image's. GDCM, and so ITK, refuses
    Pixel Measures without an orientation, and several frames that have one position each. dcmqi wants a position for
    each frame. So the position is the frame's where there is one segment, which suits all of them. Where there are two,
    it is shared, and dcmqi refuses the file.
    """
    spacing = plain_spacing(source)
    if spacing is None:
        return
    plane, position, measures = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    position.ImagePositionPatient = [0, 0, 0]
    measures.PixelSpacing, measures.SliceThickness = [f"{value:.10g}" for value in spacing], 1
    (shared,) = segmentation.get("SharedFunctionalGroupsSequence") or [Dataset()]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [plane]
    frames = segmentation.PerFrameFunctionalGroupsSequence
    (frames[0] if len(frames) == 1 else shared).PlanePositionSequence = [position]
    segmentation.SharedFunctionalGroupsSequence = [shared]


def label_sides(mask: NDArray[np.uint8], image: SourceImage) -> NDArray[np.uint8] | None:
    """Return 1 for the right lung and 2 for the left one; ``None`` when the mask has not two lungs.

    The lungs are the two largest pieces, as in `monai_lungxfer.inference.measurements.measure`; every other piece goes
    to the nearer of them. The right lung is on the left side of the image as Patient Orientation lays it upright.
    """
    turn = turn_by_patient_orientation(image.orientation) or AS_STORED
    pieces = find_pieces(turn.apply(mask.view(np.bool_)))
    lungs = lungs_by_side(pieces)
    if lungs is None:
        logger.warning("the mask has not two lungs: its segmentation has one segment for all")
        return None
    right, left = (turn.undo(pieces.select(label).draw()) for label in lungs)
    if pieces.areas.size > 2:
        nearest = ndimage.distance_transform_edt(~(right | left), return_distances=False, return_indices=True)
        right = right[tuple(nearest)]
    return np.where(right, 1, 2).astype(np.uint8) * mask

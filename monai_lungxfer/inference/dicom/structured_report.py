"""Measurements and flags as a DICOM Structured Report (TID 1500), which archives, viewers and report systems read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from monai_lungxfer.inference.dicom.authorship import MAKER, equipment, result_uids, sign
from monai_lungxfer.inference.dicom.source import SourceImage, source_image
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.inference.quality import FLAGS
from monai_lungxfer.io.formats.dicom_identity import derived_uid
from monai_lungxfer.utils.extras import import_extra

if TYPE_CHECKING:
    from highdicom.sr import ComprehensiveSR

    from monai_lungxfer.inference.segmentation import Segmentation

SERIES_DESCRIPTION = "Lung report (AI), research only, not for clinical use"
"""Series Description (0008,103E) of every report."""

NO_FLAG = "No flag. No flag is no proof that the mask is right."
"""Finding of a report where nothing is unusual."""

_SERIES_OFFSET = 3000  # behind the segmentations and overlays
_LONGEST = 64  # characters of a Long String (LO)
_DECIMALS = 6  # as in predictions.csv

_OWN_SCHEME = "99LUNGXFER"  # private codes, for what the standard has none; PS3.16, 8.2
_PROCEDURE = Code("399208008", "SCT", "Plain chest X-ray")
_AREA = Code("42798000", "SCT", "Area")
_CM2, _PIXELS, _RATIO = Code("cm2", "UCUM", "cm2"), Code("{pixels}", "UCUM", "pixels"), Code("1", "UCUM", "no units")
_COMMENT, _FINDING = Code("121106", "DCM", "Comment"), Code("121071", "DCM", "Finding")
_LUNGS = Code("74101002", "SCT", "Both lungs")
_SIDES = {
    "right_lung": Code("3341006", "SCT", "Right lung"),
    "left_lung": Code("44029006", "SCT", "Left lung"),
}
_RATIOS = {
    "symmetry": Code("SYMMETRY", _OWN_SCHEME, "Area of the smaller lung over the larger"),
    "dice_expected": Code("DICE_EXPECTED", _OWN_SCHEME, "Expected Dice with a drawn mask"),
    "dice_low": Code("DICE_LOW", _OWN_SCHEME, "Dice that 95 % of such masks exceed"),
    "dice_high": Code("DICE_HIGH", _OWN_SCHEME, "Dice that 5 % of such masks exceed"),
}
_SPACINGS = {
    "PixelSpacing": "Pixel Spacing (0028,0030)",
    "ImagerPixelSpacing": "Imager Pixel Spacing (0018,1164), at the detector, over the magnification where it is given",
    "NominalScannedPixelSpacing": "Nominal Scanned Pixel Spacing (0018,2010), on the scanned film",
}


def lung_report(
    segmentation: Segmentation, mask_object: Dataset | None = None, *, revision: str = ""
) -> ComprehensiveSR:
    """Make the report of a radiograph: areas, symmetry, expected Dice, flags, and which model found them.

    Parameters
    ----------
    segmentation : Segmentation
        Of a DICOM radiograph. The numbers are those of its row in predictions.csv.
    mask_object : pydicom.dataset.Dataset, optional
        The DICOM Segmentation of the mask, which the report then refers to.
    revision : str
        As in `monai_lungxfer.inference.dicom.segmentation.lung_segmentation`.

    Returns
    -------
    highdicom.sr.ComprehensiveSR
        UNVERIFIED and PRELIMINARY. Areas are in cm² where the pixel spacing is known, else in pixels. Its UIDs follow
        from the source, the model and the content. Dates and times of creation are in neither. Read its items from
        Content Sequence (0040,A730): highdicom's attribute `content` has none of them.

    Raises
    ------
    InputFileError
        When the radiograph is no DICOM file, or of a kind that results are not made for.
    LungXferError
        When highdicom is not installed.
    """
    image, identity = source_image(segmentation.radiograph.dicom_source()), segmentation.model
    content = _content(segmentation, image, mask_object)
    series, instance = result_uids("report", image, identity, content[0].to_json().encode(), revision)
    items, content[0].ContentSequence = content[0].ContentSequence, []  # highdicom would copy and search them for long
    report = import_extra("highdicom.sr").ComprehensiveSR(
        evidence=[image.header] if mask_object is None else [image.header, mask_object],
        content=content,
        series_instance_uid=series,
        series_number=_SERIES_OFFSET + image.series_number,
        sop_instance_uid=instance,
        instance_number=1,
        is_complete=True,
        series_description=SERIES_DESCRIPTION,
        **equipment(identity),
    )
    report.ContentSequence = items
    sign(report, image, identity)
    return report


def _content(segmentation: Segmentation, image: SourceImage, mask_object: Dataset | None) -> Any:
    sr, model = import_extra("highdicom.sr"), segmentation.model
    device = sr.DeviceObserverIdentifyingAttributes(
        uid=derived_uid("device", model.bundle, model.version, model.weights_sha256, *model.marks[1:]),
        name=model.bundle[:_LONGEST],
        manufacturer_name=MAKER,
        model_name=model.bundle[:_LONGEST],
        serial_number=model.weights_sha256,
    )
    observer = sr.ObserverContext(Code("121007", "DCM", "Device"), device)
    return sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=_PROCEDURE,
        imaging_measurements=list(_groups(segmentation, image, mask_object)),
    )


def _groups(segmentation: Segmentation, image: SourceImage, mask_object: Dataset | None) -> Iterator[Any]:
    """Yield a group for both lungs, with all that is told of the image, and one for each lung where it has two."""
    areas = segmentation.areas
    ratios = asdict(segmentation.measurements)
    measured = [_area("lung", areas)]
    measured += [_number(code, ratios[name], _RATIO) for name, code in _RATIOS.items() if ratios[name] is not None]
    both = _group(segmentation, image, mask_object, _LUNGS, measured)
    both[0].ContentSequence.extend(_texts(segmentation))
    yield both
    for name, site in _SIDES.items():
        if areas[f"{name}_px"] is not None:
            # A segment of a side has the smaller pieces near that lung, too, which its area in the tables has not.
            is_segment = segmentation.measurements.components == len(_SIDES)
            yield _group(segmentation, image, mask_object if is_segment else None, site, [_area(name, areas)])


def _group(
    segmentation: Segmentation, image: SourceImage, mask_object: Dataset | None, site: Code, measured: list[Any]
) -> Any:
    """Return a group of measurements: of a segment where one has this site, else of the image (TID 1410 or 1501)."""
    sr, model = import_extra("highdicom.sr"), segmentation.model
    name = derived_uid("tracked", image.header.SOPInstanceUID, site.value)
    common: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(uid=name, identifier=site.meaning),
        "finding_type": Code("39607008", "SCT", "Lung") if site is _LUNGS else site,
        "finding_sites": [sr.FindingSite(site)],
        "measurements": measured,
        "algorithm_id": sr.AlgorithmIdentification(
            name=model.bundle,
            version=model.version,
            parameters=list(model.marks),
            family=Code("123110", "DCM", "Artificial Intelligence"),
            manufacturer=MAKER,
        ),
    }
    number = _segment_number(mask_object, site)
    source = (image.header.SOPClassUID, image.header.SOPInstanceUID)
    if mask_object is None or number is None:
        images = [sr.SourceImageForMeasurementGroup(*source)]
        return sr.MeasurementsAndQualitativeEvaluations(**common, source_images=images)
    frame = sr.ReferencedSegmentationFrame(
        mask_object.SOPClassUID,
        mask_object.SOPInstanceUID,
        frame_number=number,
        segment_number=number,
        source_image=sr.SourceImageForSegmentation(*source),
    )
    del frame[0].ReferencedSOPSequence[0].ReferencedSegmentNumber  # not beside a frame's number: PS3.3, table 10-3
    return sr.PlanarROIMeasurementsAndQualitativeEvaluations(**common, referenced_segment=frame)


def _segment_number(mask_object: Dataset | None, site: Code) -> int | None:
    """Return the number of the segment with this site; its only frame has the same number."""
    wanted = "39607008" if site is _LUNGS else site.value
    for segment in () if mask_object is None else mask_object.SegmentSequence:
        if segment.SegmentedPropertyTypeCodeSequence[0].CodeValue == wanted:
            return int(segment.SegmentNumber)
    return None


def _area(name: str, areas: dict[str, float | None]) -> Any:
    cm2 = areas[f"{name}_cm2"]
    return _number(_AREA, areas[f"{name}_px"], _PIXELS) if cm2 is None else _number(_AREA, cm2, _CM2)


def _number(name: Code, value: float | None, unit: Code) -> Any:
    return import_extra("highdicom.sr").Measurement(name, round(value or 0, _DECIMALS), unit)


def _texts(segmentation: Segmentation) -> Iterator[Any]:
    """Yield what a person should know: notice, flags with their meaning, remarks, and where the spacing is from."""
    told = [(_COMMENT, NOTICE)]
    told += [(_FINDING, f"{flag}: {FLAGS[flag]}") for flag in segmentation.flags] or [(_FINDING, NO_FLAG)]
    told += [(_COMMENT, remark) for remark in segmentation.remarks]
    told.append((_COMMENT, _told_spacing(segmentation)))
    text = import_extra("highdicom.sr").TextContentItem
    for name, value in told:
        yield text(name, value, relationship_type="CONTAINS")


def _told_spacing(segmentation: Segmentation) -> str:
    spacing, source = segmentation.spacing, segmentation.radiograph.spacing_source
    if spacing is None:
        return "Areas are in pixels: the image has no pixel spacing that can be right."
    named = _SPACINGS.get(source or "", source)
    return f"Areas are in the plane of the pixel spacing, {spacing[0]:g} x {spacing[1]:g} mm, by {named}."

"""Contours as softcopy presentation states: viewers that draw no segmentation show them on the radiograph itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL.ImageCms import ImageCmsProfile, createProfile
from pydicom.dataset import Dataset

from monai_lungxfer.inference.dicom.authorship import equipment, result_uids, sign
from monai_lungxfer.inference.dicom.segmentation import COLOURS, check_mask_fits, label_sides
from monai_lungxfer.inference.dicom.softcopy import copy_display, pixel_aspect
from monai_lungxfer.inference.dicom.source import SourceImage, source_image
from monai_lungxfer.inference.overlay import NOTICE
from monai_lungxfer.io.formats.dicom_identity import read_text
from monai_lungxfer.morphology.contours import trace_contours
from monai_lungxfer.utils.extras import import_extra

if TYPE_CHECKING:
    from highdicom.pr import ColorSoftcopyPresentationState, GrayscaleSoftcopyPresentationState

    from monai_lungxfer.inference.segmentation import ModelIdentity

SERIES_DESCRIPTION = "Lung contour lines (AI), research only, not for clinical use"
"""Series Description (0008,103E) of every presentation state."""

_SERIES_OFFSET = 4000  # behind segmentations, overlays and reports
_LAYERS = {None: "LUNGS", 1: "RIGHT LUNG", 2: "LEFT LUNG"}  # by label; None when the sides are not told apart
_SEGMENTS = {None: "Lung", 1: "Right lung", 2: "Left lung"}
_WHITE = 65535  # of P-values
_MOST_POINTS = 8000  # of a polyline: 64 kB is the most that an element of VR FL holds in explicit VR
_NOTICE_BOX = (0.0, 0.95, 1.0, 1.0)  # at the bottom of the displayed area


def contour_presentation(
    source: Dataset,
    mask: NDArray[np.uint8],
    identity: ModelIdentity,
    *,
    sides: bool = False,
    revision: str = "",
) -> GrayscaleSoftcopyPresentationState | ColorSoftcopyPresentationState:
    """Make a presentation state that draws the contour of a mask: a grayscale one (GSPS), or one for a colour image.

    Source, mask, model, sides, revision and errors are those of
    `monai_lungxfer.inference.dicom.segmentation.lung_segmentation`; all of the source's header is wanted. The lines are
    polylines in PIXEL units along the edges of the mask's pixels, in a layer for each side, with the colours of the
    segments. The source's own look-up tables or window are taken over, so that it looks as without.
    """
    image = source_image(source)
    check_mask_fits(mask, image.header)
    labels = label_sides(mask, image) if sides else None
    content = f"{mask.shape}".encode() + (mask if labels is None else labels).tobytes()
    series, instance = result_uids("presentation", image, identity, content, f"sides={sides}", revision)
    parts = {None: mask} if labels is None else {label: (labels == label).astype(np.uint8) for label in (1, 2)}
    layers = [_layer(label, order) for order, label in enumerate(parts, start=1)]
    make, special = _kind(source)
    image.header.SamplesPerPixel = 3 if special else 1  # highdicom asks for it
    state = make(
        referenced_images=[image.header],
        series_instance_uid=series,
        series_number=_SERIES_OFFSET + image.series_number,
        sop_instance_uid=instance,
        instance_number=1,
        content_label="LUNGS",
        content_description=NOTICE,
        graphic_layers=layers,
        graphic_annotations=[
            _annotation(part, layer, image) for part, layer in zip(parts.values(), layers, strict=True)
        ],
        series_description=SERIES_DESCRIPTION,
        **special,
        **equipment(identity),
    )
    sign(state, image, identity)
    return _completed(state, source)


def _kind(source: Dataset) -> tuple[Any, dict[str, Any]]:
    """Return the class of presentation state that suits the source, and the arguments that it alone has."""
    states = import_extra("highdicom.pr")
    if read_text(source, "PhotometricInterpretation").upper() in ("MONOCHROME1", "MONOCHROME2", ""):
        return states.GrayscaleSoftcopyPresentationState, {}
    profile = ImageCmsProfile(createProfile("sRGB")).tobytes()
    as_input = profile[:12] + b"scnr" + profile[16:]  # of an input device, not of a monitor: PS3.3, C.11.15
    return states.ColorSoftcopyPresentationState, {"icc_profile": as_input}


def _layer(label: int | None, order: int) -> Any:
    layer = import_extra("highdicom.pr").GraphicLayer(_LAYERS[label], order)
    layer.GraphicLayerRecommendedDisplayCIELabValue = COLOURS[_SEGMENTS[label]]
    layer.GraphicLayerRecommendedDisplayGrayscaleValue = _WHITE
    return layer


def _annotation(part: NDArray[np.uint8], layer: Any, image: SourceImage) -> Any:
    states = import_extra("highdicom.pr")
    text = states.TextObject(NOTICE, "DISPLAY", bounding_box=_NOTICE_BOX) if layer.GraphicLayerOrder == 1 else None
    lines = [
        states.GraphicObject("POLYLINE", points.astype(np.float64), "PIXEL")
        for line in trace_contours(part)
        for points in _in_pieces(line)
    ]
    return states.GraphicAnnotation([image.header], layer, graphic_objects=lines, text_objects=[text] if text else None)


def _in_pieces(line: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
    """Yield a line in pieces that are short enough, each of which begins where the one before ends."""
    for start in range(0, len(line) - 1, _MOST_POINTS - 1):
        yield line[start : start + _MOST_POINTS]


def _completed(state: Any, source: Dataset) -> Any:
    (area,) = state.DisplayedAreaSelectionSequence
    del area.PixelOriginInterpretation  # of tiled images only
    area.PresentationPixelAspectRatio = pixel_aspect(source)
    state.BodyPartExamined = "CHEST"  # and so no Laterality, which paired parts have
    if "PresentationLUTShape" in state:
        copy_display(source, state)
    return state

"""The unit of work: one image under one set of weights, without objects and with each of them.

It depends on nothing but its arguments, so units can be done in any order and anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.inference.segmentation import Segmentation
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import Radiograph, read_mask, read_radiograph
from monai_lungxfer.metrics.per_image import image_metrics
from monai_lungxfer.metrics.regions import covered_share, dilate_region, region_dice
from monai_lungxfer.robustness.attribution import attribute_lung, measure_concentration
from monai_lungxfer.robustness.design import METHODS, Condition, Design
from monai_lungxfer.synthetic.object_doses import draw_objects, find_footprint
from monai_lungxfer.utils.errors import InputFileError

CLEANED = "DICE_CLEANED"
"""Dice of the mask after cleaning (islands, bridges, holes), as ``lungxfer predict`` writes it."""

WHOLE = ("DICE_HARD", CLEANED, "BIOU", "NSD_D1", "ISLANDS", "BRIDGES", "FUSED")
"""Metrics of the whole image. All but `CLEANED` are of the mask as the network draws it."""

INSIDE, OUTSIDE = "DICE_INSIDE", "DICE_OUTSIDE"
"""Dice in the dilated footprint of objects and in the rest of the image, see `region_dice`."""

ATTRIBUTIONS = {method: method.upper() for method in METHODS}
"""By the way of attribution, the footprint's share of it over its share of the area; only what a design asks for."""

MEASURED = (*WHOLE, INSIDE, OUTSIDE, *ATTRIBUTIONS.values())
"""All that is compared between the image without and with objects."""

_BATCH = 4  # images in memory at a time

Mask = NDArray[np.bool_]
Values = dict[str, float | None]


@dataclass(frozen=True)
class _SeenImage:
    """An image, what the network says of it, and where it looked."""

    radiograph: Radiograph
    segmented: Segmentation
    whole: Values
    attributions: Mapping[str, NDArray[np.float32]]

    @classmethod
    def look(
        cls, segmenter: Segmenter, radiograph: Radiograph, segmented: Segmentation, truth: Mask, design: Design
    ) -> _SeenImage:
        """Measure what does not depend on a region."""
        attributions = {method: attribute_lung(segmenter, radiograph, method) for method in design.attribution}
        return cls(radiograph, segmented, _measure_whole(segmented, truth), attributions)

    def measure(self, truth: Mask, region: Mask) -> Values:
        """Measure everything, given the region of objects."""
        looked: Values = dict.fromkeys(ATTRIBUTIONS.values())
        for method, attributions in self.attributions.items():
            looked[ATTRIBUTIONS[method]] = measure_concentration(attributions, region, self.radiograph)
        return _defined(self.whole | _measure_regions(self.segmented, truth, region) | looked)


@dataclass(frozen=True)
class _Drawn:
    """An image with objects, and where they lie."""

    condition: Condition
    radiograph: Radiograph
    footprint: Mask


def measure_image(segmenter: Segmenter, record: Mapping[str, Any], name: str, design: Design) -> dict[str, Any]:
    """Measure one image of a datalist without objects and with each of a design.

    Parameters
    ----------
    segmenter : Segmenter
        The inference core with the weights that are measured.
    record : mapping
        With `image`, `label` and, where annotators marked objects, `ignore`: paths.
    name : str
        What the image is called, which also decides on the random draws.
    design : Design
        What is drawn.

    Returns
    -------
    dict
        `size` (H x W), `plain` (the metrics `WHOLE` without objects), `marked` (where objects are marked: their share
        of the image, and Dice inside and outside) and `pairs`: for each condition `object`, `dose`, `seed`, the share
        of the image under the objects (`footprint`) and of the lungs (`covered`), and `without` and `with`, the metrics
        `MEASURED`. Undefined values are ``None``.

    Raises
    ------
    InputFileError
        When the image, its mask or its marks cannot be read, or have different sizes.
    """
    radiograph = read_radiograph(record["image"], segmenter.channels, name=name)
    size = radiograph.pixels.shape[-2:]
    truth = _read_region(record, "label", size)
    plain = _SeenImage.look(segmenter, radiograph, segmenter.segment(radiograph), truth, design)
    pairs = []
    for drawn, segmented in _segment_drawn(segmenter, radiograph, name, design):
        seen = _SeenImage.look(segmenter, drawn.radiograph, segmented, truth, design)
        pairs.append(_measure_pair(drawn, plain, seen, truth, design.margin))
    return {
        "size": "x".join(map(str, size)),
        "plain": _defined(plain.whole),
        "marked": _measure_marked(record, plain.segmented, truth, design.margin),
        "pairs": pairs,
    }


def _read_region(record: Mapping[str, Any], key: str, size: Sequence[int]) -> Mask:
    """Read a mask of an image: its lungs, or its marks."""
    mask = read_mask(record[key])
    if mask.shape != tuple(size):
        raise InputFileError(
            f"has {mask.shape[0]} x {mask.shape[1]} pixels (rows x columns), its image {size[0]} x {size[1]}",
            source=record[key],
            remedy="Make it in the image's own size",
        )
    return mask.astype(bool)


def _segment_drawn(
    segmenter: Segmenter, radiograph: Radiograph, name: str, design: Design
) -> Iterator[tuple[_Drawn, Segmentation]]:
    conditions = list(design)
    for start in range(0, len(conditions), _BATCH):
        group = [_draw(radiograph, condition, name) for condition in conditions[start : start + _BATCH]]
        yield from zip(group, segmenter.segment_many([one.radiograph for one in group]), strict=True)


def _draw(radiograph: Radiograph, condition: Condition, name: str) -> _Drawn:
    upright = np.ascontiguousarray(radiograph.turn.apply(radiograph.pixels))
    drawn = draw_objects(upright, condition.object, condition.dose, condition.random_state(name))
    pixels = np.ascontiguousarray(radiograph.turn.undo(drawn))
    return _Drawn(condition, replace(radiograph, pixels=pixels), find_footprint(radiograph.pixels, pixels))


def _measure_whole(segmented: Segmentation, truth: Mask) -> Values:
    names = [name for name in WHOLE if name != CLEANED]
    raw = image_metrics(segmented.probability, truth, names, segmented.spacing, segmented.raw)
    cleaned = image_metrics(segmented.probability, truth, ["DICE_HARD"], mask=segmented.mask)
    found = {**raw, CLEANED: cleaned["DICE_HARD"]}
    return {name: float(found[name]) for name in WHOLE}


def _measure_regions(segmented: Segmentation, truth: Mask, region: Mask) -> Values:
    raw = segmented.raw.astype(bool)
    return {INSIDE: region_dice(raw, truth, region), OUTSIDE: region_dice(raw, truth, ~region)}


def _measure_pair(drawn: _Drawn, plain: _SeenImage, seen: _SeenImage, truth: Mask, margin: float) -> dict[str, Any]:
    region = dilate_region(drawn.footprint, margin)
    return drawn.condition._asdict() | {
        "footprint": float(drawn.footprint.mean()),
        "covered": _value(covered_share(truth, drawn.footprint)),
        "without": plain.measure(truth, region),
        "with": seen.measure(truth, region),
    }


def _measure_marked(record: Mapping[str, Any], plain: Segmentation, truth: Mask, margin: float) -> Values | None:
    """Return what is measured where annotators marked objects; None where there are no marks."""
    if "ignore" not in record:
        return None
    marks = _read_region(record, "ignore", truth.shape)
    if not marks.any():
        return None
    region = dilate_region(marks, margin)
    return _defined({"share": float(marks.mean())} | _measure_regions(plain, truth, region))


def _defined(values: Mapping[str, float | None]) -> Values:
    """Return values as JSON has them: None for what is undefined."""
    return {name: _value(value) for name, value in values.items()}


def _value(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def flatten_pairs(unit: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for each pair of a unit of `measure_image`: facts, then NAME_without, NAME_with and NAME_change."""
    for pair in unit["pairs"]:
        values = chain.from_iterable(
            (
                (f"{name}_without", pair["without"][name]),
                (f"{name}_with", pair["with"][name]),
                (f"{name}_change", subtract(pair["with"][name], pair["without"][name])),
            )
            for name in MEASURED
        )
        yield {**facts, **{key: pair[key] for key in PAIR_FACTS}, **dict(values)}


PAIR_FACTS = (*Condition._fields, "footprint", "covered")
"""What a row of a pair says of what was drawn."""


def subtract(value: float | None, other: float | None) -> float | None:
    """Return a difference; None where one of the two is undefined."""
    return None if value is None or other is None else value - other

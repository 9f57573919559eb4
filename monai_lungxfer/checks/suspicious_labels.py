"""Annotations that are probably faulty, by comparison with the masks of a trained network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from monai_lungxfer.checks.label_faults import (
    GAIN,
    GRID,
    Judgement,
    LabelFault,
    Mask,
    judge_label,
    measure_dice,
    shrink,
)
from monai_lungxfer.data.checks import Problem
from monai_lungxfer.data.records import Record
from monai_lungxfer.inference.segmenter import DEFAULT_BUNDLE, Segmenter
from monai_lungxfer.io.radiograph import read_mask
from monai_lungxfer.utils.errors import LungXferError

OWNER = 0.9
"""Least Dice of a mask and the network's mask of another image, to which it may belong."""

DOUBTED = 0.85
"""Dice of a mask and the network's below which another owner is looked for, where nothing else is wrong."""

_REMEDIES = MappingProxyType(
    {
        LabelFault.EMPTY: "Draw the lungs, or drop the record",
        LabelFault.INVERTED: "Invert the mask",
        LabelFault.MIRRORED: "Look at it; mirror the mask, or the image, and check how both were exported",
        LabelFault.UPSIDE_DOWN: "Look at it; turn the mask, and check how it was exported",
        LabelFault.TURNED: "Look at it; turn the mask, and check whether rows and columns were exchanged",
        LabelFault.SHIFTED: "Look at it; move the mask, or draw it again",
        LabelFault.HEART_CUT_OUT: "Look at it; draw lungs as the model's data have them, or train on one convention",
        LabelFault.HEART_FILLED_IN: "Look at it; leave out what lies between the lungs",
        LabelFault.OTHER_IMAGE: "Look at both; exchange the masks if they were mixed up",
        LabelFault.DISAGREES: "Look at it; the label or the model may be wrong",
    }
)


@dataclass(frozen=True)
class Suspicion(Problem):
    """One label that is probably faulty: `kind` is a `LabelFault`, and no path is in `message`.

    Attributes
    ----------
    dice : float
        Of the label and the network's mask.
    """

    dice: float


class ComparedLabel(NamedTuple):
    """The label of a record and the network's mask, upright on the grid, and what was found of them."""

    record: int
    drawn: Mask
    found: Mask
    judgement: Judgement | None


def suspicious_labels(
    datalist: Sequence[Record],
    weights: str | Path | None = None,
    *,
    bundle: str | Path = DEFAULT_BUNDLE,
    device: str = "auto",
    on_done: Callable[[], object] = lambda: None,
) -> list[Suspicion]:
    """Name the labels that are probably faulty, and say why. A person must look at each: the network may be wrong.

    Images that weights have learnt from say less: a network may have learnt their faults.

    Parameters
    ----------
    datalist : sequence of Record
        As `monai_lungxfer.data.datalist.load_datalist` gives them. Records without a label, and those whose files
        cannot be read or do not fit together, are passed over; `monai_lungxfer.data.checks.check_datalist` names them.
    weights : str or pathlib.Path, optional
        Weights file or reference; by default the bundle's own.
    bundle : str or pathlib.Path
        Name of a bundle or stage, or a bundle's folder.
    device : str
        See `monai_lungxfer.inference.segmenter.Segmenter.from_bundle`.
    on_done : callable
        Called after each record.

    Returns
    -------
    list of Suspicion
        In the order of the records, one for a record at most; empty when nothing is suspicious.

    Raises
    ------
    BundleError, TransferError
        When the network cannot be loaded.
    """
    segmenter = Segmenter.from_bundle(bundle, weights=weights, device=device)
    compared = []
    for index, record in enumerate(datalist):
        pair = compare_label(segmenter, index, record)
        if pair is not None:
            compared.append(pair)
        on_done()
    judged = judge_labels(compared)
    return [
        Suspicion(index, datalist[index]["image"], one.fault, one.message, _REMEDIES[one.fault], one.dice)
        for index, one in judged.items()
    ]


def compare_label(segmenter: Segmenter, index: int, record: Record) -> ComparedLabel | None:
    """Compare the label of a record; ``None`` where there is none, or files cannot be read or do not fit together."""
    if "label" not in record:
        return None
    try:
        label = read_mask(record["label"])
        result = segmenter.segment_file(record["image"], any_view=True)
    except LungXferError:
        return None
    if label.shape != result.mask.shape:
        return None
    turn = result.radiograph.turn
    drawn, found = shrink(turn.apply(label)), shrink(turn.apply(result.mask))
    return ComparedLabel(index, drawn, found, judge_label(drawn, found))


def judge_labels(compared: Sequence[ComparedLabel]) -> dict[int, Judgement]:
    """Return what is found by the index of the record, after a look for masks that fit another image better."""
    judged: dict[int, Judgement] = {}
    found = np.array([one.found.ravel() for one in compared], np.float32).reshape(len(compared), GRID**2)
    areas = found.sum(axis=1)
    for place, one in enumerate(compared):
        judgement, dice = one.judgement, measure_dice(one.drawn, one.found)
        if judgement is not None and judgement.fault in (LabelFault.EMPTY, LabelFault.INVERTED):
            judged[one.record] = judgement
            continue
        if judgement is None and dice >= DOUBTED:
            continue
        fits = 2 * (found @ one.drawn.ravel()) / (areas + np.count_nonzero(one.drawn))
        fits[place] = 0
        best = int(fits.argmax())
        reached = max(OWNER, dice + GAIN, judgement.mended if judgement else 0.0)
        if fits[best] >= reached:
            message = (
                f"fits record {compared[best].record} (Dice {fits[best]:.2f}) better than its own image ({dice:.2f})"
            )
            judgement = Judgement(LabelFault.OTHER_IMAGE, message, dice)
        if judgement is not None:
            judged[one.record] = judgement
    return judged

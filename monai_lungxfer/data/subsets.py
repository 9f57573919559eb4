"""Parts of the training images: the first ones of an order, so that a smaller part is contained in a larger one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

from monai_lungxfer.data.records import Record
from monai_lungxfer.utils.errors import DatalistError


def draw_order(records: Sequence[Record], seed: int) -> list[int]:
    """Draw patients at random, and return the places of their images, patient after patient.

    Parameters
    ----------
    records : sequence of Record
        Sorted, as in a section of a `monai_lungxfer.data.partition.Split`.
    seed : int
        The same seed gives the same order on every machine.

    Examples
    --------
    >>> draw_order([{"patient": "a"}, {"patient": "a"}, {"patient": "b"}], seed=2)
    [2, 0, 1]
    """
    patients = sorted({record["patient"] for record in records})
    random.Random(f"{seed} training images").shuffle(patients)  # noqa: S311 - nothing secret
    rank = {patient: number for number, patient in enumerate(patients)}
    return sorted(range(len(records)), key=lambda place: rank[records[place]["patient"]])


def take_images(
    records: Sequence[Record], count: int, *, seed: int = 0, order: Sequence[int] | None = None
) -> list[Record]:
    """Take the first images of an order, and repeat them until they are as many as before.

    So an epoch has as many steps as one with all images, and trainings with different numbers of images have the same
    number of steps, of validations and of changes of the learning rate. A repeated image is augmented anew each time.

    Parameters
    ----------
    records : sequence of Record
        The training part of a split.
    count : int
        Different images to take, fewer than there are.
    seed : int
        Of `draw_order`, which gives the order by default.
    order : sequence of int, optional
        Every place among the records once.

    Raises
    ------
    DatalistError
        When there are not more images than `count`, or the order is of other records.
    """
    if not 0 < count < len(records):
        raise DatalistError(
            f"{count} of {len(records)} training images cannot be taken",
            remedy="Give smaller numbers (training_images), or a larger share for training (fractions, hold_out)",
        )
    order = draw_order(records, seed) if order is None else order
    if sorted(order) != list(range(len(records))):
        raise DatalistError("the order of the training images is of another split", remedy="Delete the file, run again")
    return list(itertools.islice(itertools.cycle([records[place] for place in order[:count]]), len(records)))

"""Radiographs of the stage before, learnt along with a split's training section, and how often each is drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.data.partition import Split, shared_patients
from monai_lungxfer.data.records import Record
from monai_lungxfer.utils.errors import DatalistError


def rehearsal_records(
    path: str | Path | None,
    split: Split,
    views: Collection[str] | None = None,
    *,
    allow_shared_patients: bool = False,
) -> list[Record]:
    """Read what is to be learnt along with a split's training section.

    Parameters
    ----------
    path : str, pathlib.Path or None
        The data set, as for `load_datalist`; None for none.
    split : Split
        The split of the training's own data.
    views : collection of str, optional
        Views to take; by default all.
    allow_shared_patients : bool
        Whether equal names are let through, because they are not equal patients.

    Returns
    -------
    list of Record
        In the datalist's order.

    Raises
    ------
    DatalistError
        When no radiograph has one of the views, when a patient is in a section of the split that is measured, or for
        any reason that `load_datalist` has.
    """
    if path is None:
        return []
    records = _filter_views(path, views)
    measured = [*split.validation, *split.test, *split.independent, *split.locked]
    shared = set() if allow_shared_patients else shared_patients(records, measured)
    if shared:
        raise DatalistError(
            f"{len(shared)} of its patients are in validation, test, independent or locked of the split. The weights "
            "would be measured on patients that they learnt from",
            source=path,
            remedy="Rehearse the data of another stage, or keep each patient in one of the two data sets. If equal "
            "names are not equal patients, set allow_shared_patients to true",
        )
    return records


def _filter_views(path: str | Path, views: Collection[str] | None) -> list[Record]:
    everything = load_datalist(path)
    records = [record for record in everything if not views or record.get("view") in views]
    if not records:
        raise DatalistError(
            f"none of its {len(everything)} records has the view {' or '.join(views or ())}",
            source=path,
            remedy="Name views that it has, or set rehearsal_views to null for all",
        )
    return records


def balance_views(records: Iterable[Record]) -> NDArray[np.float64]:
    """Return a weight for each record, so that every view is drawn as often as every other.

    Examples
    --------
    >>> balance_views([{"view": "AP"}, {"view": "PA"}, {"view": "PA"}])
    array([1.5 , 0.75, 0.75])
    """
    from sklearn.utils.class_weight import compute_sample_weight

    return compute_sample_weight("balanced", [str(record.get("view")) for record in records])

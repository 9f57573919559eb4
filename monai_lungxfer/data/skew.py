"""Sections of a split that have too many or too few images, in all or of a group, to be there by chance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.data.groups import Groups
from monai_lungxfer.data.partition import Split
from monai_lungxfer.data.records import Record

FALSE_ALARMS = 0.01
"""Share of random splits by patient in which the mix of any section is called skewed."""

SHARE_OFF = 0.25
"""A section may have so much more or fewer images than wanted, as a share of these, or three standard deviations."""

LEAST_SHIFT = 0.05
"""A smaller difference of shares is not told, unless it halves or doubles the share."""

_DRAWS, _BATCH = 2000, 100
_Table = NDArray[np.float64]


class Skew(NamedTuple):
    """One section that is skewed: the index of its first record, and what is wrong with it."""

    record: int
    message: str


def find_skew(
    records: Sequence[Record], groups: Mapping[str, Groups], split: Split, leave_out: Collection[str] = ()
) -> list[Skew]:
    """List sections whose share of the images, or of a group, is not what a random split by patient gives.

    The mix is judged by a permutation test. Patients are shuffled over the sections 2,000 times. Each time, the largest
    deviation of any group in any section is noted, in standard deviations of the number of its images. What deviates
    more than all but `FALSE_ALARMS` of these, and by `LEAST_SHIFT`, is told.

    Parameters
    ----------
    records : sequence of Record
        Those of the split.
    groups : mapping
        Their groups by field, see `monai_lungxfer.data.groups.group_records`.
    split : Split
        Each patient is in one section.
    leave_out : collection of str, optional
        Patients who are judged, but not shuffled: of two with a tenth of the images each, one would excuse any mix.
    """
    names = [name for name, part in split.sections.items() if part]
    section_of = {record["patient"]: place for place, name in enumerate(names) for record in split.sections[name]}
    sections = np.array([section_of.get(record["patient"], -1) for record in records])
    first = [int(np.argmax(sections == place)) for place in range(len(names))]
    messages = [*_judge_sizes(names, split), *_judge_mix(names, records, groups, sections, leave_out)]
    return [Skew(first[place], message) for place, message in messages]


def _judge_sizes(names: Sequence[str], split: Split) -> Iterator[tuple[int, str]]:
    free = 1 - split.locked_share
    drawn = (*((1 - split.hold_out) * fraction for fraction in split.fractions), split.hold_out)
    shares = (*(free * share for share in drawn), split.locked_share)
    wanted = dict(zip(split.sections, shares, strict=True))
    counts = np.array([*Counter(r["patient"] for part in split.sections.values() for r in part).values()])
    chance = math.sqrt((counts**2).sum()) / counts.sum()
    for place, name in enumerate(names):
        share = len(split.sections[name]) / counts.sum()
        deviation = 3 * chance * math.sqrt(wanted[name] * (1 - wanted[name]))
        if abs(share - wanted[name]) > max(deviation, SHARE_OFF * wanted[name]):
            yield place, f"{name} has {share:.0%} of the images, where {wanted[name]:.0%} are wanted"


def _judge_mix(
    names: Sequence[str],
    records: Sequence[Record],
    groups: Mapping[str, Groups],
    sections: NDArray[np.int64],
    leave_out: Collection[str],
) -> Iterator[tuple[int, str]]:
    cells = [(field, group, places) for field, parts in groups.items() for group, places in parts.items()]
    members = np.zeros((len(records), len(cells)))
    for column, (_, _, places) in enumerate(cells):
        members[places, column] = 1
    known = sections >= 0
    overall = members[known].mean(axis=0)
    deviation = _sum_up(members - overall, sections, len(names))
    patients = np.array([record["patient"] for record in records])
    shuffled = known & ~np.isin(patients, list(leave_out))
    if not cells or not shuffled.any():
        return
    excess = members[shuffled] - members[shuffled].mean(axis=0)
    limits = _draw_limits(excess, patients[shuffled], sections[shuffled], len(names))
    for place, column in np.argwhere(np.abs(deviation) > limits):
        field, group, _ = cells[column]
        share, usual = members[sections == place, column].mean(), overall[column]
        if abs(share - usual) < LEAST_SHIFT and usual / 2 < share < 2 * usual:
            continue
        yield int(place), f"{share:.0%} of the images in {names[place]} have {field} {group}, of all {usual:.0%}"


def _sum_up(excess: _Table, sections: NDArray[np.int64], number: int) -> _Table:
    return np.stack([excess[sections == place].sum(axis=0) for place in range(number)])


def _draw_limits(excess: _Table, patients: NDArray[np.str_], sections: NDArray[np.int64], number: int) -> _Table:
    """Return how far the images of each group (columns) in each section (rows) may deviate by chance."""
    _, first, rows = np.unique(patients, return_index=True, return_inverse=True)
    by_patient = np.zeros((len(first), excess.shape[1]))
    np.add.at(by_patient, rows, excess)
    labels = sections[first]
    rates = np.bincount(labels, minlength=number) / max(1, len(labels))
    scale = np.sqrt(np.outer(rates * (1 - rates), (by_patient**2).sum(axis=0)))
    rng = np.random.default_rng(0)
    largest: list[float] = []
    for _ in range(_DRAWS // _BATCH):
        drawn = rng.permuted(np.tile(labels, (_BATCH, 1)), axis=1)
        sums = np.stack([(drawn == place) @ by_patient for place in range(number)], axis=1)
        largest += np.divide(np.abs(sums), scale, out=np.zeros_like(sums), where=scale > 0).max(axis=(1, 2)).tolist()
    limit = np.quantile(largest, 1 - FALSE_ALARMS, method="higher") + 1e-9
    return np.where(scale > 0, limit * scale, np.inf)

"""What is unbalanced in a data set: patients with many images, groups that coincide, and skewed sections of a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations

from monai_lungxfer.data.checks import Problem, ProblemKind
from monai_lungxfer.data.groups import UNKNOWN, Groups, group_records
from monai_lungxfer.data.partition import Split
from monai_lungxfer.data.records import Record
from monai_lungxfer.data.skew import find_skew
from monai_lungxfer.utils.errors import LungXferError

FIELDS = ("finding", "source", "view", "device", "age")
"""Fields by whose groups sections are compared."""

LARGE = 0.05
"""A patient with more than this share of the images, and more than twice as many as patients have on average."""

ALMOST_ALL, FEW_OTHERS, GROUP = 0.95, 0.5, 10
"""Groups coincide when almost all images of one (of `GROUP` or more) are in another, which holds few of the others."""

_SPLIT = "Correct patients with many images first; then split by another seed: lungxfer data split --seed"


def find_imbalance(records: Sequence[Record], split: Split | None = None) -> list[Problem]:
    """List what is unbalanced in a data set, and in a split of it. The files are not read.

    Sections are compared by `FIELDS`, see `monai_lungxfer.data.skew.find_skew`.

    Parameters
    ----------
    records : sequence of Record
        As `load_datalist` gives them.
    split : Split, optional
        Of these records.

    Returns
    -------
    list of Problem
        Each names the first record that it is about.
    """
    groups = _group(records)
    counts = Counter(record["patient"] for record in records)
    large = {
        patient
        for patient, images in counts.items()
        if images > LARGE * len(records) and images > 2 * len(records) / len(counts)
    }
    found = [*_find_large(records, counts, large), *_find_coinciding(records, groups)]
    if split is None:
        return found
    skews = find_skew(records, groups, split, leave_out=large)
    return found + [_problem(records, skew.record, ProblemKind.SKEWED_SECTION, skew.message, _SPLIT) for skew in skews]


def _group(records: Sequence[Record]) -> dict[str, Groups]:
    groups: dict[str, Groups] = {}
    for field in FIELDS:
        if any(field in record for record in records):
            try:
                groups |= group_records(records, [field])
            except LungXferError:  # texts of which there are nearly as many as images are no groups
                continue
    return groups


def _problem(records: Sequence[Record], index: int, kind: ProblemKind, message: str, remedy: str) -> Problem:
    return Problem(index, records[index]["image"], kind, message, remedy)


def _find_large(records: Sequence[Record], counts: Mapping[str, int], large: set[str]) -> Iterator[Problem]:
    remedy = "Check that all are of one person; where the name is only that of a folder or a group, name each patient"
    for patient in sorted(large):
        index = next(place for place, record in enumerate(records) if record["patient"] == patient)
        share = counts[patient] / len(records)
        message = f"its patient has {counts[patient]} of the {len(records)} images ({share:.1%})"
        yield _problem(records, index, ProblemKind.LARGE_PATIENT, message, remedy)


def _find_coinciding(records: Sequence[Record], groups: Mapping[str, Groups]) -> Iterator[Problem]:
    seen: set[frozenset[str]] = set()
    for (field, own), (other_field, others) in permutations(groups.items(), 2):
        pair = frozenset((field, other_field))
        found = None if pair in seen else _coinciding(own, others)
        if found is None:
            continue
        seen.add(pair)
        group, other, inside, outside = found
        message = (
            f"{inside:.0%} of the images with {field} {group} have {other_field} {other}, and {outside:.0%} of the "
            "others: a difference between groups of one may come from the other"
        )
        remedy = f"Report by both (lungxfer evaluate --by {field} --by {other_field}); add images that separate them"
        yield _problem(records, own[group][0], ProblemKind.COINCIDING_GROUPS, message, remedy)


def _coinciding(own: Groups, others: Groups) -> tuple[str, str, float, float] | None:
    """Return the two groups that coincide most, with the shares of the second in and outside the first."""
    known = set.intersection(*(_known_places(groups) for groups in (own, others)))
    candidates = []
    for group, listed in own.items():
        places = known.intersection(listed)
        rest = known - places
        for other, members in others.items():
            if UNKNOWN not in (group, other) and len(places) >= GROUP and len(rest) >= GROUP:
                inside, outside = (len(part.intersection(members)) / len(part) for part in (places, rest))
                candidates.append((group, other, inside, outside))
    fitting = [one for one in candidates if one[2] >= ALMOST_ALL and one[3] <= FEW_OTHERS]
    return max(fitting, key=lambda one: one[2] - one[3], default=None)


def _known_places(groups: Groups) -> set[int]:
    return {place for name, places in groups.items() if name != UNKNOWN for place in places}

"""Sharing patients out to the sections of a split, so that each finding gets its share of every section."""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from monai_lungxfer.data.records import Record
from monai_lungxfer.utils.errors import DatalistError

_ALL = ("all images",)  # counted along with the findings; a tuple, so that no finding has this name
_Counts = Counter[str | tuple[str]]
_Needs = dict[str, dict[str | tuple[str], float]]


def assign_patients(records: Iterable[Record], shares: Mapping[str, float], seed: str) -> dict[str, str]:
    """Give every patient a section, at random but near to the wanted share of images overall and of each finding.

    Patients with a rare finding come first, and among them those with many images, since these are the hardest to
    place. As long as several sections have ample room for a patient, one is drawn with a probability in proportion
    to its need, so that patients with many images do not always land in the largest section. When the room is
    scarce, the section with the largest need gets the patient: the one where the squared deviations
    ``(wanted_f - given_f)**2 / total_f``, summed over the findings f, grow least. The images of all findings count
    as one more f, whose `wanted` is the section's share of what is given out so far.

    Parameters
    ----------
    records : iterable of Record
        Their order has no influence.
    shares : mapping of str to float
        Share of each section, in sum 1; sections with the share 0 stay empty.
    seed : str
        The same seed gives the same sections on every machine.

    Returns
    -------
    dict of str to str
        Patient to section. Every section with a share has at least one patient.

    Raises
    ------
    DatalistError
        When there are fewer patients than sections with a share.
    """
    counts = _count(records)
    sections = [name for name, share in shares.items() if share > 0]
    if len(counts) < len(sections):
        raise DatalistError(
            f"{len(counts)} patients cannot be split over {len(sections)} sections ({', '.join(sections)})",
            remedy="Add patients, or give fewer sections a share (fractions, hold_out). "
            "Images of one patient are never in two",
        )
    # Not a secret: a repeatable draw whose sequence Python keeps the same in every version.
    draws = random.Random(seed)  # noqa: S311
    totals = sum(counts.values(), Counter())
    ordered = _ordered(counts, totals, draws)
    return _share_out(ordered, {name: shares[name] for name in sections}, totals, draws)


def _count(records: Iterable[Record]) -> dict[str, _Counts]:
    counts: dict[str, _Counts] = defaultdict(Counter)
    for record in records:
        counts[record["patient"]].update((_ALL, record.get("finding", "")))
    return counts


def _ordered(counts: Mapping[str, _Counts], totals: _Counts, draws: random.Random) -> list[tuple[str, _Counts]]:
    lots = {patient: draws.random() for patient in sorted(counts)}

    def place(item: tuple[str, _Counts]) -> tuple[int, int, float]:
        patient, own = item
        return min(totals[finding] for finding in own), -own[_ALL], lots[patient]

    return sorted(counts.items(), key=place)


def _share_out(
    patients: Sequence[tuple[str, _Counts]], shares: Mapping[str, float], totals: _Counts, draws: random.Random
) -> dict[str, str]:
    findings = totals.keys() - {_ALL}
    needs: _Needs = {name: {f: share * totals[f] for f in findings} | {_ALL: 0.0} for name, share in shares.items()}
    given: dict[str, str] = {}
    empty = set(shares)
    for index, (patient, own) in enumerate(patients):
        for name, share in shares.items():
            needs[name][_ALL] += share * own[_ALL]
        # The last patients are kept for sections that would stay empty otherwise.
        eligible = empty if len(patients) - index <= len(empty) else shares.keys()
        section = _choose(own, {name: needs[name] for name in shares if name in eligible}, totals, draws)
        given[patient] = section
        empty.discard(section)
        for finding, images in own.items():
            needs[section][finding] -= images
    return given


def _choose(own: _Counts, needs: _Needs, totals: _Counts, draws: random.Random) -> str:
    score = {
        # Summed in one order everywhere: the order of a set of texts differs between processes.
        name: math.fsum(images * need[finding] / totals[finding] for finding, images in own.items())
        for name, need in needs.items()
    }
    # Ample: the patient would take no more than half of what the section still needs of each finding.
    ample = [
        name for name, need in needs.items() if all(need[f] >= 2 * images for f, images in own.items() if f != _ALL)
    ]
    weights = [max(score[name], 0.0) for name in ample]
    if len(ample) > 1 and any(weights):
        return draws.choices(ample, weights)[0]
    lots = {name: draws.random() for name in needs}
    return max(needs, key=lambda name: (score[name], lots[name]))

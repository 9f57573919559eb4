"""Run-length encodings of painted regions: of COCO (lists and texts), CVAT, and Label Studio's brush."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Painted = NDArray[np.bool_]


def fill_runs(counts: Iterable[int], pixels: int) -> Painted:
    """Return a flat region of so many pixels from the lengths of its runs, background first.

    Raises
    ------
    ValueError
        When a length is negative, or they do not sum up to `pixels`.

    Examples
    --------
    >>> fill_runs([1, 2, 1], 4).tolist()
    [False, True, True, False]
    """
    lengths = np.array(list(counts), dtype=np.int64)
    total = sum(lengths.tolist())
    if (lengths < 0).any() or total != pixels:
        raise ValueError(f"its runs have {total} pixels instead of {pixels}")
    return np.repeat(np.arange(lengths.size) % 2 == 1, lengths)


def coco_counts(text: str) -> list[int]:
    """Return the lengths of the runs in COCO's text: five bits a character, from the third on as differences.

    The form is that of ``rleFrString`` in cocoapi, common/maskApi.c. ValueError is raised for other texts.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text.encode("ascii"):
        bits = character - 48
        if not 0 <= bits < 64:
            raise ValueError("its runs have a character that is none of COCO's")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift
        counts.append(value + (counts[-2] if len(counts) > 2 else 0))
        value = shift = 0
    if shift:
        raise ValueError("its runs are cut off")
    return counts


def place_crop(crop: Painted, top: int, left: int, height: int, width: int) -> Painted:
    """Put a region (h, w) into an image of this size; ValueError is raised where it leaves it."""
    if min(top, left) < 0 or top + crop.shape[0] > height or left + crop.shape[1] > width:
        raise ValueError(f"it reaches row {top + crop.shape[0]} and column {left + crop.shape[1]}")
    whole = np.zeros((height, width), bool)
    whole[top : top + crop.shape[0], left : left + crop.shape[1]] = crop
    return whole


def brush_region(packed: Sequence[int], height: int, width: int) -> Painted:
    """Return where Label Studio's brush covers a pixel by more than half, bool (height, width), by its fourth channel.

    The form is that of ``decode_rle`` in label-studio-sdk, converter/brush.py (package @thi.ng/rle-pack): 32 bits say
    how many values there are, 5 bits how long a value is, less one, 4 times 4 bits how long a count of each of four
    sizes is, less one. Then come blocks: a bit says whether one value is repeated or several follow, 2 bits which size
    its count has, then the count, less one.

    Raises
    ------
    ValueError
        When it is cut off, or of another size.
    """
    stream = _Bits(packed)
    count, word = stream.take(32), stream.take(5) + 1
    sizes = [stream.take(4) + 1 for _ in range(4)]
    if word != 8:
        raise ValueError(f"its runs have values of {word} bits")
    if count != 4 * height * width:
        raise ValueError(f"its runs have {count // 4} pixels instead of {height * width}")
    values = np.zeros(count, np.uint8)
    done = 0
    while done < count:
        repeated, size = stream.take(1), stream.take(2)
        ahead = stream.take(sizes[size]) + 1
        if ahead > count - done:
            raise ValueError("its runs have too many pixels")
        wanted = 1 if repeated else ahead  # taken at once: a painted picture has millions that do not repeat
        values[done : done + ahead] = np.frombuffer(stream.take(8 * wanted).to_bytes(wanted, "big"), np.uint8)
        done += ahead
    painted: Painted = values.reshape(height, width, 4)[..., 3] > 127
    return painted


class _Bits:
    """Takes numbers of any length from bytes, the highest bit first."""

    def __init__(self, packed: Sequence[int]) -> None:
        try:
            self._bytes = bytes(packed)
        except (TypeError, ValueError) as error:
            raise ValueError("its runs are no list of bytes") from error
        self._place = 0

    def take(self, bits: int) -> int:
        first, end = self._place, self._place + bits
        if end > 8 * len(self._bytes):
            raise ValueError("its runs are cut off")
        self._place = end
        part = int.from_bytes(self._bytes[first // 8 : -(-end // 8)], "big")
        return part >> (-end % 8) & (1 << bits) - 1

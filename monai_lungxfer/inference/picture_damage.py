"""Signs in the picture itself that a part of it is not what was taken: for formats in which nothing else would tell.

Lines of pixels are looked at along the rows and along the columns, since a format may store either.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monai_lungxfer.io.formats.picture import MIN_SIDE

REPEATED = "the picture looks damaged: the same line of pixels is repeated"
ONE_SHADE = "the picture looks damaged: a part has one shade"
NOISE = "the picture looks damaged: a part is noise"
SEAM = "the picture looks damaged: two parts do not fit together, as if they were of two pictures"
ROLLED = "the picture looks damaged: opposite edges fit together, as if they were one line within the picture"

_SAMPLES = 40  # of a line
_DARK, _BRIGHT = 0.08, 0.92  # of the picture's range
_EVEN = 0.002  # standard deviation within a line of one shade, over the picture's range
_SHADE_SHARE = 0.02  # of all lines that have one shade, one after the other, amid the picture
_ONE_SIDED, _ONE_SIDED_GREY = 0.25, 0.1  # of all lines, by which a border is wider than that on the other side
_REPEATED_SHARE = 0.04  # of all lines, one after the other
_GREY_SHARE = 0.3  # of the samples of a repeated line that are neither dark nor bright
_BANDS = 32
_NOISE_RANGE = 0.2  # least standard deviation within lines of noise, over the picture's range
_NOISE_RATIO = 0.9  # of the difference to the next line, in squares; 1 in white noise
_MARGIN = 0.2  # of the height and width, where collimators and frames end
_BACKGROUND = 0.02  # greatest standard deviation within a line of background, over the picture's range
_STEP = 0.05  # of the picture's range, from one line to the next, beyond the steps before and after
_STEP_SHARE = 0.35  # of a line's samples that make such a step
_RIVALS = 8  # lines with as many steps, or nearly, by which these are no seam: blocks of JPEG, enlarged pixels
_EDGE_MARGIN, _EDGE_STEP = 0.08, 0.03  # the same where opposite edges fit together
_EDGE_RANGE, _EDGE_LIKENESS = 0.05, 0.85  # least standard deviation within an edge, least correlation of two
_EDGE_DIFFERENCE = 0.12  # of the picture's range, that four fifths of the samples of two edges keep to
_DARK_LINE = 0.5  # of the samples of a line amid the picture that are dark
_DARK_EDGE = 0.3  # of the samples of an edge, which is background where more are dark

_Lines = NDArray[np.float32]  # (N, samples): from 0 to 1, but for the few darkest and brightest pixels
_Each = NDArray[np.bool_]  # (N,)


def find_damage(pixels: NDArray[np.float32], *, is_reversed: bool = False) -> str | None:
    """Return the remark on a picture that looks damaged, one of those above, or ``None``.

    `scripts/experiments/measure_damage.py` tells how often it is right.

    Parameters
    ----------
    pixels : numpy.ndarray
        (H, W), or (3, H, W), of which the first channel is looked at; of any range.
    is_reversed : bool
        Whether air is bright.
    """
    plane = pixels if pixels.ndim == 2 else pixels[0]
    if min(plane.shape) < MIN_SIDE:
        return None
    rows, columns = (((np.arange(_SAMPLES) + 0.5) * side / _SAMPLES).astype(np.int64) for side in plane.shape)
    along_rows, along_columns = plane[:, columns], plane[rows].T
    some = np.sort(along_rows[:: 1 + len(along_rows) // 64], axis=None)
    low, high = some[len(some) // 50], some[-1 - len(some) // 50]
    if not low < high:
        return None  # few shades, which has a flag of its own
    if is_reversed:
        low, high = high, low
    found = {_look((lines - low) / (high - low)) for lines in (along_rows, along_columns)}
    return next((sign for sign in (ONE_SHADE, REPEATED, NOISE, SEAM, ROLLED) if sign in found), None)


def _look(lines: _Lines) -> str | None:
    level = lines.mean(axis=1)
    variance = np.einsum("ij,ij->i", lines, lines) / _SAMPLES - level**2
    deviation = np.sqrt(np.maximum(variance, 0))
    steps = lines[1:] - lines[:-1]
    np.abs(steps, out=steps)
    if _has_one_shade(level, deviation):
        return ONE_SHADE
    is_background = deviation < _BACKGROUND
    if _has_repetition(lines, ~steps.any(axis=1) & ~is_background[1:]):
        return REPEATED
    if _has_noise(steps, variance):
        return NOISE
    if _has_seam(steps, is_background):
        return SEAM
    return ROLLED if _is_rolled(lines, steps, is_background) else None


def _has_one_shade(level: NDArray[np.float32], deviation: NDArray[np.float32]) -> bool:
    """Tell whether lines amid the picture are of one grey, or one border is far wider than the opposite one."""
    count, is_even = len(level), deviation < _EVEN
    other = np.flatnonzero(~is_even)
    if not other.size:
        return True
    first, last = other[0], other[-1]
    is_grey = (level > _DARK) & (level < _BRIGHT)  # a window makes much of a picture black or white
    if _longest((is_even & is_grey)[first:last]) > _SHADE_SHARE * count:
        return True
    wider = first - (count - 1 - last)
    return bool(abs(wider) > (_ONE_SIDED_GREY if is_grey[0 if wider > 0 else -1] else _ONE_SIDED) * count)


def _has_repetition(lines: _Lines, is_repeated: _Each) -> bool:
    """Tell whether a line is repeated many times that is not mostly black and white."""
    if _longest(is_repeated) <= _REPEATED_SHARE * len(lines):
        return False
    grey = np.count_nonzero((lines[1:] > _DARK) & (lines[1:] < _BRIGHT), axis=1)
    return _longest(is_repeated & (grey > _GREY_SHARE * _SAMPLES)) > _REPEATED_SHARE * len(lines)


def _has_noise(steps: _Lines, variance: NDArray[np.float32]) -> bool:
    """Tell whether, in a part, a line differs from the next as much as a pixel differs from others of its line."""
    size = len(steps) // _BANDS
    if size == 0:
        return False
    squares = np.einsum("ij,ij->i", steps, steps) / (2 * _SAMPLES)
    jumps, within = (np.median(each[: size * _BANDS].reshape(_BANDS, size), axis=1) for each in (squares, variance))
    return bool(((within > _NOISE_RANGE**2) & (jumps > _NOISE_RATIO * within)).any())


def _has_seam(steps: _Lines, is_background: _Each) -> bool:
    """Tell whether a line is followed by one that differs abruptly over much of its length, away from all borders."""
    count = _abrupt(steps, is_background, _MARGIN, _STEP)
    if count.size <= _RIVALS:
        return False
    usual = np.partition(count, -_RIVALS)[-_RIVALS]  # noise makes some everywhere, blocks many at each edge
    return bool(count.max() >= usual + _STEP_SHARE * _SAMPLES)


def _abrupt(steps: _Lines, is_background: _Each, margin: float, least: float) -> NDArray[np.intp]:
    """Return in how many samples each line within a margin differs from the next by more than lines around them."""
    first = max(2, round(margin * len(steps)))
    inner = slice(first, len(steps) - first)
    before, after = steps[first - 1 : -first - 1], steps[first + 1 : len(steps) - first + 1]
    count = np.count_nonzero(steps[inner] - np.maximum(before, after) > least, axis=1)
    count[(is_background[1:] | is_background[:-1])[inner]] = 0
    return count


def _is_rolled(lines: _Lines, steps: _Lines, is_background: _Each) -> bool:
    """Tell whether the last line goes on in the first, and a seam, or a dark band between two bright parts, agrees."""
    edges = lines[[0, -1]]
    difference = np.sort(np.abs(edges[0] - edges[1]))[_SAMPLES * 4 // 5]
    if difference > _EDGE_DIFFERENCE or edges.std(axis=1).min() < _EDGE_RANGE:
        return False
    if np.corrcoef(*edges).item(1) < _EDGE_LIKENESS:
        return False
    dark = np.count_nonzero(lines < _DARK, axis=1) / _SAMPLES
    has_band = dark[len(dark) // 10 : -(len(dark) // 10)].max() > _DARK_LINE and dark[[0, -1]].max() < _DARK_EDGE
    count = _abrupt(steps, is_background, _EDGE_MARGIN, _EDGE_STEP)
    return bool(has_band or count.max(initial=0) >= np.median(count) + _STEP_SHARE * _SAMPLES)


def _longest(is_so: _Each) -> int:
    """Return the length of the longest run of lines."""
    ends = np.flatnonzero(np.diff(is_so.astype(np.int8), prepend=0, append=0))
    return int(np.diff(ends)[::2].max(initial=0))

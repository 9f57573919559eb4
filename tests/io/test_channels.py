"""Which channels are read: grey, all three, or one sequence of an MRI slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from monai_lungxfer.io.channels import SEQUENCES, count_planes, count_repeats, select_planes
from monai_lungxfer.io.radiograph import read_radiograph
from monai_lungxfer.utils.errors import BundleError

COLOURS = np.random.default_rng(0).integers(0, 255, (40, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize(("name", "number"), SEQUENCES.items())
def test_a_sequence_is_one_channel_of_the_file(name: str, number: int, tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "slice.tif")
    pixels = read_radiograph(tmp_path / "slice.tif", name).pixels  # type: ignore[arg-type]
    np.testing.assert_array_equal(pixels, COLOURS[..., number])
    assert (pixels.dtype, pixels.flags.c_contiguous, count_planes(name)) == (np.float32, True, 1)  # type: ignore[arg-type]


def test_flair_is_the_second_channel() -> None:
    """Buda et al. (2019): pre-contrast, FLAIR, post-contrast."""
    np.testing.assert_array_equal(select_planes(COLOURS, "flair"), COLOURS[..., 1])


def test_a_grey_picture_is_itself_whatever_is_read() -> None:
    grey = COLOURS[..., 0]
    np.testing.assert_array_equal(select_planes(grey, "flair"), grey)
    assert select_planes(grey, "rgb").shape == (3, 40, 48)


def test_one_channel_is_repeated_for_the_network_and_three_are_not() -> None:
    assert [count_repeats("flair", 1), count_repeats("flair", 3), count_repeats(None, 3)] == [1, 3, 1]
    with pytest.raises(BundleError, match=r"takes 1 channel, and an MRI slice has three.*--channels flair"):
        count_repeats(None, 1)

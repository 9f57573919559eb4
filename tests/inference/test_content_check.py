"""The look at the picture: upright, dark air, a chest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from monai_lungxfer.inference.content_check import Content
from monai_lungxfer.inference.content_network import ContentCheck
from monai_lungxfer.io.radiograph import read_radiograph


@pytest.fixture(scope="module")
def check() -> ContentCheck:
    return ContentCheck()


def test_real_radiographs(shared_data: Path, check: ContentCheck) -> None:
    for file in sorted((shared_data / "native" / "images").iterdir()):
        picture = torch.from_numpy(read_radiograph(file).pixels)[None]
        assert not any(check(picture).flags.values())
        assert check(-picture).flags == {"no_chest": False, "inverted_grey": True, "turned": False}
        for turns in (1, 2, 3):
            assert check(torch.rot90(picture, turns, (-2, -1))).quarter_turns == turns
        assert check(picture.flip(-2)).flags["turned"]


def test_other_pictures_are_no_chest(shared_data: Path, check: ContentCheck) -> None:
    slices = sorted((shared_data / "lgg").rglob("*_1?.tif"))[:20]
    assert slices
    assert all(check(torch.from_numpy(read_radiograph(file).pixels)[None]).flags["no_chest"] for file in slices)


def test_scale_and_size_do_not_matter(check: ContentCheck) -> None:
    picture = torch.from_numpy(np.random.default_rng(0).random((1, 96, 96), np.float32))
    for scale, offset in ((4000, -7), (1e-9, 0), (1e-9, 1e-9), (1e30, 0)):
        assert check(picture * scale + offset).as_array() == pytest.approx(check(picture).as_array(), abs=1e-4)
    assert isinstance(check(picture[:, :70, :40]), Content)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_border_of_a_viewer_does_not_matter(shared_data: Path, check: ContentCheck, value: float) -> None:
    """Nor does text in it: a black one makes an inverted picture look like one that is not."""
    for file in sorted((shared_data / "native" / "images").iterdir())[:6]:
        picture = torch.from_numpy(read_radiograph(file).pixels)[None, ::4, ::4] / 255
        for shown, is_reversed in ((picture, False), (1 - picture, True)):
            framed = functional.pad(shown, (60, 60, 50, 50), value=value)
            framed[:, 10:16, 5:45] = 1 - value
            found = check(framed)
            assert (found.is_chest, found.is_reversed, found.quarter_turns) == (True, is_reversed, 0)


def test_nothing_but_borders_is_looked_at_as_it_is(check: ContentCheck) -> None:
    picture = torch.zeros(1, 90, 90)
    picture[:, 40:45, 40:45] = 1
    assert not check(picture).is_chest


def test_there_and_back() -> None:
    content = Content(3, 0.25, 0.75)
    assert Content.from_array(content.as_array()) == content
    assert (Content(0, 0.98, 1).is_certainly_reversed, Content(0, 0.995, 1).is_certainly_reversed) == (False, True)
    assert not Content(0, 1, 0.9).is_certainly_reversed

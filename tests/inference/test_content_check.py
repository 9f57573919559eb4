"""The look at the picture: upright, dark air, a chest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_lungxfer.inference.content_check import Content, ContentCheck
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
    assert check(picture * 4000 - 7).certainty == pytest.approx(check(picture).certainty, abs=1e-4)
    assert isinstance(check(picture[:, :70, :40]), Content)

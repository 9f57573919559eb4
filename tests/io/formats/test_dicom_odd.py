"""Headers that are wrong about the pixels, or silent: the picture is right all the same, and a remark says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom", minversion="3", reason="pydicom 2 cannot write most of the encodings")

from dicom_odd import GREY, ODD_CASES, OddCase, compare

from monai_lungxfer.io.radiograph import read_radiograph


@pytest.mark.parametrize("case", ODD_CASES, ids=lambda case: f"{case.kind}-{case.name}")
def test_the_picture_is_right(case: OddCase, tmp_path: Path) -> None:
    radiograph = read_radiograph(case.write(tmp_path))
    assert compare(radiograph.turn.apply(radiograph.pixels), case) == "right"
    assert bool(radiograph.remarks) == case.is_told


def test_comparison() -> None:
    turned = next(case for case in ODD_CASES if case.kind == "orientation")
    assert [compare(pixels, turned) for pixels in (GREY, 5 - GREY, turned.stored, GREY[:, ::-1], GREY[1:])] == [
        *("right", "inverted", "not turned", "wrong", "wrong")
    ]
    assert compare(np.zeros_like(GREY), turned) == "wrong"

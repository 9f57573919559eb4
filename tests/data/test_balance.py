"""Weights for a balanced draw, worked out by hand."""

from __future__ import annotations

import pytest

from monai_lungxfer.data.balance import balanced_weights

RECORDS = [{"view": "AP"}] * 3 + [{"view": "PA"}] + [{}] * 2


def test_every_kind_is_equally_likely() -> None:
    assert balanced_weights(RECORDS) == pytest.approx([1 / 9] * 3 + [1 / 3] + [1 / 6] * 2)


def test_a_share_of_zero_changes_nothing_and_a_half_lies_between() -> None:
    assert balanced_weights(RECORDS, share=0) == pytest.approx([1 / 6] * 6)
    half = balanced_weights(RECORDS[:4], share=0.5)
    assert half[3] / half[0] == pytest.approx(3**0.5)

"""The trial on phantoms: it tells trained networks for chest radiographs from others, and finds what is missing."""

from __future__ import annotations

import sys

import pytest

from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.serving.dicom import phantom_trial
from monai_lungxfer.serving.dicom.phantom_trial import rehearse_results, try_on_phantom
from monai_lungxfer.utils.errors import LungXferError, TransferError


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.from_bundle("portable")


def test_a_trained_network_passes(segmenter: Segmenter) -> None:
    assert 0.2 < try_on_phantom(segmenter) < 0.3
    assert try_on_phantom(Segmenter.from_bundle("general")) > 0.15


def test_a_network_for_something_else_is_refused() -> None:
    with pytest.raises(TransferError, match="lung in a phantom"):
        try_on_phantom(Segmenter.from_bundle("donor"))


def test_results_of_every_kind_are_rehearsed(segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {}
    real = phantom_trial.dicom_results

    def watch(found: object, kinds: object, **options: object) -> object:
        made.update(real(found, kinds, **options))  # type: ignore[arg-type]
        return made

    monkeypatch.setattr(phantom_trial, "dicom_results", watch)
    rehearse_results(segmenter, ("segmentation", "overlay", "report", "presentation"), sides=True)
    assert set(made) == {"segmentation", "overlay", "report", "presentation"}


def test_a_missing_package_shows_in_the_rehearsal(segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highdicom", None)
    monkeypatch.setitem(sys.modules, "highdicom.seg", None)
    with pytest.raises(LungXferError, match=r"monai_lungxfer\[dicom\]"):
        rehearse_results(segmenter, ("segmentation",), sides=True)

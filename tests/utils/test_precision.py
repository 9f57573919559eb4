"""Which number format is chosen, and what the inferer hands to the network and back."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.precision import (
    PrecisionInferer,
    autocast_dtype,
    best_device,
    needs_grad_scaler,
    usable_device,
)


class Spy(nn.Module):
    """Records what a convolution inside a network sees and gives."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.channels_last = image.is_contiguous(memory_format=torch.channels_last)
        output = self.conv(image)
        self.dtype = output.dtype
        return output


def test_auto_follows_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    assert autocast_dtype("cpu") is None
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert autocast_dtype("cpu") is torch.bfloat16


@pytest.mark.parametrize(
    ("word", "dtype"), [("float32", None), ("bfloat16", torch.bfloat16), ("float16", torch.float16)]
)
def test_words_are_taken_at_their_word(word: str, dtype: torch.dtype | None) -> None:
    assert autocast_dtype("cpu", word) is dtype
    assert needs_grad_scaler("cpu", word) is (word == "float16")


def test_a_wrong_word_is_refused_before_training() -> None:
    with pytest.raises(ValueError, match="half"):
        PrecisionInferer("half")


@pytest.mark.parametrize(("precision", "inside"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_network_runs_in_the_precision_and_returns_float32(precision: str, inside: torch.dtype) -> None:
    spy = Spy()
    output = PrecisionInferer(precision)(torch.rand(2, 3, 4, 6), spy)
    assert (spy.dtype, spy.channels_last, output.dtype) == (inside, True, torch.float32)
    torch.testing.assert_close(output.shape, torch.Size([2, 1, 4, 6]))


def test_device_by_name() -> None:
    assert best_device("cpu") == torch.device("cpu")


def test_usable_devices() -> None:
    assert usable_device("cpu") == usable_device(torch.device("cpu")) == torch.device("cpu")
    with pytest.raises(LungXferError, match="there is no device 'gpu'"):
        usable_device("gpu")
    with pytest.raises(LungXferError, match="the device cuda:99 cannot be used"):
        usable_device("cuda:99")

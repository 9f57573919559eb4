"""Memory that ran out is known by what the libraries raise."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import torch

from monai_lungxfer.utils.memory import is_out_of_memory


def raised(work) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is what is asked
        work()
    return caught.value


def test_what_numpy_and_torch_really_raise() -> None:
    assert is_out_of_memory(raised(lambda: np.zeros((1 << 44, 1 << 8), np.uint8)))
    assert is_out_of_memory(raised(lambda: torch.empty(1 << 58, dtype=torch.uint8)))
    assert is_out_of_memory(raised(lambda: bytearray(1 << 60)))


def test_what_was_raised_for_it() -> None:
    def wrapped() -> None:
        try:
            raise MemoryError
        except MemoryError as error:
            raise RuntimeError("applying transform") from error

    assert is_out_of_memory(raised(wrapped))


def test_the_systems_own_word_and_others() -> None:
    assert is_out_of_memory(OSError(errno.ENOMEM, "Cannot allocate memory"))
    assert is_out_of_memory(RuntimeError("can't start new thread"))
    assert is_out_of_memory(ImportError("x.so: failed to map segment from shared object"))
    assert not is_out_of_memory(ImportError("No module named 'x'"))
    assert not is_out_of_memory(OSError(errno.ENOSPC, "No space left on device"))
    assert not is_out_of_memory(ValueError("out of memory of the paper"))
    assert not is_out_of_memory(None)

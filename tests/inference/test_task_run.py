"""One file must not end a run: memory that runs out at any step skips the file that it ran out for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bright_segmenter import bright_segmenter
from radiograph_folder import files_in, save_radiograph

from monai_lungxfer.inference import outputs, segmentation
from monai_lungxfer.inference import segmenter as core
from monai_lungxfer.inference.batch import predict_files
from monai_lungxfer.inference.engines import torch_engine
from monai_lungxfer.inference.inputs import find_inputs
from monai_lungxfer.inference.outputs import OutputOptions
from monai_lungxfer.inference.segmenter import Segmenter
from monai_lungxfer.io.radiograph import read_mask

WIDE = 150  # of the radiograph that does not fit


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory) -> Segmenter:
    return bright_segmenter(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(5):
        save_radiograph(tmp_path / "in" / f"x{number}.png", width=WIDE if number == 2 else 80 + number)
    return tmp_path / "in"


def full(*arguments: Any) -> bool:
    """Tell whether an array of the wide radiograph is among the arguments."""
    values = [getattr(argument, "pixels", getattr(argument, "mask", argument)) for argument in arguments]
    return any(getattr(value, "shape", (0,))[-1:] == (WIDE,) for value in values)


def failing(work: Callable, error: Exception, when: Callable[..., bool] = full) -> Callable:
    def run(*arguments: Any, **options: Any) -> Any:
        found = work(*arguments, **options)
        if when(*arguments, found):
            raise error
        return found

    return run


TORCH = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
)
NUMPY = np._core._exceptions._ArrayMemoryError((9, 9), np.dtype("f4"))
PLACES = {
    "reading": (core, "read_radiograph", MemoryError()),
    "preparing": (torch_engine, "as_meta_tensor", TORCH),
    "looking": (core, "measure_traits", NUMPY),
    "picture": (core, "thumbnail", MemoryError()),
    "resampling": (torch_engine, "_plane", TORCH),
    "measuring": (segmentation, "measure", NUMPY),
    "writing": (segmentation, "save_mask", MemoryError()),
    "drawing": (outputs, "draw_overlay", NUMPY),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_radiograph_that_does_not_fit_into_memory_is_skipped(
    segmenter: Segmenter, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    module, name, error = PLACES[place]
    monkeypatch.setattr(module, name, failing(getattr(module, name), error))
    rows = predict_files(segmenter, find_inputs([folder]), tmp_path / "out", OutputOptions(overlay=True))
    assert [row.status for row in rows] == ["done", "done", "skipped", "done", "done"]
    assert rows[2].reason.startswith("does not fit into memory. Scale the radiograph down")
    assert not [name for name in files_in(tmp_path / "out") if name.startswith("x2")]
    monkeypatch.undo()
    for number in (0, 1, 3, 4):
        alone = segmenter.segment_file(folder / f"x{number}.png")
        assert np.array_equal(read_mask(tmp_path / "out" / f"x{number}_mask.png"), alone.mask)
    again = predict_files(segmenter, find_inputs([folder]), tmp_path / "out", OutputOptions(overlay=True), resume=True)
    assert [row.status for row in again] == ["done"] * 5


@pytest.mark.parametrize(("limit", "expected"), [(1, ["done"] * 5), (0, ["done", "done", "skipped", "done", "done"])])
def test_a_batch_that_does_not_fit_is_done_one_by_one(
    segmenter: Segmenter, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int, expected: list[str]
) -> None:
    infer, sizes = segmenter.infer, []

    def narrow(prepared: list[Any]) -> list[torch.Tensor]:
        sizes.append(len(prepared))
        if len(prepared) > max(1, limit) or (not limit and any(item.size[1] == WIDE for item in prepared)):
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return infer(prepared)

    monkeypatch.setattr(segmenter, "infer", narrow)
    rows = predict_files(segmenter, find_inputs([folder]), tmp_path / "out", batch_size=4)
    assert [row.status for row in rows] == expected
    assert sizes == [4, 1, 1, 1, 1, 1]


def test_other_errors_of_the_network_end_the_run(
    segmenter: Segmenter, folder: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(segmenter, "infer", failing(lambda *_: 0, RuntimeError("mat1 and mat2"), lambda *_: True))
    with pytest.raises(RuntimeError, match="mat1"):
        predict_files(segmenter, find_inputs([folder]), tmp_path / "out")

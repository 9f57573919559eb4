"""The mean of weights files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from monai_lungxfer.cli import app
from monai_lungxfer.utils.errors import TransferError
from monai_lungxfer.utils.torch_files import save_checkpoint
from monai_lungxfer.weights.averaging import average_weights
from monai_lungxfer.weights.loading import read_state_dict
from monai_lungxfer.weights.sidecar import Sidecar, input_size, input_sizing, save_sidecar


def saved(file: Path, value: float, side: int = 64, sizing: str = "square", **others: torch.Tensor) -> Path:
    weights = {"conv.weight": torch.full((2, 2), value, dtype=torch.float16), "count": torch.tensor(int(value))}
    save_checkpoint(weights | others, file)
    save_sidecar(file, Sidecar([side, side], sizing=sizing))
    return file


def test_the_mean_has_the_formats_and_the_input_size_of_the_first(tmp_path: Path) -> None:
    files = [saved(tmp_path / f"{value}.pt", value) for value in (1.0, 2.0, 6.0)]
    made = average_weights(files, tmp_path / "mean.pt")
    found = read_state_dict(made)
    assert found["conv.weight"].dtype == torch.float16
    assert torch.equal(found["conv.weight"], torch.full((2, 2), 3.0, dtype=torch.float16))
    assert found["count"].item() == 3
    assert found["count"].dtype == torch.int64
    assert input_size(made) == [64, 64]


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    first = saved(tmp_path / "first.pt", 1.0)
    others = {
        "1 layers are not as in the first file: more": saved(tmp_path / "more.pt", 1.0, more=torch.ones(1)),
        "conv.weight to begin with": saved(tmp_path / "other.pt", 1.0, **{"conv.weight": torch.ones(3, 2)}),
        r"is for images of \[96, 96\]": saved(tmp_path / "larger.pt", 1.0, side=96),
        "is for the sizing pad, and the first file for square": saved(tmp_path / "padded.pt", 1.0, sizing="pad"),
    }
    for problem, file in others.items():
        with pytest.raises(TransferError, match=rf"{file.name}: .*{problem}"):
            average_weights([first, file], tmp_path / "mean.pt")
    assert not (tmp_path / "mean.pt").exists()


def test_the_sizing_goes_along(tmp_path: Path) -> None:
    files = [saved(tmp_path / f"{value}.pt", value, sizing="aspect") for value in (1.0, 2.0)]
    assert input_sizing(average_weights(files, tmp_path / "mean.pt")) == "aspect"


def test_the_command_wants_two_files(tmp_path: Path) -> None:
    first, second = saved(tmp_path / "first.pt", 1.0), saved(tmp_path / "second.pt", 3.0)
    out = tmp_path / "out" / "mean.pt"
    assert CliRunner().invoke(app, ["weights", "average", str(first), "--out", str(out)]).exit_code == 2
    result = CliRunner().invoke(app, ["weights", "average", str(first), str(second), "--out", str(out)])
    assert (result.exit_code, result.stdout) == (0, f"{out}\n")
    assert read_state_dict(out)["conv.weight"][0, 0].item() == 2.0

"""Running the command `predict` with a network of one layer."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from monai_lungxfer.cli import app


def run(*arguments: object, weights: Path) -> Result:
    """Run with a network for which the bright is lung."""
    network = "network_def={_target_: torch.nn.Conv2d, in_channels: 3, out_channels: 1, kernel_size: 1}"
    options = ["--weights", weights, "--device", "cpu", "--set", network, "--set", "precision=float32"]
    return CliRunner().invoke(app, [str(word) for word in ("predict", *arguments, *options)])

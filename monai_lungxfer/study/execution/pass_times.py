"""How long images take to pass through a network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from monai.inferers import Inferer


class TimedInferer(Inferer):
    """Calls another inferer, and appends to a file how many milliseconds each call took: a line an image.

    What an evaluation does before and after, such as reading and measuring, is not in it. Give it one image at a time.

    Parameters
    ----------
    inferer : callable
        The other one.
    path : str or pathlib.Path
        The file, which is begun anew.
    """

    def __init__(self, inferer: Callable[..., torch.Tensor], path: str | Path) -> None:
        super().__init__()
        self.inferer = inferer
        self.path = Path(path)
        self.path.unlink(missing_ok=True)

    def __call__(self, inputs: torch.Tensor, network: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Return what the other inferer returns."""
        _wait_for(inputs.device)
        started = time.perf_counter()
        outputs = self.inferer(inputs, network, *args, **kwargs)
        _wait_for(inputs.device)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{1000 * (time.perf_counter() - started):.4f}\n")
        return outputs


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def read_passes(path: Path) -> dict[str, float | None]:
    """Return mean (network_ms), standard deviation (network_ms_sd) and number (passes) of the times in a file.

    The first pass prepares the others, and is left out where there are any. Without a file, nothing was timed.
    """
    times = [float(line) for line in path.read_text(encoding="utf-8").split()] if path.is_file() else []
    times = times[1:] or times
    mean = statistics.fmean(times) if times else None
    return {
        "network_ms": mean,
        "network_ms_sd": statistics.stdev(times) if len(times) > 1 else None,
        "passes": len(times),
    }

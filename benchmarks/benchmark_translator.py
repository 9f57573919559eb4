"""Compare a training step of translators with one of full fine-tuning, in turn, on this machine.

    python benchmarks/benchmark_translator.py [--translators tail:3 hypercolumn:3] [--rounds 5] [--threads 1]

All start from the donor's U-Net of the paper and have the optimizer, loss and precision of `train.yaml`. In each round
every kind takes one step on the same random images. Printed are seconds a step, its ratio to full fine-tuning, by the
clock and by the processor's time (which other programs hardly disturb), and the size of the weights file.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable

import torch
from monai.losses import DiceLoss

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.translator_unet import add_translator
from monai_lungxfer.utils.allocator import reuse_freed_memory
from monai_lungxfer.utils.precision import PrecisionInferer


def training_step(
    network: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor, precision: str
) -> Callable[[], None]:
    """Return a function that takes one step."""
    network = network.to(memory_format=torch.channels_last).train()
    inferer = PrecisionInferer(precision)
    loss = DiceLoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0, batch=True)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001)

    def step() -> None:
        optimizer.zero_grad()
        loss(inferer(images, network), labels).backward()
        optimizer.step()

    return step


def file_size(network: torch.nn.Module) -> float:
    """Return the size of a network's weights file in units of 1,000 bytes."""
    written = io.BytesIO()
    torch.save(network.state_dict(), written)
    return len(written.getvalue()) / 1e3


def ratio(own: list[float], full: list[float]) -> str:
    """Format the median of the rounds' ratios with their range."""
    ratios = [one / other for one, other in zip(own, full, strict=True)]
    return f"{statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})"


def main() -> None:
    """Take the steps in turn and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--translators", nargs="+", default=["tail:3", "tail-dilated:3", "hypercolumn:3"])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    reuse_freed_memory()  # as train.yaml does
    torch.manual_seed(0)
    images = torch.randn(arguments.batch_size, 3, arguments.size, arguments.size)
    labels = (torch.rand(arguments.batch_size, 1, arguments.size, arguments.size) > 0.5).to(torch.uint8)
    networks = {"full": DonorUNet(), **{name: add_translator(DonorUNet(), name) for name in arguments.translators}}
    steps = {name: training_step(network, images, labels, arguments.precision) for name, network in networks.items()}
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    worked: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(arguments.rounds + 1):
        for name, step in steps.items():
            started, begun = time.perf_counter(), time.process_time()
            step()
            if number:  # the first one is slower
                seconds[name].append(time.perf_counter() - started)
                worked[name].append(time.process_time() - begun)
    print(f"{arguments.threads} threads, batches of {images.shape}; median (range) of {arguments.rounds} rounds")
    for name, taken in seconds.items():
        print(
            f"{name:16} {statistics.median(taken):6.2f} s, ratio {ratio(taken, seconds['full'])}; "
            f"processor {ratio(worked[name], worked['full'])}; {file_size(networks[name]):,.1f} kB"
        )


if __name__ == "__main__":
    main()

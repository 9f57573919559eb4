"""Compare an epoch of a bundle's training with the same epoch by a plain loop, in turn, on this machine.

    python benchmarks/benchmark_training.py --data DIR [--stage portable] [--images 48] [--epochs 2] [--rounds 3]

The plain loop has the same network, loss, optimizer, transforms and images, but float32 in contiguous layout, and it
decodes and resizes every image in every epoch. Both run in processes of their own, one after the other, `rounds`
times. Printed are seconds an epoch, the ratio, and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from ignite.engine import Events
from monai.bundle import ConfigWorkflow
from monai.data import DataLoader, Dataset

from monai_lungxfer.bundle.stages import stage_named
from monai_lungxfer.bundle.workflow import bundle_workflow
from monai_lungxfer.training.stage import stage_data


def workflow_for(arguments: argparse.Namespace, folder: str) -> ConfigWorkflow:
    """Make the stage's training on the first images of its training section, without validation and tracking."""
    stage = stage_named(arguments.stage)
    return bundle_workflow(
        stage.bundle,
        "train",
        {
            "dataset_dir": str(stage_data(arguments.data, stage)),
            "output_dir": folder,
            "ckpt_dir": folder,
            "parent": None,
            "tracking_uri": "",
            "log_epochs": False,
            "max_epochs": arguments.epochs + 1,
            "val_interval": arguments.epochs + 2,
            "train#dataset#data": f"$list(@split.training[:{arguments.images}])",
        },
    )


def by_bundle(arguments: argparse.Namespace, folder: str) -> list[float]:
    """Return the seconds of every epoch but the first, all handlers included; the first one's are in its place."""
    workflow = workflow_for(arguments, folder)
    stamps = [time.perf_counter()]
    workflow.initialize()
    trainer = workflow.parser.get_parsed_content("train#trainer")
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: stamps.append(time.perf_counter()))
    workflow.run()
    return [after - before for before, after in itertools.pairwise(stamps)]


def by_plain_loop(arguments: argparse.Namespace, folder: str) -> list[float]:
    """Return the seconds of every epoch of the plain loop."""
    parser = workflow_for(arguments, folder).parser
    network = parser.get_parsed_content("network_def")
    loss = parser.get_parsed_content("loss")
    optimizer = torch.optim.Adam(network.parameters(), lr=parser.get_parsed_content("learning_rate"))
    dataset = Dataset(parser.get_parsed_content("train#dataset#data"), parser.get_parsed_content("train#preprocessing"))
    loader = DataLoader(dataset, batch_size=parser.get_parsed_content("batch_size"), shuffle=True)
    seconds = []
    for _ in range(arguments.epochs + 1):
        started = time.perf_counter()
        for batch in loader:
            optimizer.zero_grad()
            loss(network(batch["image"]), batch["label"]).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    return seconds


def measured(run: Callable[[argparse.Namespace, str], list[float]], arguments: argparse.Namespace, pipe) -> None:
    """Send a run's seconds and its peak memory in GB through a pipe."""
    with tempfile.TemporaryDirectory() as folder:
        seconds = run(arguments, folder)
    pipe.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6))


def in_own_process(run: Callable[[argparse.Namespace, str], list[float]], arguments: argparse.Namespace):
    """Measure a run in a fresh process."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=measured, args=(run, arguments, sender))
    process.start()
    sender.close()
    result = receiver.recv()
    process.join()
    return result


def spread(values: list[float]) -> str:
    """Format the median with the range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main() -> None:
    """Run both in turn and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--stage", default="portable")
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    bundle, plain, ratios, first, memory = [], [], [], [], []
    for _ in range(arguments.rounds):
        own, own_memory = in_own_process(by_bundle, arguments)
        other, _ = in_own_process(by_plain_loop, arguments)
        first.append(own[0])
        memory.append(own_memory)
        bundle += own[1:]
        plain += other[1:]
        ratios.append(statistics.median(own[1:]) / statistics.median(other[1:]))
    print(f"{arguments.images} images an epoch, {arguments.rounds} rounds; median (range)")
    print(f"bundle, seconds an epoch:             {spread(bundle)}")
    print(f"bundle, start and first epoch:        {spread(first)}")
    print(f"plain loop, seconds an epoch:         {spread(plain)}")
    print(f"ratio:                                {spread(ratios)}")
    print(f"bundle, peak memory in GB:            {spread(memory)}")


if __name__ == "__main__":
    main()

"""Compare what the sizings cost an image beside `square`, in training and in prediction, in turn on this machine.

    python benchmarks/benchmark_sizing.py --data DIR [--image-size 256] [--images 32] [--rounds 5] [--sizings aspect …]

Each round times one epoch of the portable stage's training steps, decoding left out, for `square` and then for each
other sizing, and the prediction of the same images, prepared before. Printed are the ratios of processor time to
`square` of the same round: their median and range.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigWorkflow

from monai_lungxfer.bundle.stages import stage_named
from monai_lungxfer.bundle.workflow import bundle_workflow
from monai_lungxfer.networks.sizing import SIZINGS
from monai_lungxfer.training.stage import stage_data


def prepare(arguments: argparse.Namespace, sizing: str, folder: str) -> ConfigWorkflow:
    """Make the stage's training on the first images of its training section, decoded, without its handlers."""
    stage = stage_named("portable")
    workflow = bundle_workflow(
        stage.bundle,
        "train",
        {
            "dataset_dir": str(stage_data(arguments.data, stage)),
            "output_dir": folder,
            "ckpt_dir": folder,
            "parent": None,
            "tracking_uri": "",
            "sizing": sizing,
            "image_size": [arguments.image_size] * 2,
            "network_def#init_features": arguments.init_features,
            "precision": arguments.precision,
            "train#dataset#data": f"$list(@split.training[:{arguments.images}])",
        },
    )
    workflow.parser.get_parsed_content("train#dataset")
    return workflow


def train(workflow: ConfigWorkflow, epoch: int) -> float:
    """Return the processor seconds of an epoch's steps."""
    names = ("network", "loss", "optimizer", "train#inferer", "train#dataloader", "train#batches", "train#dataset")
    network, loss, optimizer, inferer, loader, batches, dataset = map(workflow.parser.get_parsed_content, names)
    for drawn in (batches, dataset):
        drawn.set_epoch(epoch)
    network.train()
    started = time.process_time()
    for batch in loader:
        optimizer.zero_grad()
        loss(inferer(batch["image"], network), batch["label"]).backward()
        optimizer.step()
    return time.process_time() - started


@torch.no_grad()
def predict(workflow: ConfigWorkflow) -> float:
    """Return the processor seconds of a pass of the network over each image by itself."""
    network, inferer, dataset = map(
        workflow.parser.get_parsed_content, ("network", "train#inferer", "validate#dataset")
    )
    images = [dataset[number]["image"][None] for number in range(len(dataset))]
    network.eval()
    started = time.process_time()
    for image in images:
        inferer(image, network)
    return time.process_time() - started


def spread(values: list[float]) -> str:
    """Format the median with the range."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, dict[str, list[float]]]:
    """Return the ratios to `square` of each other sizing, of training and of prediction; the first round warms up."""
    chosen = ["square", *arguments.sizings]
    made: dict[str, Any] = {sizing: prepare(arguments, sizing, str(folder / sizing)) for sizing in chosen}
    ratios: dict[str, dict[str, list[float]]] = {name: {"training": [], "prediction": []} for name in arguments.sizings}
    for number in range(arguments.rounds + 1):
        seconds = {sizing: (train(made[sizing], number), predict(made[sizing])) for sizing in chosen}
        for sizing in arguments.sizings if number else ():
            for place, part in enumerate(ratios[sizing]):
                ratios[sizing][part].append(seconds[sizing][place] / seconds["square"][place])
    return ratios


def main() -> None:
    """Time the sizings in turn and print their ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--init-features", type=int, default=32)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--sizings", nargs="+", choices=SIZINGS[1:], default=["aspect"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ratios = measure(arguments, Path(folder))
    print(f"{arguments.images} images at {arguments.image_size}, {arguments.rounds} rounds; ratio, median (range)")
    for sizing, parts in ratios.items():
        for part, values in parts.items():
            print(f"{sizing:8s}{part:12s}{spread(values)}")


if __name__ == "__main__":
    main()

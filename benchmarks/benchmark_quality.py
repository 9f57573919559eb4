"""What the content check and the expected Dice cost of a prediction, by the processor's time.

    python benchmarks/benchmark_quality.py IMAGE... [--bundle portable] [--rounds 7]

Each round predicts all images three times: with both, without the content check, and without the expected Dice and what
it needs. The order changes from round to round, so what else the machine does, and how warm it is, meets all three. A
prediction is reading, preprocessing, network, postprocessing, measurements and flags, on one thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from monai_lungxfer.inference.content_network import ContentCheck
from monai_lungxfer.inference.segmenter import Segmenter

__all__ = ["seconds"]


def seconds(segmenter: Segmenter, images: list[Path]) -> float:
    """Return the processor's seconds of predicting images one after the other."""
    start = time.process_time()
    for image in images:
        _ = segmenter.segment_file(image).flags
    return time.process_time() - start


@contextmanager
def without_content_check(segmenter: Segmenter, image: Path) -> Iterator[None]:
    """Give the answer for one image instead of looking at each."""
    content = segmenter.segment_file(image).radiograph.traits.content
    with patch.object(ContentCheck, "__call__", lambda *_: content):
        yield


@contextmanager
def without_expected_dice(segmenter: Segmenter, _: Path) -> Iterator[None]:
    """Leave out what it is estimated from, and the estimate."""
    with patch("monai_lungxfer.inference.segmenter.measure_doubt"), patch.object(segmenter, "_expect", None):
        yield


@contextmanager
def with_both(_: Segmenter, __: Path) -> Iterator[None]:
    """Leave all as it is."""
    yield


WAYS: dict[str, Callable[[Segmenter, Path], object]] = {
    "with both": with_both,
    "without the content check": without_content_check,
    "without the expected Dice": without_expected_dice,
}


def main() -> None:
    """Print the ratios, each the median over the rounds, with the smallest and the largest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--bundle", default="portable")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    torch.set_num_threads(1)
    segmenter = Segmenter.from_bundle(given.bundle, device="cpu", engine="torch")
    seconds(segmenter, given.images)  # what is loaded on first use
    taken: dict[str, list[float]] = {name: [] for name in WAYS}
    for number in range(given.rounds):
        names = list(WAYS)
        for name in names[number % 3 :] + names[: number % 3]:
            with WAYS[name](segmenter, given.images[0]):
                taken[name].append(seconds(segmenter, given.images))
    both = np.array(taken["with both"])
    print(f"with both: {np.median(both) / len(given.images) * 1000:.0f} ms an image, {len(given.images)} images")
    for name in list(WAYS)[1:]:
        ratios = both / np.array(taken[name])
        print(f"with both, over {name}: {np.median(ratios):.3f} ({ratios.min():.3f} to {ratios.max():.3f})")


if __name__ == "__main__":
    main()

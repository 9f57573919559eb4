"""Train the check whether a picture is an upright radiograph of a chest, with dark air.

    python scripts/experiments/train_content_check.py --general DIR --others DIR... --not-chest DIR \
        --out content_check.npz

It learns from the general set alone, four fifths of its patients. The rates that it prints are of the rest, and of the
other data sets, which it has not seen. Every picture is altered at random in each step: turned, mirrored, inverted,
cropped, padded, and changed in contrast, so the answers are known without an annotation.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from monai_lungxfer.data.datalist import load_datalist
from monai_lungxfer.inference.content_network import SIDE, ContentCheck, content_layers, standardised
from monai_lungxfer.io.radiograph import read_radiograph

READ_SIDE = 2 * SIDE
CHEST, REVERSED = 5, 4  # the outputs after the four directions
STEPS, BATCH, RATE = 3000, 64, 4e-3
NOT_CHEST_SHARE = 0.15


def thumbnails(files: list[Path]) -> torch.Tensor:
    """Read pictures as (N, 1, READ_SIDE, READ_SIDE), from 0 to 1."""
    return torch.stack([_thumbnail(file) for file in files])


def _thumbnail(file: Path) -> torch.Tensor:
    pixels = torch.from_numpy(read_radiograph(file).pixels)[None]
    small = functional.adaptive_avg_pool2d(pixels, READ_SIDE)
    return (small - small.min()) / (small.max() - small.min()).clamp(min=1e-6)


def altered(pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return (N, 1, SIDE, SIDE): cropped or padded, a little rotated, of another contrast, collimated, noisy."""
    count = len(pictures)

    def draw(low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    angle, scale, aspect = torch.deg2rad(draw(-15, 15)), draw(0.75, 1.3), draw(0.85, 1.18)
    sine, cosine, shift = torch.sin(angle), torch.cos(angle), draw(-0.15, 0.15, 2)
    theta = torch.stack([cosine * scale * aspect, -sine * scale, shift[:, 0], sine * scale, cosine * scale / aspect,
                         shift[:, 1]], dim=1).view(count, 2, 3)  # fmt: skip
    grid = functional.affine_grid(theta, [count, 1, SIDE, SIDE], align_corners=False)
    mode = "zeros" if torch.rand((), generator=generator) < 0.5 else "border"
    cut = functional.grid_sample(pictures, grid, padding_mode=mode, align_corners=False).clamp(0, 1)
    cut = cut ** torch.exp(draw(-1, 1, 1, 1, 1))
    low, high = draw(0, 0.15, 1, 1, 1), draw(0.7, 1, 1, 1, 1)
    cut = torch.where(draw(0, 1, 1, 1, 1) < 0.4, ((cut - low) / (high - low)).clamp(0, 1), cut)
    cut = cut + draw(0, 0.08, 1, 1, 1) * torch.randn(cut.shape, generator=generator)
    rows = torch.arange(SIDE)[None, :]
    edge = torch.where(draw(0, 1, 1) < 0.2, draw(0, 9, 1), torch.zeros(1))
    blind = (rows < edge)[:, None, :, None].expand_as(cut)
    return torch.where(blind, draw(0, 1, 1, 1, 1).round().expand_as(cut), cut)


def not_chest(pictures: torch.Tensor, others: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return pictures that are no single chest: of another part, two beside each other, one lung, and noise."""
    size = (READ_SIDE, READ_SIDE)
    pairs = functional.interpolate(torch.cat([pictures, pictures.roll(1, 0)], dim=3), size)
    halves = functional.interpolate(pictures[..., : READ_SIDE // 2], size)
    noise = functional.interpolate(torch.rand(len(pictures), 1, 6, 6, generator=generator), size, mode="bicubic")
    kinds = torch.stack([others, others, pairs, halves, noise.clamp(0, 1)])
    return kinds[torch.randint(len(kinds), (len(pictures),), generator=generator), torch.arange(len(pictures))]


def train(chests: torch.Tensor, others: torch.Tensor, seed: int = 0) -> nn.Sequential:
    """Train the layers on chests and other pictures, both (N, 1, READ_SIDE, READ_SIDE)."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = content_layers()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, STEPS)
    for step in range(STEPS):
        images = chests[torch.randint(len(chests), (BATCH,), generator=generator)]
        strangers = others[torch.randint(len(others), (BATCH,), generator=generator)]
        is_chest = torch.rand(BATCH, generator=generator) >= NOT_CHEST_SHARE
        mixed = torch.where(is_chest[:, None, None, None], images, not_chest(images, strangers, generator))
        inputs, turns, reverse = _turned(altered(mixed, generator), generator)
        outputs = network(standardised(inputs))
        loss = functional.cross_entropy(outputs[is_chest, :4], turns[is_chest])
        loss = loss + functional.binary_cross_entropy_with_logits(outputs[is_chest, REVERSED], reverse[is_chest])
        loss = loss + functional.binary_cross_entropy_with_logits(outputs[:, CHEST], is_chest.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if (step + 1) % 500 == 0:
            print(f"step {step + 1}: loss {loss.item():.4f}", flush=True)
    return network.eval()


def _turned(pictures: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mirror, turn by quarters and invert at random; return the pictures, the quarters, and which are inverted."""
    count = len(pictures)
    turns = torch.randint(4, (count,), generator=generator) * (torch.rand(count, generator=generator) < 0.6)
    reverse = (torch.rand(count, generator=generator) < 0.4).float()
    mirror = torch.rand(count, generator=generator) < 0.5
    mirrored = torch.where(mirror[:, None, None, None], pictures.flip(-1), pictures)
    turned = torch.stack([torch.rot90(one, int(k), (-2, -1)) for one, k in zip(mirrored, turns, strict=True)])
    return torch.where(reverse[:, None, None, None] > 0, 1 - turned, turned), turns, reverse


ALTERATIONS: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], int, bool]] = {
    "as it is": (lambda x: x, 0, False),
    "inverted": (lambda x: 1 - x, 0, True),
    "upside down": (lambda x: x.flip(-2), 2, False),
    "half a turn": (lambda x: torch.rot90(x, 2, (-2, -1)), 2, False),
    "on its left side": (lambda x: torch.rot90(x, 1, (-2, -1)), 1, False),
    "on its right side": (lambda x: torch.rot90(x, 3, (-2, -1)), 3, False),
    "inverted and upside down": (lambda x: 1 - x.flip(-2), 2, True),
    "mirrored": (lambda x: x.flip(-1), 0, False),
    "gamma 0.4": (lambda x: x**0.4, 0, False),
    "gamma 2.5": (lambda x: x**2.5, 0, False),
    "a tenth cut off each side": (lambda x: x[..., 10:-10, 10:-10], 0, False),
    "padded by 15 %": (lambda x: functional.pad(x, (14, 14, 14, 14)), 0, False),
}


def print_rates(check: ContentCheck, name: str, pictures: torch.Tensor) -> None:
    """Print, for each alteration, how many pictures of a set are judged right, and how many are called no chest."""
    for alteration, (change, turns, reverse) in ALTERATIONS.items():
        found = [check(change(picture)) for picture in pictures]
        right = sum(one.quarter_turns == turns and one.is_reversed == reverse for one in found)
        print(f"| {name} | {alteration} | {right} of {len(found)} | {sum(not one.is_chest for one in found)} |")


def main() -> None:
    """Train, write the weights, and print the rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--general", type=Path, required=True, help="The data set to learn from")
    parser.add_argument("--others", type=Path, nargs="*", default=[], help="Data sets to measure on")
    parser.add_argument("--not-chest", type=Path, required=True, help="A folder of pictures of another part")
    parser.add_argument("--out", type=Path, required=True, help="The file of weights to write")
    parser.add_argument("--measure", action="store_true", help="Only measure the weights in the file --out")
    given = parser.parse_args()
    records = load_datalist(given.general)
    patients = sorted({record["patient"] for record in records})
    kept_back = set(np.random.default_rng(0).permutation(patients)[: len(patients) // 5])
    learn = thumbnails([Path(record["image"]) for record in records if record["patient"] not in kept_back])
    held = thumbnails([Path(record["image"]) for record in records if record["patient"] in kept_back])
    files = sorted(file for file in given.not_chest.rglob("*.tif") if not file.stem.endswith("_mask"))[::4]
    strangers = thumbnails(files)
    if not given.measure:
        ContentCheck.save(train(learn, strangers[: len(strangers) * 4 // 5]), given.out)
    check = ContentCheck(given.out)
    print("| data set | altered | right | called no chest |\n| --- | --- | --- | --- |")
    others = {
        folder.name: thumbnails([Path(record["image"]) for record in load_datalist(folder, labels_required=False)])
        for folder in given.others
    }
    for name, pictures in itertools.chain([("general, held out", held)], others.items()):
        print_rates(check, name, pictures)
    called = sum(not check(picture).is_chest for picture in strangers[len(strangers) * 4 // 5 :])
    print(f"| another part, held out | as it is | — | {called} of {len(strangers) - len(strangers) * 4 // 5} |")


if __name__ == "__main__":
    main()

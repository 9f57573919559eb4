"""Which images come together in a batch, at what size, and in what order."""

from __future__ import annotations

import pickle
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
import torch
from monai.data import DataLoader, DistributedSampler, DistributedWeightedRandomSampler, MetaTensor
from monai.transforms import Compose, RandFlipd, Transform
from torch.utils.data import BatchSampler

from monai_lungxfer.data.batches import SizedBatches, SizedIndex, collate_sized
from monai_lungxfer.data.cache import MemoryDataset, SpilledDataset, decoded_dataset
from monai_lungxfer.networks.sizing import SIZINGS, training_sizes
from monai_lungxfer.transforms.sizing import FittedResized

NATIVE = [(60 + 7 * (number * 5 % 11), 90 - 4 * (number % 9)) for number in range(23)]


class Drawn(Transform):
    """Makes an image and a label of a size out of its number in the list."""

    def __call__(self, record: dict[str, int]) -> dict[str, torch.Tensor]:
        image = torch.full((1, *NATIVE[record["number"]]), float(record["number"]))
        image[:, : image.shape[1] // 2] += 0.25
        return {"image": image, "label": (image % 1 > 0.1).byte()}


def dataset(sizing: str, folder: Path | None = None) -> MemoryDataset | SpilledDataset:
    steps = [Drawn(), FittedResized(["image", "label"], (64, 64), sizing, 16), RandFlipd(["image", "label"], prob=0.0)]
    records = [{"number": number} for number in range(len(NATIVE))]
    return decoded_dataset(records, Compose(steps), memory_limit_gb=0.0 if folder else 1.0, spill_dir=folder)


def batches(sizing: str, images: MemoryDataset | SpilledDataset, rank: int = 0, world: int = 1) -> SizedBatches:
    sampler = DistributedSampler(images, even_divisible=world > 1, num_replicas=world, rank=rank, shuffle=True, seed=3)
    return SizedBatches(sampler, 4, images, (64, 64), sizing, 16, seed=5)


@pytest.mark.parametrize("sizing", SIZINGS)
def test_each_image_is_used_once_an_epoch(sizing: str) -> None:
    images = dataset(sizing)
    made = batches(sizing, images)
    orders = set()
    for epoch in (1, 2):
        made.set_epoch(epoch)
        found = list(made)
        assert len(found) == len(made) == 6
        assert sorted(chain.from_iterable(found)) == list(range(23))
        orders.add(str(found))
    assert len(orders) == 2
    again = batches(sizing, images)
    again.set_epoch(2)
    assert list(again) == found  # as after a resume


@pytest.mark.parametrize("sizing", ["square", "pad"])
def test_others_are_the_batches_of_pytorch(sizing: str) -> None:
    made = batches(sizing, dataset(sizing))
    made.set_epoch(4)
    sampler = DistributedSampler(NATIVE, even_divisible=False, num_replicas=1, rank=0, shuffle=True, seed=3)
    sampler.set_epoch(4)
    assert list(made) == list(BatchSampler(sampler, 4, drop_last=False))


def test_aspects_come_together(tmp_path: Path) -> None:
    images = dataset("aspect")
    assert images.image_sizes() == dataset("aspect", tmp_path).image_sizes()
    sizes = images.image_sizes()
    assert len(set(sizes)) > 3
    spread = [{sizes[number] for number in batch} for batch in batches("aspect", images)]
    assert sum(map(len, spread)) <= len(set(sizes)) + len(spread) - 1  # each size is in neighbouring batches alone
    in_order = [[height / width for height, width in one] for one in sorted(map(sorted, spread))]
    assert max(max(one) / min(one) for one in in_order) < 2  # of 4.2 between all


def test_processes_share_the_images_and_draw_the_same() -> None:
    for sizing in ("aspect", "multi"):
        images = dataset(sizing)
        found = [list(batches(sizing, images, rank, 2)) for rank in (0, 1)]
        assert len(found[0]) == len(found[1])
        used = Counter(chain.from_iterable(found[0] + found[1]))
        assert set(used) == set(range(23))
        assert used.total() == 24  # one is repeated, so that the shares are even
        if sizing == "multi":
            assert [batch[0].size for batch in found[0]] == [batch[0].size for batch in found[1]]


def test_a_weighted_sampler_works_too() -> None:
    images = dataset("aspect")
    sampler = DistributedWeightedRandomSampler(images, [1.0] * 23, num_samples_per_rank=10, num_replicas=1, rank=0)
    assert sum(map(len, SizedBatches(sampler, 4, images, (64, 64), "aspect", 16))) == 10


@pytest.mark.parametrize("workers", [0, 1])
def test_multi_gives_each_batch_a_size(workers: int) -> None:
    images = dataset("multi")
    made = batches("multi", images)
    seen = set()
    for epoch in range(4):
        made.set_epoch(epoch)
        for batch in DataLoader(images, batch_sampler=made, collate_fn=collate_sized, num_workers=workers):
            assert batch["image"].shape[-2:] == batch["label"].shape[-2:]
            seen.add(tuple(batch["image"].shape[-2:]))
            height = batch["image"].shape[-2]
            numbers = batch["image"][:, 0, height - 1, 0]
            torch.testing.assert_close(batch["image"][:, 0, 0, 0], numbers + 0.25)
            assert (batch["label"][:, :, : height // 2] == 1).all()
            assert (batch["label"][:, :, -(height // 2) :] == 0).all()
        if workers:
            return
    assert seen == set(training_sizes((64, 64), 16))


def test_an_index_keeps_its_size_on_the_way_to_a_worker() -> None:
    index = pickle.loads(pickle.dumps(SizedIndex(7, (32, 48))))
    assert (index, index.size) == (7, (32, 48))


def test_unequal_images_are_padded() -> None:
    items = [
        {"image": MetaTensor(torch.ones(3, *size)), "label": torch.ones(1, *size), "name": "a"} for size in NATIVE[:2]
    ]
    batch = collate_sized(items)
    height, width = (max(side) for side in zip(*NATIVE[:2], strict=True))
    assert batch["image"].shape == (2, 3, height, width)
    for image, label, size in zip(batch["image"], batch["label"], NATIVE[:2], strict=True):
        assert (~image.isnan()).sum() == 3 * size[0] * size[1]
        assert label.sum() == size[0] * size[1]
        assert (label[:, : size[0], : size[1]] == 1).all()
    assert batch["name"] == ["a", "a"]

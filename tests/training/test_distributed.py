"""Pieces of training by several processes; the whole of it is tested with the bundles."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from monai.losses import DiceLoss
from torch import nn
from torch.optim.swa_utils import update_bn

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.translator_unet import add_translator
from monai_lungxfer.training.distributed import (
    GlobalBatchLoss,
    GlobalBatchNorm2d,
    leave_process_group,
    shares_need_padding,
    synchronise_batch_norm,
)

LOSS = DiceLoss(sigmoid=True, smooth_nr=1, smooth_dr=1, batch=True)


@pytest.mark.parametrize(
    ("images", "processes", "batch", "needed"),
    [(39, 2, 4, False), (40, 2, 8, False), (17, 2, 4, True), (16, 2, 4, False), (3, 2, 1, True), (5, 1, 2, False)],
)
def test_shares_are_padded_only_when_processes_would_wait(
    images: int, processes: int, batch: int, needed: bool
) -> None:
    assert shares_need_padding(images, processes, batch) is needed


def test_batch_norms_are_replaced_and_the_state_dict_stays() -> None:
    network = DonorUNet(init_features=4)
    with torch.no_grad():
        network.encoder1.enc1norm1.running_mean.fill_(3.0)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    synchronise_batch_norm(network, "cpu")
    assert sum(type(module) is GlobalBatchNorm2d for module in network.modules()) == 18
    assert list(network.state_dict()) == list(before)
    assert all(torch.equal(network.state_dict()[key], value) for key, value in before.items())


def joint_step(rank: int, folder: str) -> None:
    """One step of two processes with three and two images; rank 0 writes what came of it."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.manual_seed(0)
    network = synchronise_batch_norm(nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 1, 1)), "cpu")
    wrapped = nn.parallel.DistributedDataParallel(network, broadcast_buffers=False)
    images, labels = joint_batch()
    mine = slice(0, 3) if rank == 0 else slice(3, 5)
    loss = GlobalBatchLoss(LOSS)(wrapped(images[mine]), labels[mine])
    loss.backward()
    if rank == 0:
        gradients = [parameter.grad for parameter in network.parameters()]
        torch.save((loss.detach(), gradients, network[1].running_mean, network[1].running_var), f"{folder}/result.pt")
    leave_process_group()


def cumulative_average(rank: int, folder: str) -> None:
    """Estimate the statistics of two joint batches by PyTorch's `update_bn`, which takes batch norms their momentum."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    network = synchronise_batch_norm(nn.Sequential(nn.BatchNorm2d(2)), "cpu")
    images, _ = joint_batch()
    mine = slice(0, 3) if rank == 0 else slice(3, 5)
    update_bn([images[mine], 2 * images[mine] + 1], network)
    if rank == 0:
        torch.save(network.state_dict(), f"{folder}/result.pt")
    leave_process_group()


def unequal_step(rank: int, folder: str) -> None:
    """One step of two processes whose images differ in number, height and width."""
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    logits, label = unequal_batches()[rank]
    weight = torch.ones((), requires_grad=True)
    loss = GlobalBatchLoss(LOSS)(weight * logits, label)
    loss.backward()
    torch.save((loss.detach(), weight.grad), f"{folder}/{rank}.pt")
    leave_process_group()


def unequal_batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(2)
    sizes = ((3, 1, 12, 10), (2, 1, 9, 16))
    return [
        (torch.randn(size, generator=generator), (torch.rand(size, generator=generator) > 0.6).float())
        for size in sizes
    ]


def joint_batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(5, 2, 12, 10, generator=generator) + torch.arange(5)[:, None, None, None]
    return images, (torch.rand(5, 1, 10, 8, generator=generator) > 0.6).float()


def test_loss_gradients_and_statistics_are_those_of_the_joint_batch(tmp_path: Path) -> None:
    mp.spawn(joint_step, args=(str(tmp_path),), nprocs=2)
    loss, gradients, mean, variance = torch.load(tmp_path / "result.pt")
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 1, 1))
    images, labels = joint_batch()
    expected = LOSS(network(images), labels)
    expected.backward()
    torch.testing.assert_close(loss, expected.detach())
    for own, parameter in zip(gradients, network.parameters(), strict=True):
        torch.testing.assert_close(own, parameter.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(mean, network[1].running_mean)
    torch.testing.assert_close(variance, network[1].running_var)


def test_the_loss_of_unequal_images_is_that_of_all_their_pixels(tmp_path: Path) -> None:
    mp.spawn(unequal_step, args=(str(tmp_path),), nprocs=2)
    logits, labels = (
        torch.cat([each.flatten() for each in part])[None, None] for part in zip(*unequal_batches(), strict=True)
    )
    weight = torch.ones((), requires_grad=True)
    expected = LOSS(weight * logits, labels)
    expected.backward()
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1)]
    for loss, _ in found:
        torch.testing.assert_close(loss, expected.detach())
    # DDP takes the mean over the processes, for which each one's part counts as often as there are processes.
    torch.testing.assert_close((found[0][1] + found[1][1]) / 2, weight.grad)


def test_statistics_without_momentum_are_averages_over_the_joint_batches(tmp_path: Path) -> None:
    mp.spawn(cumulative_average, args=(str(tmp_path),), nprocs=2)
    images, _ = joint_batch()
    alone = nn.Sequential(nn.BatchNorm2d(2))
    update_bn([images, 2 * images + 1], alone)
    torch.testing.assert_close(torch.load(tmp_path / "result.pt"), alone.state_dict())


def test_frozen_batch_norms_are_not_synchronised() -> None:
    network = add_translator(DonorUNet(init_features=2), "tail:1:2")
    expected = {name for name, weight in network.named_parameters() if weight.requires_grad}
    synchronise_batch_norm(network, "cpu")
    assert {name for name, weight in network.named_parameters() if weight.requires_grad} == expected
    assert type(network.translator.blocks[0].norm).__name__ == "GlobalBatchNorm2d"

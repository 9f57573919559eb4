"""Batch normalisation's precise statistics, against those worked out by hand."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from ignite.engine import Engine
from torch import nn

from monai_lungxfer.handlers.precise_batch_norm import PreciseBatchNorm, evenly_spaced
from monai_lungxfer.networks.freezing import frozen_layers


@pytest.fixture
def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2, momentum=0.01)).eval()


def test_statistics_are_averages_over_the_batches(network: nn.Sequential) -> None:
    network[1].running_mean.fill_(50)  # what training has left
    batches = [torch.randn(4, 3, 8, 10) + shift for shift in (0.0, 3.0)]
    weights = {name: value.clone() for name, value in network.named_parameters()}
    engine = Engine(lambda engine, batch: None)
    loader = [{"image": batch} for batch in batches]
    PreciseBatchNorm(network, loader, torch.device("cpu"), "float32").attach(engine)
    engine.run([0])
    outputs = [network[0](batch) for batch in batches]
    mean = torch.stack([output.mean(dim=(0, 2, 3)) for output in outputs]).mean(dim=0)
    variance = torch.stack([output.var(dim=(0, 2, 3)) for output in outputs]).mean(dim=0)
    torch.testing.assert_close(network[1].running_mean, mean)
    torch.testing.assert_close(network[1].running_var, variance)
    assert network[1].momentum == 0.01
    assert not network.training
    assert all(torch.equal(value, weights[name]) for name, value in network.named_parameters())


def test_a_repeat_changes_nothing(network: nn.Sequential) -> None:
    estimate = PreciseBatchNorm(network, [{"image": torch.randn(4, 3, 8, 10)}], torch.device("cpu"), "float32")
    estimate()
    first = {name: value.clone() for name, value in network.state_dict().items()}
    estimate()
    assert all(torch.equal(value, first[name]) for name, value in network.state_dict().items())


def test_frozen_statistics_stay_and_the_others_are_those_of_what_they_give() -> None:
    """Also in a copy, as the averaged network is one."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2), nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2)]
    network = copy.deepcopy(frozen_layers(nn.Sequential(*layers), ["0.*", "1.*"])).eval()
    network[1].running_mean.fill_(5)  # the parent's
    network[1].running_var.fill_(0.25)
    network[1].num_batches_tracked.fill_(7)
    batch = torch.randn(4, 3, 8, 10)
    PreciseBatchNorm(network, [{"image": batch}], torch.device("cpu"), "float32")()
    assert network[1].running_mean.tolist() == [5, 5]
    assert network[1].running_var.tolist() == [0.25, 0.25]
    assert network[1].num_batches_tracked == 7
    output = network[2](network[1].eval()(network[0](batch)))
    torch.testing.assert_close(network[3].running_mean, output.mean(dim=(0, 2, 3)))
    torch.testing.assert_close(network[3].running_var, output.var(dim=(0, 2, 3)))


@pytest.mark.parametrize("length", [0, 1, 127, 128])
def test_all_are_taken_where_there_are_no_more(length: int) -> None:
    assert evenly_spaced(range(length), 128) == list(range(length))


@pytest.mark.parametrize("length", [129, 200, 256, 1415])
def test_more_are_thinned_out_over_the_whole(length: int) -> None:
    taken = evenly_spaced(range(length), 128)
    assert len(taken) == 128
    steps = {second - first for first, second in itertools.pairwise([*taken, length])}
    assert taken[0] == 0
    assert steps <= {length // 128, -(-length // 128)}

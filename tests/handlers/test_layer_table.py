"""The table of layers: gradients and drift, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.engines import SupervisedTrainer
from torch import nn

from monai_lungxfer.handlers.layer_table import LAYER_COLUMNS, LayerTable
from monai_lungxfer.utils.csv_tables import read_rows


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 1, 1))
    nn.init.constant_(layers[1].running_mean, 2.0)
    layers[3].requires_grad_(False)
    return layers


def trainer_for(network: nn.Module, epochs: int = 2, steps: int = 3) -> SupervisedTrainer:
    batch = {"image": torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(1)), "label": torch.zeros(1)}
    return SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=[batch] * steps,
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        loss_function=lambda prediction, _: prediction.square().mean(),
    )


def test_gradients_and_drift_of_every_layer(network: nn.Module, tmp_path: Path) -> None:
    table, trainer = LayerTable(tmp_path / "layers.csv", network), trainer_for(network)
    start = {name: value.clone() for name, value in network.state_dict().items()}
    norms: list[float] = []
    table.attach(trainer)
    from monai.engines.utils import IterationEvents

    def note() -> None:
        norms.append(float(torch.cat([weight.grad.flatten() for weight in network[0].parameters()]).norm()))

    trainer.add_event_handler(IterationEvents.BACKWARD_COMPLETED, note)
    trainer.run()
    rows = read_rows(tmp_path / "layers.csv")
    assert tuple(rows[0]) == LAYER_COLUMNS
    assert [(row["epoch"], row["layer"]) for row in rows] == [(e, layer) for e in "12" for layer in ("0", "1", "3")]
    convolution, norm, frozen = rows[3:]
    assert float(convolution["gradient_norm"]) == pytest.approx(sum(norms[3:]) / 3, rel=1e-5)
    before, now = (
        torch.cat([state[f"0.{key}"].flatten() for key in ("weight", "bias")])
        for state in (start, network.state_dict())
    )
    assert float(convolution["weight_drift"]) == pytest.approx(float((now - before).norm() / before.norm()), rel=1e-5)
    assert (convolution["mean_drift"], frozen["gradient_norm"], frozen["weight_drift"]) == ("", "", "0.0")
    mean, variance = network[1].running_mean, network[1].running_var
    assert float(norm["mean_drift"]) == pytest.approx(float((mean - 2).norm()) / 8**0.5, rel=1e-5)
    assert float(norm["variance_drift"]) == pytest.approx(float((variance - 1).norm()) / 2**0.5, rel=1e-5)


def test_a_resumed_training_has_every_epoch_once(network: nn.Module, tmp_path: Path) -> None:
    first, trainer = LayerTable(tmp_path / "layers.csv", network), trainer_for(network, epochs=1)
    first.attach(trainer)
    trainer.run()
    second = LayerTable(tmp_path / "layers.csv", network)
    again = trainer_for(network)
    second.attach(again)
    second.load_state_dict(first.state_dict())
    again.state.epoch = 1
    again.state.iteration = 3
    again.run()
    assert [row["epoch"] for row in read_rows(tmp_path / "layers.csv")] == ["1"] * 3 + ["2"] * 3


def test_nothing_is_written_unasked(network: nn.Module, tmp_path: Path) -> None:
    table, trainer = LayerTable(tmp_path / "layers.csv", network, enabled=False), trainer_for(network)
    table.attach(trainer)
    trainer.run()
    assert not (tmp_path / "layers.csv").exists()

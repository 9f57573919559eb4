"""What training does to each layer: how large its gradients are, and how far it has moved from the parent's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Events
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from torch import nn

from monai_lungxfer.handlers.parent_distance import gradient_scale
from monai_lungxfer.utils.csv_tables import write_rows

LAYER_COLUMNS = ("epoch", "layer", "gradient_norm", "weight_drift", "mean_drift", "variance_drift")

_STATISTICS = {"mean_drift": "running_mean", "variance_drift": "running_var"}


class LayerTable:
    r"""Ignite handler that writes a CSV file with a row for each epoch and layer.

    A layer is a module with weights of its own, such as ``encoder1.enc1conv1``. ``gradient_norm`` is the Euclidean norm
    of the gradient of all its weights as the optimizer gets it, averaged over the steps of the epoch; frozen layers
    have none. ``weight_drift`` is :math:`\lVert w - w_0 \rVert / \lVert w_0 \rVert` at the end of the epoch, where
    :math:`w_0` is what training started from, and ``mean_drift`` and ``variance_drift`` are the same of a batch norm's
    statistics. A drift is empty where the start was zero.

    Make it one of the objects of a `ResumePoint`, as `monai_lungxfer.handlers.epoch_table.EpochTable`.

    Parameters
    ----------
    path : str or pathlib.Path
        The CSV file, replaced atomically; its columns are `LAYER_COLUMNS`.
    network : torch.nn.Module
        With the parent's weights when `attach` is called.
    enabled : bool
        When false, nothing is measured or written.
    """

    def __init__(self, path: str | Path, network: nn.Module, enabled: bool = True) -> None:
        self.path = Path(path)
        self.network = network
        self.enabled = enabled
        self.rows: list[dict[str, Any]] = []
        self._layers: dict[str, nn.Module] = {}
        self._start: dict[str, torch.Tensor] = {}
        self._learning: list[tuple[str, nn.Parameter]] = []
        self._sums: dict[str, torch.Tensor] = {}
        self._steps = 0

    def attach(self, engine: SupervisedTrainer) -> None:
        """Take the weights of now as the start, and attach to the trainer."""
        if not self.enabled:
            return
        self._layers = {
            name: module for name, module in self.network.named_modules() if list(module.parameters(recurse=False))
        }
        for name, module in self._layers.items():
            for key, value in _state(module).items():
                self._start[f"{name}.{key}"] = value.detach().clone()
        self._learning = [
            (name, weight)
            for name, module in self._layers.items()
            for weight in module.parameters(recurse=False)
            if weight.requires_grad
        ]
        engine.add_event_handler(Events.EPOCH_STARTED, self._begin)
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self._measure)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def _begin(self) -> None:
        self._sums, self._steps = {}, 0

    @torch.no_grad()
    def _measure(self, engine: SupervisedTrainer) -> None:
        squares: dict[str, torch.Tensor] = {}
        scale = gradient_scale(engine)
        for name, weight in self._learning:
            if weight.grad is not None:
                square = (weight.grad.norm() / scale) ** 2
                squares[name] = squares[name] + square if name in squares else square
        for name, square in squares.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(square)) + square.sqrt()
        self._steps += 1

    @torch.no_grad()
    def __call__(self, engine: Any) -> None:
        """Add the rows of the epoch that has just been completed, and write the file."""
        for name, module in self._layers.items():
            row = {"epoch": engine.state.epoch, "layer": name}
            if name in self._sums:
                row["gradient_norm"] = float(self._sums[name]) / self._steps
            state = _state(module)
            weights = [key for key, _ in module.named_parameters(recurse=False)]
            row |= self._drift("weight_drift", name, {key: state[key] for key in weights})
            for column, key in _STATISTICS.items():
                row |= self._drift(column, name, {key: state[key]} if key in state else {})
            self.rows.append(row)
        if engine.state.rank == 0:
            write_rows(self.path, LAYER_COLUMNS, self.rows)

    def _drift(self, column: str, layer: str, state: Mapping[str, torch.Tensor]) -> dict[str, float]:
        if not state:
            return {}
        start = torch.cat([self._start[f"{layer}.{key}"].flatten() for key in state])
        now = torch.cat([value.flatten() for value in state.values()])
        size = float(start.norm())
        return {column: float((now - start).norm()) / size} if size else {}

    def state_dict(self) -> dict[str, Any]:
        """Return the rows."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over the rows of the part of the training before."""
        self.rows = [dict(row) for row in state_dict["rows"]]


def _state(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return a layer's weights and statistics by their names."""
    return {
        name: value
        for name, value in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
        if value is not None and value.is_floating_point()
    }

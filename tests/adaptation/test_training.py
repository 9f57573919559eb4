"""What a step costs is measured, and a training ends in its time."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from ignite.engine import Engine
from own_images import write_own_images, write_tiny_weights

from monai_lungxfer.adaptation import training
from monai_lungxfer.adaptation.preparation import lock_split, prepare_images
from monai_lungxfer.adaptation.recipe import StepCost, plan_phases
from monai_lungxfer.adaptation.sources import SourceRules
from monai_lungxfer.adaptation.state import AdaptationState
from monai_lungxfer.adaptation.training import Machine, TimeLimit, describe_start, measure_cost, run_phases
from monai_lungxfer.weights.sidecar import input_size


@pytest.mark.parametrize(("seconds", "epochs"), [(0.0, 1), (35.0, 3), (1000.0, 6)])
def test_another_epoch_begins_only_if_it_fits(seconds: float, epochs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 10))  # an epoch takes ten seconds
    monkeypatch.setattr(training.time, "monotonic", lambda: float(next(clock)))
    engine = Engine(lambda *_: None)
    TimeLimit(seconds).watch(engine, engine)
    assert engine.run([0], max_epochs=6).epoch == epochs


def test_the_cost_is_that_of_one_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = describe_start(write_tiny_weights(tmp_path / "tiny.pt"))
    seen = []
    network.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape)))
    clock = iter([0.0, 8.0, 0.0, 2.0])
    monkeypatch.setattr(training.time, "perf_counter", lambda: next(clock))
    cost = measure_cost(network, (64, 32), Machine("cpu", "float32"))
    assert (cost.validation, cost.training) == (2.0, 0.5)
    assert seen == [(4, 3, 64, 32)] * 4
    assert next(network.parameters()).grad is not None


def test_the_network_is_that_of_the_weights(tmp_path: Path) -> None:
    network = describe_start(write_tiny_weights(tmp_path / "tiny.pt"))
    assert next(network.parameters()).shape == (4, 3, 3, 3)


def test_nothing_is_tracked() -> None:
    assert Machine().settings() == {"precision": "auto", "tracking_uri": None}
    assert Machine("cuda:1").settings()["device"] == "$torch.device('cuda:1')"


@pytest.mark.slow
def test_all_layers_learn_at_two_sizes_one_after_the_other(tmp_path: Path) -> None:
    data, weights = write_own_images(tmp_path / "own"), str(write_tiny_weights(tmp_path / "tiny.pt"))
    prepare_images(data, tmp_path / "out", SourceRules())
    split = lock_split(tmp_path / "out", 0)
    phases = plan_phases(28, 2, StepCost((64, 64), 1e-3, 1e-4), 16, 3600)
    for phase in phases:
        phase.settings.update(max_epochs=2, samples_per_epoch=8)
    settings = {**split, **Machine("cpu", "float32").settings(), "seed": 0}
    settings["split_file"] = tmp_path / "out" / "split.json"
    state = AdaptationState(tmp_path / "state", {})
    trained = run_phases(state, tmp_path / "out", weights, phases, settings, lambda _: contextlib.nullcontext())
    small, full = (tmp_path / "out" / "training" / name / "models" / "model.pt" for name in ("small", "full"))
    assert trained == full
    assert (input_size(small), input_size(full)) == ([48, 48], [64, 64])
    assert state.steps["training full"]["epochs"] == 2
    learnt = json.loads((tmp_path / "out" / "training" / "full" / "models" / "model.json").read_text())["learnt"]
    assert len(learnt) == 2  # the parent of the full size is the small size

"""The metrics over many images, in Ignite engines and in several processes."""

from __future__ import annotations

import csv
import math
from typing import Any

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from ignite.exceptions import NotComputableError
from monai.bundle import ConfigParser
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator
from monai.handlers import MetricsSaver, from_engine
from monai.losses import DiceLoss
from monai.transforms import Activationsd

from monai_lungxfer.metrics.cumulative import (
    PaperMetric,
    PaperMetrics,
    ValidationDiceLoss,
    image_metrics,
)
from monai_lungxfer.training.distributed import leave_process_group
from monai_lungxfer.utils.errors import LungXferError


def random_pair(number: int, height: int = 7, width: int = 11, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities in steps of 0.05, so with many ties, and truth that goes along with them."""
    generator = torch.Generator().manual_seed(seed)
    probability = torch.rand((number, 1, height, width), generator=generator).mul(20).round().div(20)
    noise = torch.rand(probability.shape, generator=generator)
    return probability, (0.6 * probability + 0.4 * noise > 0.5).float()


def squares(rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    truth = torch.zeros(1, 1, 40, 60)
    truth[..., 8:28, 10:30] = 1
    return truth.roll((rows, columns), dims=(2, 3)), truth


def test_paper_metrics_accumulates_tensors_and_lists_of_different_sizes():
    metric = PaperMetrics()
    pairs = [random_pair(2, seed=1), random_pair(1, 5, 4, seed=2), (torch.zeros(1, 1, 3, 4), torch.zeros(1, 1, 3, 4))]
    metric(*pairs[0])
    metric([pairs[1][0][0], pairs[2][0][0]], [pairs[1][1][0], pairs[2][1][0]])
    each = [image_metrics(*pair) for pair in pairs]
    values = [torch.cat([one[name] for one in each]).numpy() for name in metric.names]
    assert [np.isnan(own).sum() for own in values] == [int(name in ("AUC", "SENS")) for name in metric.names]
    assert_means(metric, [np.nanmean(own) for own in values])
    assert metric.get_buffer().shape == (4, 9)


def assert_means(metric: PaperMetrics, expected: list[float]) -> None:
    assert metric.aggregate().tolist() == pytest.approx(expected, nan_ok=True)


def test_paper_metrics_passes_spacing_on_and_resets():
    metric = PaperMetrics(["HD95"])
    metric(*squares(0, 6), spacing=(0.5, 2.0))
    assert_means(metric, [12.0])
    metric.reset()
    with pytest.raises(ValueError, match="nothing to aggregate"):
        metric.aggregate()


def test_mean_of_nothing_defined_is_nan():
    metric = PaperMetrics(["SENS"])
    metric(torch.zeros(2, 1, 3, 4), torch.zeros(2, 1, 3, 4))
    assert_means(metric, [math.nan])


def evaluator(batch_size: int, number: int = 5, **arguments) -> SupervisedEvaluator:
    """An evaluator whose images are logits and whose network does nothing; the items carry metadata."""
    probability, truth = random_pair(number)
    items = [
        {"image": MetaTensor(p.logit(eps=1e-3), meta={"filename_or_obj": f"{i}.png"}), "label": MetaTensor(t)}
        for i, (p, t) in enumerate(zip(probability, truth, strict=True))
    ]
    transform = from_engine(["pred", "label"])
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(items), batch_size=batch_size),
        network=torch.nn.Identity(),
        postprocessing=Activationsd("pred", sigmoid=True),
        key_val_metric={"DICE": PaperMetric("DICE", output_transform=transform)},
        additional_metrics={
            "AUC": PaperMetric("AUC", output_transform=transform),
            "HD95": PaperMetric("HD95", output_transform=transform, save_details=False),
            "val_loss": ValidationDiceLoss(output_transform=transform),
        },
        **arguments,
    )


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_supervised_evaluator_gives_the_mean_over_images(batch_size):
    probability, truth = random_pair(5)
    probability = torch.sigmoid(probability.logit(eps=1e-3))
    engine = evaluator(batch_size)
    engine.run()
    values = image_metrics(probability, truth, ["DICE", "AUC", "HD95"])
    for name, value in values.items():
        assert isinstance(engine.state.metrics[name], float)
        assert engine.state.metrics[name] == pytest.approx(value.mean().item(), abs=1e-6)
    torch.testing.assert_close(engine.state.metric_details["AUC"][:, 0], values["AUC"])
    assert "HD95" not in engine.state.metric_details
    expected = DiceLoss(smooth_nr=1, smooth_dr=1, batch=True)(probability, truth).item()
    assert engine.state.metrics["val_loss"] == pytest.approx(expected, abs=1e-6)


def test_metrics_saver_writes_the_values_of_images(tmp_path):
    saver = MetricsSaver(
        save_dir=str(tmp_path),
        metrics="*",
        metric_details="*",
        batch_transform=lambda batch: [item["image"].meta for item in batch],
    )
    engine = evaluator(2, val_handlers=[saver])
    engine.run()
    with (tmp_path / "DICE_raw.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["filename"] for row in rows] == [f"{i}.png" for i in range(5)]
    assert [float(row["mean"]) for row in rows] == pytest.approx(
        engine.state.metric_details["DICE"][:, 0].tolist(), abs=1e-4
    )


def test_configuration_of_a_bundle():
    parser = ConfigParser(
        {
            "DICE": {
                "_target_": "monai_lungxfer.metrics.cumulative.PaperMetric",
                "name": "DICE",
                "output_transform": "$monai.handlers.from_engine(['pred', 'label'])",
            },
            "val_loss": {"_target_": "monai_lungxfer.metrics.cumulative.ValidationDiceLoss", "smooth": 2.0},
        }
    )
    assert isinstance(parser.get_parsed_content("DICE"), PaperMetric)
    loss = parser.get_parsed_content("val_loss")
    loss.update((torch.zeros(1, 1, 2, 3), torch.ones(1, 1, 2, 3)))
    assert loss.compute() == pytest.approx(1 - 2 / 8)


def test_validation_loss_hand_computed_over_batches_of_any_form():
    loss = ValidationDiceLoss()
    loss.update((torch.tensor([[[[0.5, 0.25, 0.0]]]]), torch.tensor([[[[1, 0, 0]]]])))
    loss.update(([torch.tensor([[[1.0], [0.75]]])], [torch.tensor([[[1], [1]]])]))
    # P∩T = 0.5 + 1.75, |P| = 0.75 + 1.75, |T| = 1 + 2
    assert loss.compute() == pytest.approx(1 - (2 * 2.25 + 1) / (2.5 + 3 + 1))
    loss.reset()
    with pytest.raises(NotComputableError):
        loss.compute()


def test_validation_loss_of_two_empty_masks_is_zero():
    loss = ValidationDiceLoss()
    loss.update((torch.zeros(2, 1, 4, 3), torch.zeros(2, 1, 4, 3)))
    assert loss.compute() == 0


def test_validation_loss_in_a_plain_engine_does_not_depend_on_the_batch_size():
    probability, truth = random_pair(7)
    losses = []
    for size in (1, 3, 7):
        engine = Engine(lambda _, batch: batch)
        ValidationDiceLoss().attach(engine, "loss")
        engine.run(list(zip(probability.split(size), truth.split(size), strict=True)))
        losses.append(engine.state.metrics["loss"])
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-14)
    assert losses[0] == pytest.approx(DiceLoss(smooth_nr=1, smooth_dr=1, batch=True)(probability, truth).item())


def test_validation_loss_refuses_logits_and_unsmoothed_loss():
    with pytest.raises(LungXferError, match="sigmoid"):
        ValidationDiceLoss().update((torch.full((1, 1, 2, 3), -4.0), torch.ones(1, 1, 2, 3)))
    with pytest.raises(LungXferError, match="above 0"):
        ValidationDiceLoss(smooth=0)


def test_validation_loss_saves_and_restores_its_sums():
    probability, truth = random_pair(3)
    whole, begun = ValidationDiceLoss(), ValidationDiceLoss()
    whole.update((probability, truth))
    begun.update((probability[:1], truth[:1]))
    resumed = ValidationDiceLoss()
    resumed.load_state_dict(begun.state_dict())
    resumed.update((probability[1:], truth[1:]))
    assert resumed.compute() == pytest.approx(whole.compute(), abs=1e-14)


def measure(probability: torch.Tensor, truth: torch.Tensor) -> tuple[dict[str, float], torch.Tensor]:
    engine: Any = Engine(lambda _, batch: batch)  # the handler adds metric_details to its state
    for name in ("DICE", "AUC", "SENS"):
        PaperMetric(name).attach(engine, name)
    ValidationDiceLoss().attach(engine, "loss")
    engine.run(list(zip(probability.split(2), truth.split(2), strict=True)))
    return dict(engine.state.metrics), engine.state.metric_details["DICE"]


def uneven_data() -> tuple[torch.Tensor, torch.Tensor]:
    probability, truth = random_pair(7)
    truth[1] = 0  # an image without sensitivity and area under the curve
    return probability, truth


def one_of_two_processes(rank: int, folder: str) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    part = slice(0, 5) if rank == 0 else slice(5, 7)
    probability, truth = uneven_data()
    torch.save(measure(probability[part], truth[part]), f"{folder}/{rank}.pt")
    leave_process_group()


def test_two_processes_with_uneven_shares_give_what_one_process_gives(tmp_path):
    metrics, details = measure(*uneven_data())
    torch.multiprocessing.spawn(one_of_two_processes, (str(tmp_path),), nprocs=2)
    for rank in range(2):
        shared, shared_details = torch.load(tmp_path / f"{rank}.pt", weights_only=False)
        assert shared == pytest.approx(metrics, abs=1e-14)
        torch.testing.assert_close(shared_details, details)

"""The metrics of one image against scikit-learn and against hand-computed values."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn_metrics

from monai_lungxfer.metrics.cumulative import PaperMetric, PaperMetrics
from monai_lungxfer.metrics.per_image import METRICS, PAPER_METRICS, image_metrics
from monai_lungxfer.utils.errors import LungXferError


def random_pair(number: int, height: int = 7, width: int = 11, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities in steps of 0.05, so with many ties, and truth that goes along with them."""
    generator = torch.Generator().manual_seed(seed)
    probability = torch.rand((number, 1, height, width), generator=generator).mul(20).round().div(20)
    noise = torch.rand(probability.shape, generator=generator)
    return probability, (0.6 * probability + 0.4 * noise > 0.5).float()


def scikit_learn(probability: torch.Tensor, truth: torch.Tensor) -> dict[str, float]:
    p, t = probability.double().numpy().ravel(), truth.numpy().ravel().astype(int)
    hard = (p >= 0.5).astype(int)
    options = {"average": "macro", "zero_division": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an AUC of one class
        return {
            "ACC": sklearn_metrics.accuracy_score(t, hard),
            "AUC": sklearn_metrics.roc_auc_score(t, p),
            "DICE": 2 * (p * t).sum() / (p.sum() + t.sum()),
            "JACC": (p * t).sum() / (p.sum() + t.sum() - (p * t).sum()),
            "PREC": sklearn_metrics.precision_score(t, hard, **options),
            "RECA": sklearn_metrics.recall_score(t, hard, **options),
            "F1": sklearn_metrics.f1_score(t, hard, **options),
            "SENS": sklearn_metrics.recall_score(t, hard, pos_label=1, zero_division=np.nan),
            "SPEC": sklearn_metrics.recall_score(t, hard, pos_label=0, zero_division=np.nan),
            "DICE_HARD": sklearn_metrics.f1_score(t, hard, zero_division=1),
        }


def assert_as_scikit_learn(probability, truth, rounded=None):
    values = image_metrics(probability, truth, (*PAPER_METRICS, "DICE_HARD"))
    reference = probability if rounded is None else rounded
    for i in range(len(truth)):
        for name, expected in scikit_learn(reference[i], truth[i]).items():
            assert values[name][i].item() == pytest.approx(expected, abs=1e-6, nan_ok=True), (name, i)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_agrees_with_scikit_learn_with_ties(dtype):
    probability, truth = random_pair(6)
    assert_as_scikit_learn(probability.to(dtype), truth)


def test_agrees_with_scikit_learn_on_a_bfloat16_network_and_a_negative_zero():
    probability, truth = random_pair(2, 64, 48, seed=3)
    probability = torch.sigmoid(8 * probability.logit(eps=1e-3)).bfloat16()
    probability[:, :, :2] *= -0.0
    assert len(probability.unique()) < 64
    assert torch.signbit(probability).any()
    assert_as_scikit_learn(probability, truth)


@pytest.mark.parametrize("prediction", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_agrees_with_scikit_learn_where_classes_are_absent(prediction, truth):
    probability, label = torch.full((1, 1, 3, 5), prediction), torch.full((1, 1, 3, 5), truth)
    values = image_metrics(probability, label, (*PAPER_METRICS, "DICE_HARD"))
    expected = scikit_learn(probability, label)
    if prediction == truth == 0:
        expected |= {"DICE": 1.0, "JACC": 1.0}  # scikit-learn has no word for 0 / 0 here
    for name, value in expected.items():
        assert values[name].item() == pytest.approx(value, abs=1e-12, nan_ok=True), name


def test_hand_computed():
    probability = torch.tensor([[0.9, 0.6, 0.4], [0.4, 0.1, 0.0]])
    truth = torch.tensor([[1, 1, 0], [1, 0, 0]])  # TP 2, FN 1, TN 3
    values = image_metrics(probability, truth, (*PAPER_METRICS, "DICE_HARD"))
    expected = {
        "ACC": 5 / 6,
        "AUC": 8.5 / 9,  # of nine pairs, eight are in order and one is tied
        "DICE": 3.8 / 5.4,
        "JACC": 1.9 / 3.5,
        "PREC": (1 + 3 / 4) / 2,
        "RECA": (2 / 3 + 1) / 2,
        "F1": (4 / 5 + 6 / 7) / 2,
        "SENS": 2 / 3,
        "SPEC": 1.0,
        "DICE_HARD": 4 / 5,
    }
    assert list(values) == list(expected)
    for name, value in values.items():
        assert value.shape == (1,)
        assert value.dtype == torch.float64
        assert value.item() == pytest.approx(expected[name], abs=1e-7)


def test_what_is_undefined_is_nan():
    empty, full, half = torch.zeros(4, 6), torch.ones(4, 6), torch.eye(4, 6)
    lungs = torch.tensor([1.0, 1, 0, 0, 1, 1]).repeat(4, 1)
    undefined = {
        "both empty": (empty, empty, {"AUC", "SENS", "FUSED"}),
        "no truth": (half, empty, {"AUC", "SENS", "FUSED"}),
        "no prediction": (empty, half, {"FUSED"}),
        "lung everywhere": (full, full, {"AUC", "SPEC", "FUSED"}),
        "one lung": (half, half, {"FUSED"}),
        "nothing": (half, lungs, set()),
    }
    for case, (probability, truth, names) in undefined.items():
        values = image_metrics(probability, truth, METRICS)
        assert {name for name, value in values.items() if value.isnan().any()} == names, case


def test_distances_of_empty_masks_are_the_diagonal_and_of_two_empty_ones_0():
    empty, lung = torch.zeros(1, 1, 30, 40), torch.zeros(1, 1, 30, 40)
    lung[..., 5:20, 10:30] = 1
    for name in ("HD95", "ASD"):
        for pair in ((empty, lung), (lung, empty)):
            assert image_metrics(*pair, [name])[name].item() == 50
            assert image_metrics(*pair, [name], spacing=(2.0, 0.25))[name].item() == pytest.approx(np.hypot(60, 10))
        assert image_metrics(empty, empty, [name], spacing=(2.0, 0.25))[name].item() == 0


def test_no_mask_is_worse_than_an_empty_one():
    corner, other = torch.zeros(1, 1, 30, 40), torch.zeros(1, 1, 30, 40)
    corner[..., 0, 0] = other[..., -1, -1] = 1
    empty, everything = torch.zeros_like(corner), torch.ones_like(corner)
    for name in ("HD95", "ASD"):
        worst = image_metrics(empty, corner, [name])[name]
        for prediction in (other, everything):
            assert image_metrics(prediction, corner, [name])[name] < worst


def test_order_of_images_is_kept_and_a_batch_is_its_images():
    probability, truth = random_pair(4)
    together = image_metrics(probability, truth, METRICS)
    for i in range(4):
        alone = image_metrics(probability[i, 0], truth[i, 0], METRICS)
        for name in METRICS:
            torch.testing.assert_close(together[name][i : i + 1], alone[name], rtol=0, atol=1e-12, equal_nan=True)


def squares(rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    truth = torch.zeros(1, 1, 40, 60)
    truth[..., 8:28, 10:30] = 1
    return truth.roll((rows, columns), dims=(2, 3)), truth


@pytest.mark.parametrize(("shift", "millimetres"), [((0, 6), 12.0), ((6, 0), 3.0)])
def test_hausdorff_distance_knows_rows_from_columns(shift, millimetres):
    prediction, truth = squares(*shift)
    assert image_metrics(prediction, truth, ["HD95"], spacing=(0.5, 2.0))["HD95"].item() == millimetres
    assert image_metrics(prediction, truth, ["HD95"])["HD95"].item() == 6.0


def test_spacing_of_each_image():
    prediction, truth = squares(0, 6)
    batch = torch.cat([prediction] * 2), torch.cat([truth] * 2)
    values = image_metrics(*batch, ["HD95", "ASD"], spacing=[(1.0, 0.5), (1.0, 1.0)])
    assert values["HD95"].tolist() == [3.0, 6.0]
    assert 0 < values["ASD"][0] < values["ASD"][1] < 6


def test_average_surface_distance_of_parallel_lines():
    prediction, truth = torch.zeros(2, 1, 1, 20, 30).unbind()
    truth[..., 5, :] = 1
    prediction[..., 9, :] = 1
    assert image_metrics(prediction, truth, ["ASD"], spacing=(0.25, 3.0))["ASD"].item() == pytest.approx(1.0)


def test_average_surface_distance_counts_both_directions():
    prediction, truth = torch.zeros(2, 1, 1, 20, 30).unbind()
    truth[..., 5], truth[..., 15], prediction[..., 5] = 1, 1, 1  # 20 pixels of 60 lie 10 pixels from the other contour
    assert image_metrics(prediction, truth, ["ASD"])["ASD"].item() == pytest.approx(10 / 3)


def test_hausdorff_distance_leaves_out_the_farthest_twentieth():
    prediction, truth = squares(0, 0)
    prediction[0, 0, 8, 55] = 1
    assert image_metrics(prediction, truth, ["HD95"])["HD95"].item() == 0


def test_bridges_and_islands_of_the_prediction():
    truth = torch.zeros(2, 1, 64, 96)
    truth[..., 8:56, 8:36] = truth[..., 8:56, 56:90] = 1
    prediction = 0.9 * truth
    prediction[1, 0, 30:34, 36:56] = 0.6  # a bridge
    prediction[1, 0, 58:62, 44:50] = 0.7  # an island
    prediction[0, 0, 58:62, 44:50] = 0.4  # under the threshold
    values = image_metrics(prediction, truth, ["ISLANDS", "BRIDGES"])
    assert values["ISLANDS"].tolist() == [0, 1]
    assert values["BRIDGES"].tolist() == [0, 1]


def test_fused_lungs_are_counted_where_bridges_are_not():
    truth = torch.zeros(4, 1, 64, 96)
    truth[..., 8:56, 8:36] = truth[..., 8:56, 56:90] = 1
    prediction = 0.9 * truth
    prediction[1, 0, 30:34, 36:56] = 0.6  # a bridge
    prediction[2, 0, 12:52, 36:56] = 0.6  # too broad for one
    prediction[3] = 1
    values = image_metrics(prediction, truth, ["BRIDGES", "FUSED"])
    assert values["BRIDGES"].tolist() == [0, 1, 0, 0]
    assert values["FUSED"].tolist() == [0, 1, 1, 1]


def test_areas_are_shares_of_the_image():
    probability = torch.tensor([[0.9, 0.5, 0.4, 0.1], [0.6, 0.2, 0.0, 0.0]])
    truth = torch.tensor([[1, 1, 1, 1], [1, 0, 0, 0]])
    values = image_metrics(probability, truth, ["AREA", "AREA_TRUTH"])
    assert (values["AREA"].item(), values["AREA_TRUTH"].item()) == (3 / 8, 5 / 8)


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_is_fast_beside_inference(one_thread):
    generator = torch.Generator().manual_seed(0)
    probability = torch.sigmoid(4 * torch.randn((16, 1, 256, 256), generator=generator))
    truth = (torch.rand(probability.shape, generator=generator) < probability).float()
    durations = []
    for _ in range(5):
        start = time.thread_time()  # unlike the time on the wall, it does not depend on what else runs
        image_metrics(probability, truth)
        durations.append(time.thread_time() - start)
    assert min(durations) < 0.4  # about 0.08 on an idle core


@pytest.mark.parametrize(
    ("probability", "truth", "message"),
    [
        (torch.full((2, 3), 3.0), torch.ones(2, 3), "sigmoid"),
        (torch.full((2, 3), torch.nan), torch.ones(2, 3), "diverged"),
        (torch.ones(2, 3), torch.full((2, 3), 255), "by 255"),
        (torch.ones(2, 3), torch.ones(3, 2), "cannot be compared"),
        (torch.ones(1, 2, 4, 3), torch.ones(1, 2, 4, 3), "cannot be compared"),
        (torch.ones(0, 1, 4, 3), torch.ones(0, 1, 4, 3), "cannot be compared"),
    ],
)
def test_refuses_what_cannot_be_measured(probability, truth, message):
    with pytest.raises(LungXferError, match=message):
        image_metrics(probability, truth)


@pytest.mark.parametrize("spacing", [(1.0,), (0.0, 1.0), [(1.0, 1.0)] * 2])
def test_refuses_spacing_that_does_not_fit(spacing):
    with pytest.raises(LungXferError, match="spacing"):
        image_metrics(torch.ones(3, 1, 4, 6), torch.ones(3, 1, 4, 6), ["HD95"], spacing=spacing)


def test_unknown_name_lists_the_known_ones():
    for use in (PaperMetric, lambda name: PaperMetrics([name]), lambda name: image_metrics(*random_pair(1), [name])):
        with pytest.raises(LungXferError, match=r"DICE_SOFT.*Choose from ACC, AUC"):
            use("DICE_SOFT")

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from monai_lungxfer.features.matching import (
    compare_kernels,
    compare_responses,
    list_kernels,
    match_units,
    measure_drift,
)
from monai_lungxfer.networks.donor_unet import DonorUNet


def test_the_matching_is_the_best_of_all() -> None:
    similarity = np.random.default_rng(0).normal(size=(5, 5))
    best = max(permutations(range(5)), key=lambda order: similarity[np.arange(5), list(order)].sum())
    found = match_units(similarity)
    assert found.partners.tolist() == list(best)
    assert found.matched == pytest.approx(similarity[np.arange(5), list(best)].mean())
    assert found.own == pytest.approx(np.trace(similarity) / 5)
    assert found.stayed == pytest.approx(np.mean(np.array(best) == np.arange(5)))


def test_another_width_has_no_own_units() -> None:
    found = match_units(np.eye(3, 4))
    assert (found.matched, len(found.partners)) == (1, 3)
    assert np.isnan([found.own, found.stayed]).all()


def test_permuted_filters_are_found_again() -> None:
    torch.manual_seed(0)
    kernel = torch.randn(8, 3, 3, 3)
    order = torch.randperm(8)
    found = match_units(compare_kernels(kernel, 2 * kernel[order]))
    assert found.matched == pytest.approx(1)
    assert torch.equal(order[torch.from_numpy(found.partners)], torch.arange(8))


def test_responses_correlate_as_numpy_says() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(30, 3, 4)), rng.normal(size=(30, 2, 4))
    flat = [one.swapaxes(1, 2).reshape(-1, one.shape[1]).T for one in (first, second)]
    assert compare_responses(first, second) == pytest.approx(np.corrcoef(*flat)[:3, 3:])
    first[:, 1] = 7
    assert compare_responses(first, second)[1].tolist() == [0, 0]


def test_kernels_have_a_row_for_each_filter() -> None:
    kernels = list_kernels(DonorUNet(init_features=2))
    assert kernels["upconv4"].shape == (16, 32, 2, 2)
    assert kernels["decoder4.dec4conv1"].shape == (16, 32, 3, 3)
    assert "conv" not in kernels  # one filter cannot be matched


def test_drift_is_relative() -> None:
    torch.manual_seed(0)
    before, after = DonorUNet(init_features=2), DonorUNet(init_features=2)
    after.load_state_dict(before.state_dict())
    with torch.no_grad():
        after.encoder1[0].weight *= 1.5
        after.encoder1[1].running_var *= 3
    rows = {row["layer"]: row for row in measure_drift(before, after)}
    assert rows["encoder1.enc1conv1"]["weight_drift"] == pytest.approx(0.5)
    assert rows["encoder1.enc1norm1"]["variance_drift"] == pytest.approx(2)
    assert np.isnan(rows["encoder1.enc1norm1"]["mean_drift"])  # it was zero
    assert rows["upconv4"]["weight_drift"] == 0

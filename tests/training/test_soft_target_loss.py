"""The loss of a student, compared with the paper's loss and with a few lines of NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.losses import DiceLoss

from monai_lungxfer.training.soft_target_loss import SoftTargetLoss


@pytest.fixture
def logits() -> torch.Tensor:
    return torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def test_on_drawn_masks_it_is_the_papers_loss(logits: torch.Tensor) -> None:
    mask = (torch.arange(128).view(2, 1, 8, 8) % 3 == 0).to(torch.uint8)
    expected = DiceLoss(sigmoid=True, smooth_nr=1, smooth_dr=1, batch=True)(logits, mask)
    assert SoftTargetLoss(cross_entropy=0)(logits, mask * 254).item() == pytest.approx(expected.item())


def test_on_soft_masks_it_is_the_weighted_sum_of_its_docstring(logits: torch.Tensor) -> None:
    target = torch.randint(0, 256, (2, 1, 8, 8), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    target[0, 0, 0] = 255
    q, z = target.numpy() / 254, logits.numpy()
    w = np.where(target == 255, 0, np.abs(2 * q - 1) ** 0.5)
    p = 1 / (1 + np.exp(-z))
    dice = 1 - (2 * (w * p * q).sum() + 1) / ((w * (p + q)).sum() + 1)
    entropy = -(w * (q * np.log(p) + (1 - q) * np.log(1 - p))).sum() / w.sum()
    assert SoftTargetLoss(0.5, 3.0)(logits, target).item() == pytest.approx(dice + 3 * entropy, rel=1e-5)


def test_what_is_ignored_has_no_gradient(logits: torch.Tensor) -> None:
    target = torch.full((2, 1, 8, 8), 254, dtype=torch.uint8)
    target[:, :, :4] = 255
    logits.requires_grad_()
    SoftTargetLoss(uncertainty=0)(logits, target).backward()
    assert not logits.grad[:, :, :4].any()
    assert logits.grad[:, :, 4:].all()


def test_a_batch_that_is_ignored_altogether_gives_a_finite_loss(logits: torch.Tensor) -> None:
    loss = SoftTargetLoss()(logits, torch.full((2, 1, 8, 8), 255, dtype=torch.uint8))
    assert loss.item() == 0


@pytest.mark.parametrize("given", [{"uncertainty": -1}, {"cross_entropy": -0.1}])
def test_negative_parameters_are_refused(given: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        SoftTargetLoss(**given)

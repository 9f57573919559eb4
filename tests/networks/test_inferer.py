"""Padding never reaches a network, a loss or another image of the batch."""

from __future__ import annotations

import pytest
import torch
from monai.losses import DiceLoss
from torch import nn

from monai_lungxfer.networks.donor_unet import DonorUNet
from monai_lungxfer.networks.inferer import PADDED_LOGIT, SizedInferer, content_size, stack_images
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.precision import PrecisionInferer

SIZES = ((32, 25), (30, 32), (16, 48))


class Spy(nn.Module):
    """Keeps what it was given, and answers with the first channel."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.given = image
        return image[:, :1] + 1


@pytest.fixture
def images() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(3, *size, generator=generator) for size in SIZES]


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return DonorUNet(init_features=4)


def test_a_batch_says_where_its_images_are(images: list[torch.Tensor]) -> None:
    batch = stack_images(images)
    assert batch.shape == (3, 3, 32, 48)
    assert [content_size(image) for image in batch] == list(SIZES)
    for image, own in zip(batch, images, strict=True):
        height, width = own.shape[1:]
        torch.testing.assert_close(image[:, :height, :width], own)
        assert image[:, height:].isnan().all()
        assert image[:, :, width:].isnan().all()


def test_the_network_gets_zeros_and_sides_of_its_stride(images: list[torch.Tensor]) -> None:
    spy = Spy().train()
    logits = SizedInferer("float32", sizing="pad", stride=16)(stack_images(images[:2]), spy)
    assert spy.given.shape == (2, 3, 32, 32)
    assert (spy.given[0, :, :, 25:] == 0).all()
    assert (spy.given[1, :, 30:] == 0).all()
    assert (logits[0, :, :, 25:] == PADDED_LOGIT).all()
    torch.testing.assert_close(logits[0, 0, :, :25], images[0][0] + 1)


@pytest.mark.parametrize("sizing", ["pad", "aspect"])
def test_each_answer_is_that_of_the_image_alone(images: list[torch.Tensor], network: nn.Module, sizing: str) -> None:
    inferer = SizedInferer("float32", sizing=sizing, stride=16)
    network.eval()
    together = inferer(stack_images(images), network)
    for answer, image in zip(together, images, strict=True):
        height, width = image.shape[1:]
        alone = inferer(image[None], network)[0]
        assert alone.shape == (1, height, width)
        torch.testing.assert_close(answer[:, :height, :width], alone, rtol=1e-4, atol=1e-5)
        assert (answer[:, height:] == PADDED_LOGIT).all()
        assert (answer[:, :, width:] == PADDED_LOGIT).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("loss", [DiceLoss(sigmoid=True, batch=True), nn.BCEWithLogitsLoss(reduction="sum")])
def test_padding_has_no_part_in_a_loss(loss: nn.Module, dtype: torch.dtype) -> None:
    own = torch.linspace(-3, 3, 48).reshape(1, 1, 6, 8)
    label = (torch.arange(48).reshape(1, 1, 6, 8) % 3 == 0).to(dtype)
    padded_label = nn.functional.pad(label, (0, 5, 0, 2))
    alone = own.clone().to(dtype).requires_grad_()
    padded = nn.functional.pad(own, (0, 5, 0, 2), value=PADDED_LOGIT).to(dtype).requires_grad_()
    values = [loss(alone, label), loss(padded, padded_label)]
    for value in values:
        value.backward()
    torch.testing.assert_close(values[0], values[1])
    assert padded.grad is not None
    torch.testing.assert_close(padded.grad[..., :6, :8], alone.grad)
    assert padded.grad[..., 6:, :].eq(0).all()
    assert padded.grad[..., 8:].eq(0).all()


def test_training_learns_nothing_from_the_answer_to_padding(images: list[torch.Tensor]) -> None:
    network = nn.Conv2d(3, 1, 1).train()
    batch = stack_images(images[:2])
    labels = torch.ones(2, 1, *batch.shape[-2:])
    label = torch.where(batch[:, :1].isnan(), 0.0, labels)
    logits = SizedInferer("float32", sizing="pad", stride=16)(batch, network)
    DiceLoss(sigmoid=True, batch=True)(logits, label).backward()
    own = [(network(image[None]), torch.ones(1, 1, *image.shape[1:])) for image in images[:2]]
    one, two = (torch.cat([each[part].flatten() for each in own])[None, None] for part in (0, 1))
    expected = torch.autograd.grad(DiceLoss(sigmoid=True, batch=True)(one, two), network.weight)[0]
    torch.testing.assert_close(network.weight.grad, expected, rtol=1e-4, atol=1e-7)
    assert expected.abs().max() > 1e-6


def test_square_is_the_plain_inferer(network: nn.Module) -> None:
    batch = torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(1))
    network.eval()
    for sizing in ("square", "multi"):
        sized = SizedInferer("float32", sizing=sizing, stride=16)
        assert torch.equal(sized(batch, network), PrecisionInferer("float32")(batch, network))
        assert sized.fill_padding(batch) is batch


def test_sides_that_the_network_cannot_halve_are_named(network: nn.Module) -> None:
    with pytest.raises(LungXferError, match="multiples of 16, not 100x96 pixels"):
        SizedInferer("float32")(torch.zeros(1, 3, 100, 96), network)

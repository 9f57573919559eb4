"""Images and labels are resized to one another, and results lie where the image was."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, Resize

from monai_lungxfer.networks.inferer import stack_images
from monai_lungxfer.networks.sizing import SIZINGS
from monai_lungxfer.transforms.resize import AntialiasedResize
from monai_lungxfer.transforms.sizing import CropToImaged, FittedResized, decode_largest

NATIVE = ((301, 223), (190, 333), (97, 64), (40, 400))


def spot(height: int, width: int) -> torch.Tensor:
    """An image whose bright part is in its upper left, wide and low: any shift or flip changes it."""
    image = torch.zeros(1, height, width)
    image[:, height // 8 : height // 4, width // 8 : width // 2] = 1
    return image


@pytest.mark.parametrize("sizing", SIZINGS)
@pytest.mark.parametrize("native", NATIVE)
def test_there_and_back_nothing_moves(native: tuple[int, int], sizing: str) -> None:
    image = MetaTensor(spot(*native))
    steps = Compose([FittedResized("image", (96, 96), sizing, 16)])
    sized = steps({"image": image})["image"]
    padded = stack_images([sized, torch.zeros(1, 400, 400)], fill=0.0)[0]  # as in a batch with a larger one
    for answer in (sized.as_tensor(), padded):
        back = Invertd("pred", steps, orig_keys="image", nearest_interp=False)(
            {"image": sized, "pred": MetaTensor(answer)}
        )
        assert back["pred"].shape == image.shape
        found, wanted = back["pred"].as_tensor() > 0.5, image.as_tensor() > 0.5
        assert 2 * (found & wanted).sum() / (found.sum() + wanted.sum()) > 0.9


@pytest.mark.parametrize("sizing", ["pad", "aspect"])
def test_labels_lie_on_their_images(sizing: str) -> None:
    for native in NATIVE:
        label = spot(*native)
        sized = FittedResized(["image", "label"], (96, 96), sizing, 16)({"image": label, "label": label.byte()})
        assert sized["image"].shape == sized["label"].shape
        assert set(sized["label"].unique().tolist()) == {0, 1}
        assert ((sized["image"] > 0.5) != (sized["label"] > 0.5)).float().mean() < 0.02


def test_square_is_what_it_was() -> None:
    image = torch.rand(1, 301, 223, generator=torch.Generator().manual_seed(0))
    sized = FittedResized(["image", "label"], (96, 64))({"image": image, "label": (image > 0.5).byte()})
    assert torch.equal(sized["image"], AntialiasedResize((96, 64))(image))
    assert torch.equal(sized["label"], Resize((96, 64), mode="nearest-exact")((image > 0.5).byte()))


def test_multi_is_decoded_at_the_largest_size() -> None:
    small, other = FittedResized("image", (96, 96), "multi", 16), object()
    large, kept = decode_largest([small, other])
    assert kept is other
    assert large({"image": torch.rand(1, 50, 70)})["image"].shape == (1, 128, 128)
    for sizing in ("square", "pad", "aspect"):
        step = FittedResized("image", (96, 96), sizing, 16)
        assert decode_largest([step]) == [step]


def test_padding_is_cut_off() -> None:
    first, second = torch.rand(3, 20, 31), torch.rand(3, 32, 16)
    batch = stack_images([first, second])
    for image, own in zip(batch, (first, second), strict=True):
        record = {"image": image, "pred": image[:1].clone(), "label": MetaTensor(image[:1].clone())}
        cropped = CropToImaged(["pred", "label", "image"])(record)
        assert {tuple(value.shape[-2:]) for value in cropped.values()} == {tuple(own.shape[-2:])}
        torch.testing.assert_close(cropped["pred"], own[:1])
    record = {"image": first, "pred": first[:1]}
    assert CropToImaged(["pred"])(record)["pred"] is record["pred"]

"""The simulated portable device as MONAI transforms: range, seed, probability, and what each part does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Compose
from scipy.ndimage import binary_dilation
from source_tree import REPOSITORY

from monai_lungxfer import transforms
from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.synthetic.portable_device import scatter_veil
from monai_lungxfer.transforms.portable_device import (
    RandMarkersd,
    RandOpacityd,
    RandPortableDegraded,
    RandQuantumNoised,
    RandScatterVeild,
    RandTubesd,
)

DOCUMENT = REPOSITORY / "docs" / "simulated_device.md"
ALL = [getattr(transforms, name) for name in transforms.__all__ if name.startswith("Rand")]


def record() -> dict[str, MetaTensor]:
    label = torch.zeros(1, 80, 100)
    label[:, 20:60, 10:40] = label[:, 20:60, 60:90] = 1
    image = 900 - 600 * label + torch.linspace(0, 100, 100)
    return {"image": MetaTensor(image, meta={"pixel_spacing": 0.5}), "label": MetaTensor(label)}


@pytest.mark.parametrize("transform", ALL)
def test_images_keep_shape_type_and_range_and_masks_stay(transform) -> None:
    given = record()
    result = transform("image", prob=1.0).set_random_state(3)(given)
    image = result["image"]
    assert isinstance(image, MetaTensor)
    assert image.meta["pixel_spacing"] == 0.5
    assert image.shape == (1, 80, 100)
    assert image.dtype == torch.float32
    assert not torch.equal(image, record()["image"])
    assert 300 <= float(image.min()) <= float(image.max()) <= 1000
    assert torch.equal(result["label"], record()["label"])
    assert torch.equal(given["image"], record()["image"])  # the caller's record is its own


@pytest.mark.parametrize("transform", ALL)
def test_a_seed_gives_the_same_image_and_another_seed_another(transform) -> None:
    first, again, *others = (
        transform("image", prob=1.0).set_random_state(seed)(record())["image"] for seed in (5, 5, 6, 7, 8)
    )
    assert torch.equal(first, again)
    assert any(not torch.equal(first, other) for other in others)


def test_the_probability_is_kept() -> None:
    transform = RandMarkersd("image", prob=0.3).set_random_state(0)
    original = record()["image"]
    changed = sum(not torch.equal(transform(record())["image"], original) for _ in range(200))
    assert 40 < changed < 80


def test_strengths_are_drawn_from_the_given_range() -> None:
    image = record()["image"]
    veiled = RandScatterVeild("image", prob=1.0, ratio=(0.5, 0.5))(record())["image"]
    low, high = float(image.min()), float(image.max())
    expected = low + (high - low) * scatter_veil(np.asarray((image[0] - low) / (high - low)), 0.5)
    np.testing.assert_allclose(np.asarray(veiled[0]), expected, rtol=1e-5)


def test_an_unknown_strength_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"no dose.*photons"):
        RandQuantumNoised("image", dose=(1, 2))


def test_channels_are_treated_alike() -> None:
    grey = record()["image"].repeat(3, 1, 1)
    result = RandPortableDegraded("image", prob=1.0).set_random_state(1)({"image": grey})["image"]
    assert torch.equal(result[0], result[1])
    assert torch.equal(result[0], result[2])


def test_a_constant_image_is_left() -> None:
    flat = torch.full((1, 40, 50), 7.0)
    assert torch.equal(RandPortableDegraded("image", prob=1.0)({"image": flat})["image"], flat)


def test_an_opacity_follows_the_label() -> None:
    given = record()
    given["lungs"] = given.pop("label")
    result = RandOpacityd("image", prob=1.0, label_key="lungs").set_random_state(0)(given)
    changed = result["image"] != given["image"]
    near = binary_dilation(np.asarray(given["lungs"][0]), iterations=4)
    assert changed.any()
    assert not np.asarray(changed[0])[~near].any()


def test_the_parts_work_in_a_composition_with_one_seed() -> None:
    chain = Compose([transform("image", prob=0.5) for transform in ALL])
    first, again = (chain.set_random_state(2)(record())["image"] for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize("transform", ALL)
def test_the_documented_ranges_are_those_that_are_drawn_from(transform) -> None:
    rows = [
        line.split("|")[1:-1] for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    documented = {name.strip(): span.strip() for own, name, _, span in rows if own.strip() == f"`{transform.__name__}`"}
    ranges = {f"`{name}`": f"{low:g} to {high:g}" for name, (low, high) in transform("image").drawn_from.items()}
    assert {name: span for name, span in documented.items() if " to " in span} == ranges
    assert documented


def test_the_documented_yaml_adds_to_a_bundles_transforms(tmp_path) -> None:
    snippet = DOCUMENT.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (tmp_path / "look.yaml").write_text(snippet)
    parser = ConfigParser()
    parser.read_config([str(bundle_path("general") / "configs" / "train.yaml"), str(tmp_path / "look.yaml")])
    before, *added = parser.get_parsed_content("train#random_transforms")
    assert type(before).__name__ == "RandRotated"
    assert [type(transform) for transform in added] == [RandScatterVeild, RandTubesd, RandPortableDegraded]
    assert added[0].drawn_from == {"ratio": [0.5, 1.2]}

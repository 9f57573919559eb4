"""The anti-aliased resize: its values, its geometry, and its way back; and masks of another size."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Invertd, Resized

from monai_lungxfer.transforms.resize import AntialiasedResize, AntialiasedResized, SameSized
from monai_lungxfer.utils.errors import InputFileError


def test_fine_stripes_become_grey_and_not_moire() -> None:
    stripes = torch.zeros(1, 90, 120)
    stripes[..., ::2] = 1
    small = AntialiasedResize((30, 40))(stripes)
    assert small.shape == (1, 30, 40)
    assert small[..., 3:-3].sub(0.5).abs().max() < 0.07
    assert Resized("x", (30, 40), mode="bilinear")({"x": stripes})["x"][..., 3:-3].sub(0.5).abs().max() > 0.4


def test_enlarging_is_plain_bilinear() -> None:
    image = torch.rand(1, 9, 7)
    expected = Resized("x", (27, 21), mode="bilinear")({"x": image})["x"]
    torch.testing.assert_close(AntialiasedResize((27, 21))(image), expected.as_tensor())


def test_values_agree_with_monais_gaussian_on_a_smooth_image() -> None:
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 300), torch.linspace(0, 2, 200), indexing="ij")
    image = (torch.sin(rows) + torch.cos(columns))[None]
    expected = Resized("x", (64, 64), mode="bilinear", anti_aliasing=True)({"x": image})["x"].as_tensor()
    inside = slice(4, -4)  # at the border MONAI's filter mixes zeros in
    given = AntialiasedResize((64, 64))(image)
    torch.testing.assert_close(given[:, inside, inside], expected[:, inside, inside], atol=0.02, rtol=0)


@pytest.mark.parametrize("size", [(300, 200), (40, 100)])
def test_the_way_back_puts_every_edge_where_it_was(size: tuple[int, int]) -> None:
    image = MetaTensor(torch.zeros(1, *size), affine=torch.diag(torch.tensor([0.2, 0.1, 1.0, 1.0])))
    transform = Compose([AntialiasedResized("image", (64, 64))])
    data = transform({"image": image})
    torch.testing.assert_close(
        data["image"].pixdim, torch.tensor([0.2 * size[0] / 64, 0.1 * size[1] / 64]), check_dtype=False
    )
    prediction = torch.zeros(1, 64, 64)
    prediction[:, 16:, 48:] = 1
    data["pred"] = MetaTensor(prediction)
    back = Invertd("pred", transform, orig_keys="image", nearest_interp=False)(data)["pred"] > 0.5
    assert back.shape == (1, *size)
    first = back[0].nonzero().min(dim=0).values
    assert abs(int(first[0]) - size[0] / 4) <= 1
    assert abs(int(first[1]) - size[1] * 3 / 4) <= 1


def test_a_mask_of_another_size_or_orientation_is_refused_by_its_name() -> None:
    record = {"image": MetaTensor(torch.zeros(1, 40, 30)), "label": MetaTensor(torch.zeros(1, 40, 30))}
    same = SameSized(["image", "label"])(record)
    assert all(same[key] is record[key] for key in record)
    turned = MetaTensor(torch.zeros(1, 30, 40), meta={"filename_or_obj": "turned.png"})
    with pytest.raises(InputFileError, match=r"turned\.png: it has 30 × 40 pixels .* but its image 40 × 30"):
        SameSized(["image", "label"])(record | {"label": turned})

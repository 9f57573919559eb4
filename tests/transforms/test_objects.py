"""Objects as a transform: which are drawn, where the clean image is kept, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_lungxfer.synthetic.object_doses import draw_objects
from monai_lungxfer.transforms.objects import RandObjectsd
from monai_lungxfer.utils.errors import LungXferError


def image() -> torch.Tensor:
    return torch.linspace(-2, 2, 60 * 70).reshape(1, 60, 70)


def test_one_of_the_named_kinds_is_drawn_at_a_dose_from_the_range() -> None:
    transform = RandObjectsd("image", prob=1.0, objects=["tubes", "markers"], dose=(2.0, 2.0)).set_random_state(0)
    drawn = [transform({"image": image()})["image"].numpy() for _ in range(6)]
    random = np.random.RandomState(0)
    for found in drawn:
        random.rand()  # whether anything is drawn
        name = ("tubes", "markers")[random.randint(2)]
        random.uniform()
        np.testing.assert_array_equal(found, draw_objects(image().numpy(), name, 2.0, int(random.randint(2**31))))


def test_the_clean_image_is_kept_in_every_record() -> None:
    transform = RandObjectsd("image", prob=0.5, clean_key="clean").set_random_state(0)
    results = [transform({"image": image()}) for _ in range(20)]
    assert all(torch.equal(result["clean"], image()) for result in results)
    changed = sum(not torch.equal(result["image"], result["clean"]) for result in results)
    assert 4 < changed < 16


@pytest.mark.parametrize(("objects", "message"), [(["tube"], "did you mean 'tubes'"), ([], "no object is named")])
def test_unknown_objects_are_refused(objects, message) -> None:
    with pytest.raises(LungXferError, match=message):
        RandObjectsd("image", objects=objects)

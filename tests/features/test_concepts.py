from __future__ import annotations

import numpy as np
import pytest
import torch

from monai_lungxfer.features.concepts import CLEAN, CONCEPTS, SAMPLES, UNKNOWN, ConceptImage, find_concepts
from monai_lungxfer.features.images import PreparedImage


@pytest.fixture
def found() -> ConceptImage:
    """Concepts of an image with a bright square that is the target."""
    grey = np.full((64, 48), 20, np.float32)
    grey[20:44, 12:36] = 200
    return find_concepts(PreparedImage(torch.from_numpy(grey)[None].repeat(3, 1, 1), grey > 100), (0, 7))


def test_labels_are_what_the_masks_say(found: ConceptImage) -> None:
    names = {"target": "target", "edge": "edge", "object": "object", "opacity": "opacity"}
    assert found.labels.shape == (SAMPLES, len(CONCEPTS))
    for number, concept in enumerate(CONCEPTS):
        known = found.labels[:, number] != UNKNOWN
        assert known.sum() >= 8
        mask = found.masks[names[concept]]
        assert (mask[found.rows, found.columns][known] == (found.labels[known, number] == 1)).all()


def test_edges_are_told_by_their_direction(found: ConceptImage) -> None:
    edge, other = found.masks["edge"], found.masks["other_edge"]
    assert edge[32, 12]  # left of the square, so along the columns
    assert not edge[20, 24]
    assert other[20, 24]


def test_what_is_drawn_is_in_the_altered_image_alone(found: ConceptImage) -> None:
    changed = (found.altered - found.clean).abs().amax(0).numpy() > 1
    drawn = found.masks["object"] | found.masks["opacity"]
    bright = found.clean[0].numpy() > 100  # where the image is at its brightest already
    assert changed[drawn & ~bright].all()
    assert float(found.altered.max()) <= float(found.clean.max())
    assert (found.labels[:CLEAN, 2:] == UNKNOWN).all()
    assert (found.labels[CLEAN:, :2] == UNKNOWN).all()


def test_the_seed_decides() -> None:
    image = PreparedImage(torch.rand(1, 40, 40), np.zeros((40, 40), bool))
    first, again, other = (find_concepts(image, seed) for seed in ((0, 1), (0, 1), (0, 2)))
    assert torch.equal(first.altered, again.altered)
    assert not torch.equal(first.altered, other.altered)
    assert (first.labels[:4, 0] == UNKNOWN).all()  # no target to sample

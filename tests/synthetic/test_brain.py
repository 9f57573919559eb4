"""Phantoms of brain slices."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from monai_lungxfer.synthetic.brain import brain_slice


def test_brain_lesions_are_bright_in_flair_and_absent_in_half():
    empty = 0
    for seed in range(36):
        image, mask = brain_slice(np.random.default_rng(seed), 96)
        assert (image.shape, image.dtype, mask.shape, mask.dtype) == ((96, 96, 3), np.uint8, (96, 96), bool)
        if not mask.any():
            empty += 1
            continue
        ring = ndimage.binary_dilation(mask, iterations=6) & ~ndimage.binary_dilation(mask, iterations=2)
        flair, pre = image[..., 1].astype(float), image[..., 0].astype(float)
        assert flair[mask].mean() > 1.15 * flair[ring].mean()
        assert flair[mask].mean() / flair[ring].mean() > pre[mask].mean() / pre[ring].mean() + 0.15
        assert 0.001 < mask.mean() < 0.15
    assert 9 < empty < 27

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from monai_lungxfer.features.collect import collect_features
from monai_lungxfer.features.concepts import UNIFORM
from monai_lungxfer.features.images import ImageSet, prepare_image
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.patch_picture import cut_patch, find_deep_layer, write_patch_picture


def test_a_picture_of_both_directions(
    compared: list[ComparedNetwork], radiographs: ImageSet, slices: ImageSet, tmp_path: Path
) -> None:
    network, sets = compared[0], (radiographs, slices)
    kept = {one.name: dict(collect_features([network], one, precision="float32"))[network.label] for one in sets}
    assert find_deep_layer(kept["cxr"]) == "bottleneck.2"
    write_patch_picture(tmp_path / "figures" / "nearest_patches.png", network, kept, sets)
    picture = np.asarray(Image.open(tmp_path / "figures" / "nearest_patches.png"))
    assert picture.shape == (34 + 6 * 102, 2 * (4 * 102 + 6) + 24)
    assert picture[34:130, :96].std() > 0

    # A patch is what lies around its pixel, in the greys of the whole image.
    pixels = prepare_image(radiographs.records[2], is_mri=False, network=network).pixels.mean(0).numpy()
    places = kept["cxr"].places.copy()
    places[2, UNIFORM.start + 1] = 0.5
    patch = np.asarray(cut_patch(network, radiographs, replace(kept["cxr"], places=places), 2 * 4 + 1))
    half = round(0.2 * min(pixels.shape) / 2)
    row, column = (side // 2 for side in pixels.shape)
    expected = pixels[row - half : row + half + 1, column - half : column + half + 1]
    np.testing.assert_allclose(patch, 255 * (expected - pixels.min()) / np.ptp(pixels), atol=1)

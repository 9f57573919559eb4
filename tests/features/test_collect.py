from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from monai_lungxfer.features.collect import CollectedFeatures, collect_features
from monai_lungxfer.features.concepts import CONCEPTS, SAMPLES, find_concepts
from monai_lungxfer.features.images import ImageSet, normalise, prepare_image, read_image_set
from monai_lungxfer.features.layers import list_layers, watch_layers
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.store import load_collection, load_layers, name_collection, save_collection


@pytest.fixture(scope="module")
def kept(compared: list[ComparedNetwork], radiographs: ImageSet) -> CollectedFeatures:
    done: list[int] = []
    found = dict(collect_features(compared[:2], radiographs, precision="float32", advance=done.append))
    assert sum(done) == 2 * len(radiographs.records) == 16
    return found["before"]


def test_networks_that_share_images_get_what_each_gets_alone(compared: list[ComparedNetwork], phantoms: Path) -> None:
    images = read_image_set("mri", phantoms / "lgg" / "kaggle_3m", limit=18)  # more than are read at once
    other = replace(compared[1], image_size=(32, 32))
    together = dict(collect_features([compared[0], other, compared[2]], images, precision="float32"))
    assert set(together) == {network.label for network in compared}
    ((_, alone),) = collect_features([compared[2]], images, precision="float32")
    shared = together[compared[2].label]
    for part in ("pooled", "pixels", "overlap"):
        for layer, values in getattr(alone, part).items():
            np.testing.assert_array_equal(getattr(shared, part)[layer], values)
    assert alone.pooled["enc1.1"].shape[0] == 18
    assert alone.pixels["enc1.1"].shape[0] == 18


def test_shapes(kept: CollectedFeatures) -> None:
    assert len(kept.pooled) == 18
    assert kept.pooled["bottleneck.2"].shape == (8, 32, 4)
    assert kept.pixels["enc2.1"].shape == (8, SAMPLES, 4)
    assert kept.overlap["dec1.2"].shape == (2, len(CONCEPTS))
    assert kept.places.min() >= 0
    assert kept.places.max() < 1


def test_features_are_those_of_the_network(
    kept: CollectedFeatures, compared: list[ComparedNetwork], radiographs: ImageSet
) -> None:
    network, number = compared[0].build(), 5
    image = prepare_image(radiographs.records[number], is_mri=False, network=compared[0])
    found: dict[str, torch.Tensor] = {}
    with torch.inference_mode(), watch_layers(list_layers(network), lambda *one: found.update([one])):
        network(normalise(image.pixels, compared[0])[None])
    quarters = found["enc1.1"][0].reshape(2, 2, 32, 2, 32).mean((2, 4)).flatten(1)
    assert kept.pooled["enc1.1"][number] == pytest.approx(quarters.numpy(), abs=1e-4)
    concepts = find_concepts(image, (0, number))
    place = concepts.rows[3] // 4, concepts.columns[3] // 4
    assert kept.pixels["enc3.1"][number, 3] == pytest.approx(found["enc3.1"][0][:, *place].numpy(), abs=2e-3)


def test_a_file_keeps_all_of_it(kept: CollectedFeatures, tmp_path) -> None:
    path = tmp_path / "one.npz"
    assert load_collection(path) is None
    save_collection(path, kept)
    loaded = load_collection(path)
    assert loaded is not None
    np.testing.assert_array_equal(loaded.labels, kept.labels)
    assert loaded.pixels.keys() == load_layers(path, "pooled").keys() == kept.pooled.keys()
    path.write_bytes(path.read_bytes()[:-100])
    assert load_collection(path) is None


def test_a_file_is_known_by_weights_images_and_seed(compared: list[ComparedNetwork], radiographs: ImageSet) -> None:
    first, second, _ = compared
    names = {
        name_collection(first, radiographs, 0, "auto"),
        name_collection(second, radiographs, 0, "auto"),
        name_collection(first, radiographs, 1, "auto"),
        name_collection(first, radiographs, 0, "float32"),
    }
    assert len(names) == 4

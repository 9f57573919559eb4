from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from monai_lungxfer.features.patches import Patches, compare_patches, find_neighbours, rank_neighbours


def make_patches(rng: np.random.Generator, shift: float = 0.0) -> Patches:
    features = rng.normal(size=(10, 4, 5)) + shift
    return Patches({"layer": features}, features[..., :2].astype(np.float32), np.arange(10))


def test_the_nearest_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    own, other = make_patches(rng), make_patches(rng)
    found = find_neighbours(own, other, "layer")
    first, second = (one.pixels["layer"].reshape(40, 5) for one in (own, other))
    both = np.concatenate((first, second))
    first, second = ((one - both.mean(0)) / both.std(0) for one in (first, second))
    search = NearestNeighbors(n_neighbors=1, metric="cosine").fit(second)
    distances, numbers = search.kneighbors(first)
    assert found.nearest.tolist() == numbers[:, 0].tolist()
    assert found.across == pytest.approx(1 - distances[:, 0])
    back = NearestNeighbors(n_neighbors=1, metric="cosine").fit(first).kneighbors(second)[1][:, 0]
    assert found.mutual.tolist() == [back[number] == own for own, number in enumerate(found.nearest)]


def test_the_same_patches_are_each_others_nearest() -> None:
    own = make_patches(np.random.default_rng(0))
    row = next(compare_patches({"a": own, "b": own}))
    assert (row["first"], row["second"], row["patches"]) == ("a", "b", 40)
    assert [row[name] for name in ("across", "mutual", "brightness", "contrast")] == pytest.approx([1, 1, 1, 1])
    assert row["within"] < 1  # of another patient


def test_a_shift_between_domains_takes_them_apart() -> None:
    rng = np.random.default_rng(0)
    row = next(compare_patches({"a": make_patches(rng), "b": make_patches(rng, shift=4)}))
    assert row["across"] < row["within"] - 0.3


def test_neighbours_are_the_nearest_patch_of_each_of_several_patients() -> None:
    rng = np.random.default_rng(0)
    own, other = (
        Patches({"a": rng.normal(size=(6, 4, 5))}, np.zeros((6, 4, 2), np.float32), np.array([0, 0, 1, 2, 3, 4]))
        for _ in range(2)
    )
    found = rank_neighbours(own, other, "a", 3, 2)
    flat = [one.pixels["a"].reshape(24, 5) for one in (own, other)]
    both = np.concatenate(flat)
    here, there = ((one - both.mean(0)) / both.std(0) for one in flat)
    patients = own.patients.repeat(4)
    assert len({patients[query] for query, _ in found}) == 3
    for query, nearest in found:
        cosines = there @ here[query] / np.linalg.norm(there, axis=1)
        best = sorted(range(5), key=lambda patient: -cosines[patients == patient].max())[:2]
        assert patients[nearest].tolist() == best
        assert cosines[nearest] == pytest.approx([cosines[patients == patient].max() for patient in best])

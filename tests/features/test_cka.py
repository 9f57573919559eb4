from __future__ import annotations

import numpy as np
import pytest

from monai_lungxfer.features import cka as cka_module
from monai_lungxfer.features.cka import align, align_layers, make_batches, pair_images, shuffle_pairs, stack_pairs
from monai_lungxfer.utils.errors import DatalistError


def hsic(first: np.ndarray, second: np.ndarray) -> float:
    """Return the unbiased HSIC as Song et al. (2012) write it, Eq. 5."""
    k, l = (one @ one.T for one in (first, second))  # noqa: E741 - their names
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    n, ones = len(k), np.ones(len(k))
    middle = (ones @ k @ ones) * (ones @ l @ ones) / ((n - 1) * (n - 2))
    return (np.trace(k @ l) + middle - 2 / (n - 2) * (ones @ k @ l @ ones)) / (n * (n - 3))


def cka(first: np.ndarray, second: np.ndarray, batches: list[np.ndarray]) -> float:
    sums = [
        sum(len(part) * hsic(one[part], other[part]) for part in batches)
        for one, other in ((first, second), (first, first), (second, second))
    ]
    return sums[0] / np.sqrt(sums[1] * sums[2])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def layers(rng: np.random.Generator, count: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Return features of two layers that share a part."""
    shared = rng.normal(size=(count, 6))
    return (
        shared @ rng.normal(size=(6, 12)) + rng.normal(size=(count, 12)),
        shared @ rng.normal(size=(6, 20)) + rng.normal(size=(count, 20)) + 3,
    )


@pytest.mark.parametrize("size", [64, 16])
def test_it_is_the_published_estimate(rng: np.random.Generator, size: int) -> None:
    first, second = layers(rng)
    batches = make_batches(np.arange(40), size)
    found = align(stack_pairs({"a": first}, batches, ["a"]), stack_pairs({"b": second}, batches, ["b"]))
    assert found[0, 0] == pytest.approx(cka(first, second, list(batches.members)), abs=1e-5)
    assert 0.2 < found[0, 0] < 0.95


def test_one_with_itself_and_rotated_and_zero_with_noise(rng: np.random.Generator) -> None:
    first, second = layers(rng, 200)
    rotation = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    given = {"own": first, "rotated": 5 * first @ rotation, "noise": rng.normal(size=(200, 400)), "other": second}
    batches = make_batches(np.arange(200))
    pairs = stack_pairs(given, batches, list(given))
    found = align(pairs, pairs)
    assert found[0, :2] == pytest.approx([1, 1], abs=1e-5)
    assert abs(found[0, 2]) < 0.08  # the biased estimate is above 0.2 for such wide noise
    assert found[0, 3] > 0.3


def test_no_pair_is_of_one_patient_and_batches_are_even() -> None:
    patients = np.array([number % 70 for number in range(143)])
    batches = make_batches(patients)
    assert [len(part) for part in batches.members] == [35, 35, 35, 35]  # and three of a third round are left out
    assert batches.images == 140
    assert (batches.first != batches.second).all()
    for part in batches.members:
        assert len(set(patients[part])) == len(part)


def test_few_patients_are_refused() -> None:
    with pytest.raises(DatalistError, match="fewer than 5 patients"):
        make_batches(np.array([0, 1, 2, 3, 3, 3]))


def test_a_layer_without_variance_has_none(rng: np.random.Generator) -> None:
    batches = make_batches(np.arange(20))
    pairs = stack_pairs({"dead": np.zeros((20, 4)), "own": rng.normal(size=(20, 4))}, batches, ["dead", "own"])
    assert np.isnan(align(pairs, pairs)).tolist() == [[True, True], [True, False]]


def test_intervals_hold_the_value_and_shuffled_images_do_not_reach_it(rng: np.random.Generator) -> None:
    first, second = layers(rng, 120)
    batches = make_batches(np.arange(120) // 2)
    found = align_layers(*(stack_pairs({"a": one}, batches, ["a"]) for one in (first, second)), batches, draws=60)
    low, value, high, shuffled = (float(getattr(found, name)[0, 0]) for name in ("low", "value", "high", "shuffled"))
    assert low < value < high
    assert high - low < 0.3
    assert abs(shuffled) < 0.1 < low


def test_weights_count_patients_as_often_as_they_are_drawn(rng: np.random.Generator) -> None:
    """A bootstrap that leaves a patient out is nearly what is found without his images."""
    first, second = layers(rng, 60)
    batches = make_batches(np.arange(60))
    pairs = [stack_pairs({"a": one}, batches, ["a"]) for one in (first, second)]
    left_out = (batches.first != 7) & (batches.second != 7)
    weights = np.stack((left_out, np.ones_like(left_out))).astype(np.float32)
    rest = np.delete(np.arange(60), 7)
    without = cka(first[rest], second[rest], [np.arange(59)])
    assert align(*pairs, weights)[:, 0, 0] == pytest.approx([without, align(*pairs)[0, 0]], abs=0.01)
    assert abs(without - align(*pairs)[0, 0]) > 1e-4  # it is not what all images give


def test_shuffling_pairs_is_shuffling_images(rng: np.random.Generator) -> None:
    features = rng.normal(size=(23, 5))
    batches = make_batches(np.arange(23), 12)
    seed = 5
    places = shuffle_pairs(batches, np.random.default_rng(seed))
    again = np.random.default_rng(seed)
    order = np.concatenate([part[again.permutation(len(part))] for part in batches.members])
    assert pair_images(features, batches)[places] == pytest.approx(pair_images(features[order], batches), abs=1e-5)


def test_more_pairs_than_are_multiplied_at_once_give_the_same(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = layers(rng, 60)
    batches = make_batches(np.arange(60) // 2)
    pairs = [stack_pairs({"a": one, "b": one**2}, batches, ["a", "b"]) for one in (first, second)]
    whole = align_layers(*pairs, batches, draws=5)
    monkeypatch.setattr(cka_module, "_CHUNK", 100)
    parts = align_layers(*pairs, batches, draws=5)
    for name in ("value", "low", "high", "shuffled"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), abs=1e-5)

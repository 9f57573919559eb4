"""Choices against k-centre greedy in a few lines of NumPy, and the rules on small sets."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from monai_lungxfer.selection.choice import DIVERSE, TYPICAL, UNCERTAIN, Choice, ChoiceRules, choose, standardise


def draw(number: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(number, 5))


def choose_from(features: np.ndarray, rules: ChoiceRules, **options) -> list[Choice]:
    number = len(features)
    patients = options.pop("patients", [str(place) for place in range(number)])
    groups = options.pop("groups", ["one"] * number)
    uncertainty = options.pop("uncertainty", np.linspace(0, 1, number))
    return choose(features, uncertainty, patients, groups, rules, **options)


def k_centre(features: np.ndarray, centres: list[int], count: int) -> list[int]:
    """Sener and Savarese, Algorithm 1: u = argmax over i of min over j of the distance."""
    distances = np.linalg.norm(features[:, None] - features, axis=2)
    for _ in range(count):
        centres = [*centres, int(distances[:, centres].min(axis=1).argmax())]
    return centres


def test_diverse_choices_are_those_of_k_centre_greedy() -> None:
    features = draw()
    found = choose_from(features, ChoiceRules(12, uncertain=0))
    first = int(np.linalg.norm(features - features.mean(axis=0), axis=1).argmin())
    assert [one.place for one in found] == k_centre(features, [first], 11)
    assert [one.reason for one in found] == [TYPICAL] + [DIVERSE] * 11
    assert found[0].distance is None
    nearest = np.linalg.norm(features[found[1].place] - features[first])
    assert found[1].distance == pytest.approx(nearest)
    radii = [one.distance for one in found[1:]]
    assert radii == sorted(radii, reverse=True)  # each choice makes the largest distance smaller


def test_labelled_images_are_centres_and_are_not_chosen() -> None:
    features = draw()
    found = choose_from(features, ChoiceRules(5, uncertain=0), labelled=[3, 8])
    assert [one.place for one in found] == k_centre(features, [3, 8], 5)[2:]
    assert {one.reason for one in found} == {DIVERSE}


def test_the_share_by_uncertainty_is_kept() -> None:
    features, uncertainty = draw(), np.linspace(0, 1, 40)
    assert Counter(one.reason for one in choose_from(features, ChoiceRules(20, uncertain=0.25)))[UNCERTAIN] == 5
    every = choose_from(features, ChoiceRules(5, uncertain=1), uncertainty=uncertainty, labelled=[39])
    assert [one.place for one in every] == [38, 37, 36, 35, 34]


def test_no_patient_has_more_than_allowed() -> None:
    patients = [str(place // 8) for place in range(40)]
    for most in (1, 2):
        found = choose_from(draw(), ChoiceRules(30, per_patient=most), patients=patients)
        assert Counter(patients[one.place] for one in found) == dict.fromkeys("01234", most)


def test_groups_are_balanced_until_one_has_no_more() -> None:
    groups = ["rare"] * 3 + ["common"] * 37
    found = choose_from(draw(), ChoiceRules(16), groups=groups)
    assert Counter((groups[one.place], one.reason == UNCERTAIN) for one in found[:4]) == {
        ("rare", False): 1,
        ("common", False): 1,
        ("rare", True): 1,
        ("common", True): 1,
    }
    assert Counter(groups[one.place] for one in found) == {"rare": 3, "common": 13}
    others = choose_from(draw(), ChoiceRules(4, uncertain=1, balanced=False), groups=groups, labelled=[0])
    assert {groups[one.place] for one in others} == {"common"}  # the most uncertain, whatever they are


def test_barred_images_are_not_chosen_and_all_others_are() -> None:
    found = choose_from(draw(), ChoiceRules(100), barred=[0, 39])
    assert sorted(one.place for one in found) == list(range(1, 39))


def test_standardised_images_are_the_square_root_of_two_apart() -> None:
    features = np.column_stack([draw(400) * [1, 10, 1e-3, 5, 7] + 3, np.full(400, 2.0)])
    scaled = standardise(features.astype(np.float32))
    pairs = np.linalg.norm(scaled[:200] - scaled[200:], axis=1)
    assert np.sqrt((pairs**2).mean()) == pytest.approx(np.sqrt(2), rel=0.05)
    assert standardise(np.ones((3, 2))).shape == (3, 0)

"""The order of a whole pool: a round for each image of a patient, near-duplicates last."""

from __future__ import annotations

import numpy as np

from monai_lungxfer.selection.choice import ChoiceRules, choose, standardise
from monai_lungxfer.selection.ranking import rank_images
from monai_lungxfer.selection.survey import SurveyedImage


def draw_images(number: int) -> list[SurveyedImage]:
    rng = np.random.default_rng(0)
    details = rng.normal(size=(number, 64 * 64)).astype(np.float32)
    details /= np.linalg.norm(details, axis=1, keepdims=True)
    features = rng.normal(size=(number, 6)).astype(np.float32)
    return [
        SurveyedImage(str(place), features[place], details[place], float(rng.uniform(0.5, 1)), None)
        for place in range(number)
    ]


def test_every_image_once_and_patient_after_patient() -> None:
    images, patients = draw_images(12), [f"p{place // 3}" for place in range(12)]
    order = rank_images(images, patients)
    assert sorted(order) == list(range(12))
    rounds = [{patients[place] for place in order[start : start + 4]} for start in (0, 4, 8)]
    assert rounds == [set(patients)] * 3


def test_the_first_ones_are_those_of_a_selection() -> None:
    images, patients = draw_images(10), [str(place) for place in range(10)]
    features = standardise(np.stack([image.features for image in images]))
    doubt = np.array([image.uncertainty for image in images])
    chosen = choose(features, doubt, patients, [""] * 10, ChoiceRules(count=4))
    assert rank_images(images, patients)[:4] == [choice.place for choice in chosen]


def test_a_near_duplicate_comes_last() -> None:
    images, patients = draw_images(8), [str(place) for place in range(8)]
    copy = SurveyedImage("copy", images[2].features + 9, images[2].detail, 0.1, None)  # far away, and most uncertain
    assert rank_images([*images, copy], [*patients, "another"])[-1] == 8


def test_nothing_gives_nothing() -> None:
    assert rank_images([], []) == []

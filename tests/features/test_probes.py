from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from monai_lungxfer.features.concepts import CONCEPTS, UNKNOWN
from monai_lungxfer.features.probes import ProbedPixels, fit_probe, measure_auc, probe_network, score_folds


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def make_pixels(rng: np.random.Generator, direction: np.ndarray, patients: int = 12) -> ProbedPixels:
    """Return pixels of which one concept lies along a direction, and the others nowhere."""
    labels = np.full((patients, 8, len(CONCEPTS)), UNKNOWN, np.int8)
    labels[..., 0] = rng.integers(0, 2, (patients, 8))
    labels[..., 1] = rng.integers(0, 2, (patients, 8))
    features = rng.normal(size=(patients, 8, len(direction))) + 2 * labels[..., :1] * direction
    return ProbedPixels({"layer": features.astype(np.float16)}, labels, np.arange(patients))


def test_the_area_is_that_of_scikit_learn(rng: np.random.Generator) -> None:
    labels = rng.random(200) < 0.3
    scores = np.round(labels + rng.normal(size=200), 1)  # with ties
    found = measure_auc(scores, labels, np.arange(200) // 5)
    assert found["auc"] == pytest.approx(roc_auc_score(labels, scores))
    assert found["low"] < found["auc"] < found["high"]
    assert 0.05 < found["high"] - found["low"] < 0.3


def test_patients_are_drawn_as_a_whole(rng: np.random.Generator) -> None:
    """Ten equal pixels of each patient say no more than one."""
    labels = rng.random(40) < 0.5
    scores = labels + rng.normal(size=40)
    once = measure_auc(scores, labels, np.arange(40))
    often = measure_auc(scores.repeat(10), labels.repeat(10), np.arange(40).repeat(10))
    for name in once:
        np.testing.assert_allclose(often[name], once[name])


def test_areas_of_all_concepts_are_of_the_same_drawn_patients(rng: np.random.Generator) -> None:
    """Patients without a pixel of the concept are drawn, too, and change nothing but how often the others are."""
    labels, scores, patients = np.arange(40) % 2 == 0, rng.normal(size=40), np.arange(40) // 4
    found = measure_auc(scores, labels, patients, 50, everyone=np.arange(15))
    counts = np.random.default_rng(0).multinomial(15, np.full(15, 1 / 15), size=50)
    expected = [roc_auc_score(labels, scores, sample_weight=drawn[patients]) for drawn in counts]
    np.testing.assert_allclose(found["drawn"], expected)


@pytest.mark.parametrize("width", [4, 90])  # fewer features than pixels, and more
def test_a_probe_is_the_ridge_classifier_of_scikit_learn(rng: np.random.Generator, width: int) -> None:
    features, labels = rng.normal(size=(60, width)) * np.geomspace(0.1, 5, width) + 2, np.arange(60) % 3 == 0
    features[labels, 0] += 0.05
    features[:, 1] = 7  # says nothing
    ridge = RidgeClassifier(alpha=0.1 * 60, class_weight="balanced")
    expected = make_pipeline(StandardScaler(), ridge).fit(features, labels)
    other = rng.normal(size=(9, width)) + 2
    other[:, 1] = 7
    assert fit_probe(features, labels).score(other) == pytest.approx(expected.decision_function(other), abs=1e-9)


def test_no_pixel_is_scored_by_a_probe_that_saw_its_patient(rng: np.random.Generator) -> None:
    """Features that name the patient, and a label that is the patient's: nothing is to be learnt from others."""
    patients = np.arange(24).repeat(6)
    features = np.eye(24)[patients].astype(np.float32)
    scores = score_folds(features, patients % 2 == 0, patients)
    assert measure_auc(scores, patients % 2 == 0, patients)["auc"] < 0.7
    assert score_folds(features, np.zeros(144, bool), patients) is None


def test_a_common_direction_is_told_from_another(rng: np.random.Generator) -> None:
    axes = np.eye(6)
    same, turned = make_pixels(rng, axes[0]), make_pixels(rng, -axes[0] + axes[1])
    rows = list(probe_network({"a": make_pixels(rng, axes[0]), "b": same, "c": turned}))
    found = {(row["concept"], row["trained"], row["tested"]): row["auc"] for row in rows}
    assert found["target", "a", "a"] > 0.85
    assert found["target", "a", "b"] > 0.85
    assert found["target", "a", "c"] < 0.3
    assert 0.3 < found["edge", "a", "b"] < 0.7  # nothing lies behind it
    assert {row["concept"] for row in rows} == {"target", "edge"}
    assert {row["pixels"] for row in rows} == {96}

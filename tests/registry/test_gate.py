"""The promotion gate: who passes, who does not, and what cannot be compared."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from evaluation_report import report_of, write_report
from scipy.stats import wilcoxon

from monai_lungxfer.registry.gate import MARGIN, compare, mean_metric, read_report, without_names
from monai_lungxfer.utils.errors import RegistryError

WEIGHTS = "5" * 64
CHAMPION = np.random.default_rng(0).normal(0.94, 0.03, 64)


def report(dice: np.ndarray, **changes) -> dict:
    return without_names(report_of("0" * 64, list(dice), **changes))


def test_a_better_candidate_passes() -> None:
    candidate = CHAMPION + np.random.default_rng(1).normal(0.01, 0.01, 64)
    found = compare(report(candidate), report(CHAMPION))
    assert found.passes
    assert found.images == found.pairs == 64
    assert found.candidate == pytest.approx(candidate.mean())
    assert found.champion == pytest.approx(CHAMPION.mean())
    assert found.difference == pytest.approx((candidate - CHAMPION).mean())
    assert found.worst == pytest.approx((candidate - CHAMPION).min())
    assert found.p_value == pytest.approx(wilcoxon(candidate - CHAMPION + MARGIN, alternative="greater").pvalue)
    assert "on 64 images" in str(found)


def test_the_same_model_passes_given_five_images() -> None:
    assert compare(report(CHAMPION), report(CHAMPION)).passes
    assert compare(report(CHAMPION[:5]), report(CHAMPION[:5])).passes
    assert not compare(report(CHAMPION[:4]), report(CHAMPION[:4])).passes


def test_a_slightly_worse_candidate_passes_and_one_at_the_margin_does_not() -> None:
    noise = np.random.default_rng(2).normal(0, 0.004, 64)
    assert compare(report(CHAMPION + noise - 0.001), report(CHAMPION)).passes
    assert not compare(report(CHAMPION + noise - MARGIN), report(CHAMPION)).passes
    assert not compare(report(CHAMPION - MARGIN), report(CHAMPION)).passes


def test_few_noisy_images_prove_nothing() -> None:
    noise = np.random.default_rng(3).normal(0, 0.05, 8)
    found = compare(report(CHAMPION[:8] + noise - noise.mean()), report(CHAMPION[:8]))
    assert found.difference == pytest.approx(0)
    assert not found.passes


def test_a_few_images_that_fail_altogether_are_not_outvoted() -> None:
    candidate = CHAMPION + 0.003
    candidate[:3] = 0.1
    found = compare(report(candidate), report(CHAMPION))
    assert found.p_value < 0.001  # the ranks alone would let it pass
    assert found.difference < -MARGIN
    assert not found.passes


def test_images_of_a_patient_count_once() -> None:
    patients = np.arange(64) // 16
    found = compare(report(CHAMPION, patient=patients.tolist()), report(CHAMPION))
    assert (found.images, found.pairs) == (64, 4)
    assert not found.passes
    uneven = [0, 0, 0, 1]
    found = compare(report(np.array([0.9, 0.9, 0.9, 0.5]), patient=uneven), report(np.full(4, 0.8)))
    assert found.difference == pytest.approx((0.1 - 0.3) / 2)
    assert found.worst == pytest.approx(-0.3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "b" * 64}, "different splits .bbbbbbbbbbbb of the candidate, aaaaaaaaaaaa of the champion"),
        ({"section": "test"}, "different sections"),
    ],
)
def test_other_images_are_refused(changes: dict, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        compare(report(CHAMPION, **changes), report(CHAMPION))


def test_fewer_images_of_the_same_split_are_refused() -> None:
    with pytest.raises(RegistryError, match="different images"):
        compare(report(CHAMPION[1:]), report(CHAMPION))


def test_other_masks_of_the_same_images_are_refused() -> None:
    masks = ["a"] * 64
    assert compare(report(CHAMPION, label=masks), report(CHAMPION)).passes  # an older report does not say
    with pytest.raises(RegistryError, match="different masks"):
        compare(report(CHAMPION, label=masks), report(CHAMPION, label=[*masks[1:], "b"]))


def test_a_model_that_knows_the_images_is_named(caplog: pytest.LogCaptureFixture) -> None:
    candidate = report(CHAMPION) | {"learnt": [{"by": "portable", "own": False, "images": 7}]}
    compare(candidate, report(CHAMPION))
    assert "The candidate, or weights that it stems from, learnt from 7 of the 64 measured images" in caplog.text


def test_names_of_images_are_left_out(tmp_path: Path) -> None:
    report = read_report(write_report(tmp_path / "r.json", WEIGHTS, [0.9, 0.8], finding=["normal", "covid19"]), WEIGHTS)
    assert "doe" not in json.dumps(report)
    assert report["rows"] == [{"DICE": 0.9, "finding": "normal"}, {"DICE": 0.8, "finding": "covid19"}]
    assert mean_metric(report) == pytest.approx(0.85)
    assert "report_file" not in without_names(report_of(WEIGHTS, [0.9]) | {"report_file": "/home/doe/independent.json"})


def test_the_hash_tells_images_and_their_order() -> None:
    report = report_of(WEIGHTS, [0.9, 0.8])
    digest = without_names(report)["images_sha256"]
    assert without_names(report_of("6" * 64, [0.1, 0.2]))["images_sha256"] == digest
    report["rows"].reverse()
    assert without_names(report)["images_sha256"] != digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "is not a report of an evaluation"),
        ("[]", "is not a report of an evaluation"),
        (json.dumps({"section": "test"}), "is not a report of an evaluation"),
        (json.dumps(report_of(WEIGHTS, [])), "has no images"),
        (json.dumps(report_of(WEIGHTS, [None])), "images that were not measured"),  # type: ignore[list-item]
        (json.dumps(report_of(WEIGHTS, [0.9], section="training")), "section 'training', which the model knows"),
        (json.dumps(report_of("6" * 64, [0.9])), "of the weights 666666666666, not of 555555555555"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(RegistryError, match=message):
        read_report(tmp_path / "report.json", WEIGHTS)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="is not a report of an evaluation"):
        read_report(tmp_path / "none.json", WEIGHTS)

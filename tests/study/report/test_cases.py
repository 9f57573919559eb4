"""The cases of the gallery and their pictures."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monai_lungxfer.data.records import image_name
from monai_lungxfer.study.analysis.results import StudyResults
from monai_lungxfer.study.report.case_pictures import draw_case_pictures
from monai_lungxfer.study.report.cases import Case, choose_cases
from monai_lungxfer.study.report.figures.overlays import draw_artifacts, draw_overlays
from monai_lungxfer.utils.errors import LungXferError


def test_each_image_once_from_the_lowest_dice(results: StudyResults) -> None:
    cases = choose_cases(results)
    dice = [case.after["DICE"] for case in cases]
    assert dice == sorted(dice)
    names = sorted(results.after().image.unique())
    assert [names[case.number - 1] for case in cases] == [case.image for case in cases]
    assert len(cases) == len(names)
    for case in cases:
        rows = results.after()[results.after().image == case.image]
        assert case.repetition == rows.repetition.min()
        assert case.after["DICE"] == rows.sort_values("repetition").DICE.iloc[0]


def test_flags_by_hand(results: StudyResults) -> None:
    cases = choose_cases(results)
    low = np.quantile([case.after["DICE"] for case in cases], 0.1)
    for case in cases:
        expected = {
            "worst_tenth": case.after["DICE"] <= low,
            "fell": case.after["DICE"] < case.before["DICE"],
            "bridge": case.after["BRIDGES"] > 0,
            "island": case.after["ISLANDS"] > 0,
        }
        assert set(case.flags) == {name for name, raised in expected.items() if raised}
    assert {flag for case in cases for flag in case.flags} == {"worst_tenth", "bridge", "island"}


def test_of_many_images_the_worst_and_a_spread_are_chosen(results: StudyResults) -> None:
    everything, few = choose_cases(results), choose_cases(results, limit=10)
    assert few[:5] == everything[:5]
    assert few[-1] == everything[-1]
    assert len({case.number for case in few}) == 10


@pytest.fixture(scope="module")
def cases(results: StudyResults) -> list[Case]:
    return choose_cases(results, limit=8)


def test_pictures_are_of_the_weights_before_and_after(images: Path, results: StudyResults, cases: list[Case]) -> None:
    pictures = draw_case_pictures(results, cases, images, "cpu")
    assert set(pictures) == {case.number for case in cases}
    for case in cases:
        one = pictures[case.number]
        height, width = (110, 96) if int(Path(case.image).stem[-3:]) % 2 else (96, 120)
        assert one.before.size == one.after.size == (width, height + 16)
        assert one.both.size == (width, height + 32)
        assert np.any(np.asarray(one.before) != np.asarray(one.after))
    overlays, artifacts = draw_overlays(cases, pictures), draw_artifacts(cases, pictures)
    assert len(overlays.figure.axes) == 6
    assert artifacts is not None
    worst = max(cases, key=lambda case: case.before["ISLANDS"] + case.before["BRIDGES"])
    assert artifacts.figure.axes[0].get_title(loc="left").startswith(f"Case {worst.number}, ")


def test_a_missing_image_is_told_by_its_number_alone(tmp_path: Path, results: StudyResults, cases: list[Case]) -> None:
    with pytest.raises(LungXferError, match=rf"image of case {cases[0].number} is not there.*--data"):
        draw_case_pictures(results, cases, tmp_path)


def test_images_that_only_the_datalist_finds(
    images: Path, tmp_path: Path, results: StudyResults, cases: list[Case]
) -> None:
    expected = draw_case_pictures(results, cases[:2], images, "cpu")
    folders = [tmp_path / "p1", tmp_path / "p2"]
    (tmp_path / "data" / "portable").mkdir(parents=True)
    listed, renamed = [], []
    for folder, case in zip(folders, cases, strict=False):  # two files of one name
        folder.mkdir()
        record = {"image": str(folder / "cxr.png"), "patient": folder.name}
        shutil.copyfile(images / "portable" / case.image, record["image"])
        listed.append(record)
        renamed.append(replace(case, image=image_name(record["image"], tmp_path / "data" / "portable")))
    (tmp_path / "data" / "portable" / "datalist.json").write_text(json.dumps(listed))
    drawn = draw_case_pictures(results, renamed, tmp_path / "data", "cpu")
    for number, picture in expected.items():
        assert np.array_equal(np.asarray(drawn[number].both), np.asarray(picture.both))

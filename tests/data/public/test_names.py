"""Names of files that could be those of people are recognised."""

from __future__ import annotations

import pytest

from monai_lungxfer.data.public.names import resembles_person_name


@pytest.mark.parametrize(
    "name",
    ["DOE^JANE", "Doe, Jane", "anna_meier_2", "Meier-2", "meier", "AnnaMeier", "Müller_3", "2020-01-01 Özil Mesut"],
)
def test_names_of_people(name):
    assert resembles_person_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "p0001_1",
        "COVID-19",
        "normal",
        "AP Supine",
        "person12_bacteria_46",
        "NORMAL2-IM-0588-0001",
        "MCUCXR_0104_1",
        "TCGA_CS_4941_19960909_3",
        "042f06a9",
        "abcdefab-cafe-babe-face-abcdefabcdef",
        "1676194",
        "chest_xray",
    ],
)
def test_names_of_files(name):
    assert not resembles_person_name(name)

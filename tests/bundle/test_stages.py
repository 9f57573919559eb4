"""The stages by all their names."""

from __future__ import annotations

import pytest

from monai_lungxfer.bundle.stages import STAGE_NAMES, STAGES, stage_named
from monai_lungxfer.utils.errors import BundleError


def test_a_stage_is_known_by_its_own_name_and_its_bundles() -> None:
    assert len(STAGE_NAMES) == 2 * len(STAGES)
    for stage in STAGES.values():
        assert stage_named(stage.name) is stage_named(stage.bundle) is stage


def test_another_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(BundleError, match=r"named 'portabel'.*donor, general, portable"):
        stage_named("portabel")

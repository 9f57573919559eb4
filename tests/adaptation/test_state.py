"""A step that is done is not repeated, and a folder of other settings is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from monai_lungxfer.adaptation.state import STATE, AdaptationState
from monai_lungxfer.utils.errors import LungXferError, OutputError

SETTINGS = {"seed": 0, "minutes": 1.5}


def test_a_step_is_done_once_over_two_runs(tmp_path: Path) -> None:
    calls = []
    for _ in range(2):
        state = AdaptationState(tmp_path, SETTINGS)
        assert state.run_once("split", lambda: calls.append(1) or {"hold_out": 0.3}) == {"hold_out": 0.3}
    assert calls == [1]


def test_a_step_that_fails_is_done_again_in_the_same_folder(tmp_path: Path) -> None:
    def fail() -> None:
        (tmp_path / "half").mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        AdaptationState(tmp_path, SETTINGS).run_once("data", fail)
    state = AdaptationState(tmp_path, SETTINGS)
    assert state.steps == {}
    assert state.run_once("data", lambda: 1) == 1


def test_other_settings_are_named(tmp_path: Path) -> None:
    AdaptationState(tmp_path, SETTINGS).run_once("data", lambda: 1)
    with pytest.raises(LungXferError, match="seed was 0, is 1"):
        AdaptationState(tmp_path, SETTINGS | {"seed": 1})


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        AdaptationState(tmp_path, SETTINGS)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / STATE).write_text('{"format": "monai_lungxfer adap')
    with pytest.raises(LungXferError, match="not a JSON file"):
        AdaptationState(tmp_path, SETTINGS)

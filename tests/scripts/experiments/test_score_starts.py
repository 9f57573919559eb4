from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
from score_starts import list_starts, rank_arms


def write_step(folder: Path, parent: str | None, dice: float) -> None:
    folder.mkdir(parents=True)
    (folder / "step.json").write_text(json.dumps({"parent": parent}), encoding="utf-8")
    (folder / "independent.json").write_text(json.dumps({"all": {"DICE_HARD": {"mean": dice}}}), encoding="utf-8")


def test_each_arm_is_told_with_its_start(tmp_path: Path) -> None:
    write_step(tmp_path / "repetition-000" / "general_flair", "donor", 0.5)
    write_step(tmp_path / "repetition-000" / "portable_flair", "general_flair", 0.75)
    assert list_starts(tmp_path / "repetition-000", "DICE_HARD") == [
        {
            "repetition": "repetition-000",
            "arm": "portable_flair",
            "start": "general_flair",
            "before": 0.5,
            "after": 0.75,
        }
    ]


def test_arms_are_ranked_by_their_means() -> None:
    rows = pd.DataFrame(
        {
            "arm": ["a", "a", "b", "b", "c", "c"],
            "score": [0.9, 0.1, 0.6, 0.6, 0.7, 0.7],  # means: a 0.5, b 0.6, c 0.7
            "before": [3, 3, 2, 2, 1, 1],
            "after": [0.1, 0.1, 0.2, 0.2, 0.3, 0.3],
        }
    )
    assert rank_arms(rows) == "score: rho 1.00, before: rho -1.00; 3 arms"

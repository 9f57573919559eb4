"""Moving the champion: by reports, by measuring, and by force."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from evaluation_report import write_report

from monai_lungxfer.data.splits import ensure_split
from monai_lungxfer.registry.promotion import promote
from monai_lungxfer.registry.register import register_bundle
from monai_lungxfer.registry.store import list_versions
from monai_lungxfer.synthetic.phantoms import write_phantoms
from monai_lungxfer.utils.errors import RegistryError

NAME = "lungs"
GOOD = np.linspace(0.9, 0.97, 20).tolist()
BAD = np.linspace(0.8, 0.87, 20).tolist()


def aliases(database: str) -> dict[str, list[str]]:
    return {row["version"]: row["aliases"] for row in list_versions(NAME, tracking_uri=database)}


def tags(database: str, version: str) -> dict[str, str]:
    return next(row["tags"] for row in list_versions(NAME, tracking_uri=database) if row["version"] == version)


Register = Callable[..., None]


@pytest.fixture
def register(database: str, tmp_path: Path, portable_sha256: str, general_sha256: str) -> Register:
    """Register weights with a report of these values of Dice."""
    hashes = {"portable": portable_sha256, "general": general_sha256}

    def of(weights: str, dice: list[float], **fields: Any) -> None:
        report = write_report(tmp_path / "report.json", hashes[weights], dice, **fields)
        register_bundle("portable", weights=weights, report=report, name=NAME, tracking_uri=database)

    return of


@pytest.fixture
def champion(register: Register, database: str) -> str:
    """A registry whose only version is the champion."""
    register("portable", GOOD)
    first = promote(NAME, tracking_uri=database)
    assert (first.promoted, first.champion, first.comparison) == (True, None, None)
    assert aliases(database) == {"1": ["champion"]}
    return database


@pytest.mark.slow
def test_reports_decide_unless_a_reason_is_given(champion: str, register: Register) -> None:
    register("general", BAD)
    refused = promote(NAME, tracking_uri=champion)
    assert not refused.promoted
    assert refused.comparison is not None
    assert refused.comparison.difference == pytest.approx(-0.1)
    assert aliases(champion) == {"1": ["champion"], "2": ["candidate"]}

    forced = promote(NAME, force="the other one fails on films", tracking_uri=champion)
    assert forced.promoted
    assert aliases(champion) == {"1": [], "2": ["champion"]}
    account = tags(champion, "2")
    assert (account["forced"], account["champion_before"]) == ("the other one fails on films", "1")
    assert json.loads(account["comparison"])["difference"] == pytest.approx(-0.1)

    better = promote(NAME, version="1", tracking_uri=champion)
    assert better.promoted
    assert aliases(champion) == {"1": ["champion"], "2": []}


@pytest.mark.slow
def test_what_cannot_be_compared_is_not_promoted(
    champion: str, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RegistryError, match="there is no version 'candidate'"):
        promote(NAME, tracking_uri=champion)
    with pytest.raises(RegistryError, match="version 1 is the champion already"):
        promote(NAME, version="1", tracking_uri=champion)

    register("general", GOOD, split="b" * 64)
    with pytest.raises(RegistryError, match="different splits"):
        promote(NAME, tracking_uri=champion)
    assert aliases(champion) == {"1": ["champion"], "2": ["candidate"]}

    monkeypatch.setenv("MLFLOW_REGISTRY_URI", champion)  # for MLflow's own download
    newest = mlflow.artifacts.download_artifacts(f"models:/{NAME}@candidate", tracking_uri=champion)
    Path(newest, "artifacts", "report.json").unlink()
    with pytest.raises(RegistryError, match="its report cannot be read"):
        promote(NAME, tracking_uri=champion)
    assert promote(NAME, force="the report is gone", tracking_uri=champion).comparison is None
    assert aliases(champion)["2"] == ["champion"]


@pytest.mark.slow
def test_promotion_by_measuring(database: str, tmp_path: Path, portable_sha256: str) -> None:
    data = write_phantoms(tmp_path / "data", donor=0, general=0, portable=36, size=96) / "portable"
    split = ensure_split(data, tmp_path / "split.json", seed=3, hold_out=0.5)
    report = write_report(tmp_path / "r.json", portable_sha256, [0.9] * len(split.independent), split=split.hash)
    register_bundle("portable", name=NAME, report=report, tracking_uri=database)
    promote(NAME, tracking_uri=database)
    register_bundle("portable", name=NAME, tracking_uri=database)
    with pytest.raises(RegistryError, match="version 2 was registered without a report"):
        promote(NAME, tracking_uri=database)
    with pytest.raises(RegistryError, match="data and split belong together"):
        promote(NAME, data=data, tracking_uri=database)
    ensure_split(data, tmp_path / "other.json", seed=4, hold_out=0.5)
    with pytest.raises(RegistryError, match="version 1 belongs to the split"):
        promote(NAME, data=data, split=tmp_path / "other.json", tracking_uri=database)
    same = promote(NAME, data=data, split=tmp_path / "split.json", tracking_uri=database)
    assert same.promoted
    assert same.comparison is not None
    assert same.comparison.images == len(split.independent)
    assert same.comparison.difference == 0
    assert 0.3 < same.comparison.champion < 1
    assert aliases(database) == {"1": [], "2": ["champion"]}

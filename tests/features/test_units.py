from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_lungxfer.features import units
from monai_lungxfer.features.images import ImageSet
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.store import load_effects, save_effects
from monai_lungxfer.features.units import UnitRun, measure_effects, overlap_top_units, rank_units, soft_dice


def test_dice_is_the_papers() -> None:
    logits, mask = torch.full((1, 1, 2, 2), 100.0), torch.tensor([[[[1.0, 1], [0, 0]]]])
    assert float(soft_dice(logits, mask)) == pytest.approx((2 * 2 + 1) / (4 + 2 + 1))


def test_the_estimate_is_near_what_switching_off_does(compared: list[ComparedNetwork], radiographs: ImageSet) -> None:
    """Close to a linear network, the first term of the series is the whole."""
    run = UnitRun(compared[2], precision="float32")
    inputs = run.load_inputs(radiographs, 1)
    importance, dice = run.estimate_importance(inputs)
    assert [len(values) for values in importance.values()][:3] == [2, 2, 4]
    whole, without = run.measure_dice(inputs, [("dec1.2", unit) for unit in range(2)])
    assert dice == pytest.approx(whole, abs=1e-5)
    assert importance["dec1.2"] == pytest.approx([abs(whole - one) for one in without.values()], rel=0.5)


def test_effects_of_both_domains_survive_a_file(
    compared: list[ComparedNetwork],
    radiographs: ImageSet,
    slices: ImageSet,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(units, "WORKING", 0)
    effects = dict(measure_effects(UnitRun(compared[0]), (radiographs, slices)))
    assert set(effects) == {"cxr", "mri"}
    assert effects["cxr"].drops.keys() == effects["mri"].drops.keys()
    assert 4 <= len(effects["cxr"].drops) <= 8
    save_effects(tmp_path / "units.npz", effects)
    loaded = load_effects(tmp_path / "units.npz")
    assert loaded is not None
    assert loaded["mri"].drops == pytest.approx(effects["mri"].drops)
    assert loaded["cxr"].dice == effects["cxr"].dice
    np.testing.assert_array_equal(loaded["cxr"].importance["enc1.1"], effects["cxr"].importance["enc1.1"])


def test_units_are_switched_off_only_where_there_is_something_to_lose(
    compared: list[ComparedNetwork], radiographs: ImageSet, slices: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = UnitRun(compared[0])
    dice = {one.name: run.estimate_importance(run.load_inputs(one))[1] for one in (radiographs, slices)}
    better, worse = sorted(dice, key=lambda name: -dice[name])
    monkeypatch.setattr(units, "WORKING", sum(dice.values()) / 2)
    effects = dict(measure_effects(run, (radiographs, slices), [("dec1.1", 0)]))
    assert ("dec1.1", 0) in effects[better].drops
    assert len(effects[better].drops) >= 4
    assert not effects[worse].drops
    assert effects[worse].importance.keys() == effects[better].importance.keys()
    random = dict(measure_effects(UnitRun(compared[2]), (radiographs,), [("dec1.1", 0)]))
    assert not random["cxr"].drops


def test_ranks_and_overlap() -> None:
    first = {"a": np.array([5.0, 0, 1]), "b": np.arange(17.0) / 100}
    assert rank_units(first, 2) == [("a", 0), ("a", 2)]
    found = overlap_top_units(first, first)
    assert (found["units"], found["top"], found["shared"], found["jaccard"]) == (20, 1, 1, 1)
    assert found["correlation"] == pytest.approx(1)
    assert found["chance"] == pytest.approx((1 / 20) / (2 - 1 / 20))
    other = overlap_top_units(first, {"a": -first["a"], "b": -first["b"]})
    assert (other["shared"], other["correlation"]) == (0, pytest.approx(-1))

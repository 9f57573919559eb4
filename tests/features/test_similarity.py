"""Whether a network is nearer to one before it than to the random one, on features that are made up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from monai_lungxfer.features.cka import align, make_batches, pair_images
from monai_lungxfer.features.similarity import ALL_LAYERS, Row, compare_with_random
from monai_lungxfer.features.store import save_arrays

PATIENTS = np.arange(60) // 2


def compare(folder: Path, pooled: dict[str, dict[str, np.ndarray]]) -> list[Row]:
    networks = [SimpleNamespace(label=label, weights=None if label == "random" else label) for label in pooled]
    domain = SimpleNamespace(name="cxr", patients=PATIENTS)
    files = {(label, "cxr"): folder / f"{label}.npz" for label in pooled}
    for label, layers in pooled.items():
        save_arrays(files[label, "cxr"], {f"pooled/{name}": values for name, values in layers.items()})
    return list(compare_with_random(networks, [domain], files, 0))  # type: ignore[arg-type]


@pytest.fixture
def pooled() -> dict[str, dict[str, np.ndarray]]:
    """Return layers of which `general` has kept `wide` of the donor, and nothing of `narrow`."""
    rng = np.random.default_rng(0)
    noise = {label: {"wide": rng.normal(size=(60, 8, 4)), "narrow": rng.normal(size=(60, 5, 4))} for label in "drg"}
    kept = {"wide": noise["d"]["wide"] + 0.3 * noise["g"]["wide"], "narrow": noise["g"]["narrow"]}
    return {"donor": noise["d"], "general": kept, "random": noise["r"]}


def test_it_is_a_difference_of_two_similarities(tmp_path: Path, pooled: dict[str, dict[str, np.ndarray]]) -> None:
    wide, narrow, mean = compare(tmp_path, pooled)
    assert [row["layer"] for row in (wide, narrow, mean)] == ["wide", "narrow", ALL_LAYERS]
    assert [row["deepest"] for row in (wide, narrow, mean)] == [True, False, False]
    assert {(row["first"], row["second"]) for row in (wide, narrow, mean)} == {("donor", "general")}
    batches = make_batches(PATIENTS)
    pairs = {label: pair_images(layers["wide"], batches)[None] for label, layers in pooled.items()}
    assert wide["cka"] == pytest.approx(float(align(pairs["donor"], pairs["general"])[0, 0]), abs=1e-5)
    assert wide["random"] == pytest.approx(float(align(pairs["random"], pairs["general"])[0, 0]), abs=1e-5)
    assert wide["nearer"] == pytest.approx(wide["cka"] - wide["random"])
    assert mean["nearer"] == pytest.approx((wide["nearer"] + narrow["nearer"]) / 2)


def test_the_interval_tells_what_was_kept_from_what_was_not(
    tmp_path: Path, pooled: dict[str, dict[str, np.ndarray]]
) -> None:
    wide, narrow, _ = compare(tmp_path, pooled)
    assert 0 < wide["low"] < wide["nearer"] < wide["high"] < 1.5
    assert narrow["low"] < 0 < narrow["high"]


def test_networks_of_other_layers_are_left_out(tmp_path: Path, pooled: dict[str, dict[str, np.ndarray]]) -> None:
    other = {"elsewhere": pooled["general"]["wide"]}
    assert compare(tmp_path, pooled | {"general": other}) == []

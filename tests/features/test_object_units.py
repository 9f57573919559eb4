from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from monai_lungxfer.features.object_units import average_patients, choose_object_units, list_object_units
from monai_lungxfer.features.units import UnitEffects

PATIENTS = np.array([0, 1, 1, 2, 3])  # of more images than have maps
KEPT = SimpleNamespace(
    responses={
        "a": np.array([[1.0, 0], [2, 0], [4, 0], [np.nan, np.nan]], np.float32),
        "b": np.array([[0.0, -3, 1], [0, -3, 1], [0, -3, 1], [np.nan] * 3], np.float32),
    }
)


def test_patients_count_alike() -> None:
    assert average_patients(KEPT.responses["a"], PATIENTS).tolist() == [[1, 0], [3, 0]]


def test_the_largest_changes_are_chosen_up_or_down() -> None:
    assert choose_object_units(KEPT, PATIENTS, 3) == [("b", 1), ("a", 0), ("b", 2)]


def test_rows_have_the_first_unit_of_each_layer_and_its_loss() -> None:
    effects = {"cxr": UnitEffects({}, 0.9, {("b", 1): 0.25})}
    rows = list(list_object_units("net", {"cxr": KEPT}, {"cxr": PATIENTS}, effects))
    assert [(row["layer"], row["unit"], row["drop"], row["chosen"]) for row in rows] == [
        ("a", 0, None, True),
        ("b", 1, 0.25, True),
    ]
    assert rows[0]["response"] == pytest.approx(2)  # of patients, not of images
    assert (rows[0]["low"], rows[0]["high"], rows[0]["patients"]) == (1, 3, 2)
    assert rows[1]["low"] == rows[1]["high"] == -3
    assert rows[1]["layer_mean"] == pytest.approx(4 / 3)

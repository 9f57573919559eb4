"""Numbers in YAML, as people write them."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from monai_lungxfer.utils.yaml_numbers import load_yaml


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        (".5e-2", 0.005),
        ("5.e-1", 0.5),
        ("-2e+1", -20.0),
        ("1.5e2", 150.0),
        ("1_000", 1000),
        ("1_000e1", 10000.0),
        ("1.0e-3", 0.001),
        ("16", 16),
        (".inf", float("inf")),
        ("1e-3x", "1e-3x"),
        ("e5", "e5"),
        (".e5", ".e5"),
        ("1e", "1e"),
        ("'1e-3'", "1e-3"),
        ("2e5a", "2e5a"),
        ("true", True),
        ("[1e-1, x]", [0.1, "x"]),
    ],
)
def test_values(text: str, expected: Any) -> None:
    found = load_yaml(text)
    assert found == expected
    assert type(found) is type(expected)


def test_the_loader_of_others_is_not_changed() -> None:
    assert yaml.safe_load("1e-3") == "1e-3"


def test_code_is_refused() -> None:
    with pytest.raises(yaml.YAMLError):
        load_yaml("!!python/object/apply:os.getcwd []")

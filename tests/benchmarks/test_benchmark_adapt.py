from __future__ import annotations

from benchmark_adapt import divide, sets


def test_no_patient_is_adapted_to_and_measured() -> None:
    records = [{"image": f"{number}.png", "patient": f"p{number % 5}"} for number in range(15)]
    own, others = divide(records, 2, seed=0)
    assert len(own) == len({record["patient"] for record in own}) == 2
    assert len(others) == 9
    assert not {record["patient"] for record in own} & {record["patient"] for record in others}
    assert divide(records, 2, seed=0) == (own, others)


def test_settings_are_options() -> None:
    options = list(sets({"a": [1.0, 0.0], "b": None, "c": "x"}))
    assert options == ["--set", "a=[1.0, 0.0]", "--set", "b=null", "--set", "c=x"]

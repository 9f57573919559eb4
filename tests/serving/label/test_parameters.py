"""Which parameters of a request are refused before MONAI Label, which would end in an error of its own, sees them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from monai_lungxfer.serving.label.parameters import information_reason, rejection_reason, upload_reason

NESTED = "[" * 30 + "]" * 30


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1]",
        "5",
        "null",
        '"text"',
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        f'{{"a": {NESTED}}}',
        f'{{"a": {"9" * 6000}}}',
        '{"a": 1e999}',
        '{"a": 1e300}',
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        json.dumps({str(number): number for number in range(20_000)}),
        '{"model": [1]}',
        '{"label_tag": null}',
        '{"label_tag": ""}',
        json.dumps({"label_tag": "a" * 201}),
        '{"gpus": [0]}',
        '{"max_samples": "x"}',
        '{"max_samples": -1}',
        '{"max_workers": true}',
        '{"images": 5}',
        '{"images": [5]}',
        '{"uncertainty": 5}',
        '{"portable_cxr_lung_segmentation": "x"}',
    ],
)
def test_parameters_of_another_kind(text: str) -> None:
    reason = rejection_reason(text, is_kept=False)
    assert reason
    assert len(reason) < 80


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"result_extension": ".png", "any_view": true, "label_tag": "seen", "device": null}',
        '{"max_samples": 5, "uncertainty": {"max_samples": 6}, "learning_rate": 1e-5}',
        '{"images": ["a", "b"], "client_id": "Müller"}',
    ],
)
def test_what_clients_send(text: str) -> None:
    assert rejection_reason(text, is_kept=True, is_form=True) is None


def test_information_leaves_what_the_server_keeps() -> None:
    """A text in the place of a score would end every later choice of an image."""
    assert information_reason('{"label_info": [{"name": "lungs"}], "colour": "red"}') is None
    for name in ("strategy", "uncertainty_weights", "path"):
        assert "the server itself keeps" in str(information_reason(json.dumps({name: "x"})))
    assert information_reason('{"uncertainty": "x"}')


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"image": "", "file": SimpleNamespace(filename="a.png")}, None),
        ({"image": ""}, "neither an image nor a file"),
        ({"session_id": "x"}, "no sessions"),
        ({"output": "dicom_seg"}, "DICOM SEG"),
        ({"file": SimpleNamespace(filename="a." + "b" * 300)}, "too long"),
        ({"label": SimpleNamespace(filename="a.png")}, "takes no label"),
        ({"image": "a" * 300}, "too long"),
        ({"image": "\ud800"}, "not Unicode"),
        ({"params": '{"label_tag": "final"}'}, "final"),
        ({"params": "{"}, "not JSON"),
    ],
)
def test_forms_of_inferences(changes: dict[str, Any], reason: str | None) -> None:
    form = {"image": "a", "session_id": "", "params": "{}", "file": None, "label": None, "output": None}
    found = upload_reason(form | changes)
    assert found == reason or (reason is not None and reason in str(found))


def test_forms_of_uploads() -> None:
    form = {"image": "a", "params": "{}", "tag": "final", "label": SimpleNamespace(filename="a.png")}
    assert upload_reason(form) is None
    assert "too long" in str(upload_reason(form | {"label": SimpleNamespace(filename="a" * 300)}))
    assert "too long" in str(upload_reason(form | {"tag": "a" * 300}))
    assert "the server itself keeps" in str(upload_reason(form | {"params": '{"strategy": "x"}'}))

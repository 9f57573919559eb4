"""Which requests are refused before MLflow's server reads them, and what becomes of its own errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mlflow.pyfunc import scoring_server

from monai_lungxfer.serving.mlflow.guard import RequestError, guard_server, guarded, read_content

ROWS = {"dataframe_records": [{"image": "a"}] * 3}


def ask(data: bytes, content_type: str | None = "application/json") -> Any:
    """Send a request through MLflow's own parsing, to a model that gives the table back."""

    def answer(content: dict[str, Any], *_: Any) -> Any:
        return scoring_server.infer_and_parse_data(content).to_dict("records")

    return guarded(answer, scoring_server.InvocationsResponse, 5)(data, content_type)


def test_a_request_reaches_the_model() -> None:
    assert ask(json.dumps(ROWS).encode()) == ROWS["dataframe_records"]
    assert ask(json.dumps(ROWS).encode(), "application/json; charset=utf-8") == ROWS["dataframe_records"]


@pytest.mark.parametrize("content_type", [None, "", "text/csv", "application/vnd.apache.parquet", ";"])
def test_other_types(content_type: str | None) -> None:
    answer = ask(json.dumps(ROWS).encode(), content_type)
    assert answer.status == 415
    assert json.loads(answer.response)["message"].startswith("Requests are JSON")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "is not JSON"),
        (b'{"inputs": ' + b"9" * 6000 + b"}", "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b"null", "is not a JSON object"),
        (json.dumps({"dataframe_records": [{}] * 6}).encode(), "6 rows, over 5"),
        (json.dumps({"inputs": {"image": ["a"] * 6}}).encode(), "6 rows, over 5"),
        (json.dumps({"dataframe_split": {"columns": ["image"], "data": [["a"]] * 6}}).encode(), "6 rows, over 5"),
        (json.dumps({"dataframe_split": {"columns": [{}], "data": [["a"]]}}).encode(), "cannot be read: TypeError"),
        (json.dumps({"dataframe_records": 5}).encode(), "must be a list of records"),
        (b"{}", "exactly one of the input fields"),
    ],
)
def test_bad_requests(data: bytes, problem: str) -> None:
    with pytest.raises(RequestError) as refused:
        ask(data)
    assert refused.value.get_http_status_code() == 400
    told = json.loads(refused.value.serialize_as_json())
    assert problem in told["message"]
    assert told.keys() == {"error_code", "message"}  # no stack trace


def test_errors_of_the_machine_stay_its_own() -> None:
    def full(*_: Any) -> Any:
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        guarded(full, scoring_server.InvocationsResponse, 5)(b"{}", "application/json")


def test_only_a_server_is_guarded() -> None:
    before = scoring_server.invocations
    guard_server(5)
    assert scoring_server.invocations is before
    assert read_content(json.dumps(ROWS).encode(), 3) == ROWS

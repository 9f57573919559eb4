"""What stands between a request and MLflow's server, which answers some bad ones with status 500 or a stack trace."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from mlflow import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

_SERVER = "mlflow.pyfunc.scoring_server"
_JSON = "application/json"
_FORMS = "dataframe_records, dataframe_split, inputs or instances"
_OF_READING = (AttributeError, LookupError, OverflowError, RecursionError, TypeError, ValueError)


class RequestError(MlflowException):
    """A request of which nothing can be done; a server answers with status 400 and the message."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem, error_code=INVALID_PARAMETER_VALUE)

    def serialize_as_json(self) -> str:
        """Return what the client is sent: MLflow's server would put the request's table, with its paths, before it."""
        return json.dumps({"error_code": self.error_code, "message": self.problem})


def guard_server(max_rows: int) -> None:
    """Check requests before MLflow's server reads them, when this process is such a server.

    The server loads the model before it makes its application, whose one function for predictions is replaced here.
    """
    if f"{_SERVER}.app" in sys.modules:
        server = sys.modules[_SERVER]
        server.invocations = guarded(server.invocations, server.InvocationsResponse, max_rows)  # type: ignore[attr-defined]


def guarded(answer: Callable[..., Any], response: Callable[..., Any], max_rows: int) -> Callable[..., Any]:
    """Return MLflow's function for predictions with the checks before it.

    Parameters
    ----------
    answer, response : callable
        ``invocations`` and ``InvocationsResponse`` of MLflow's server.
    max_rows : int
        Most rows of a request.
    """

    @wraps(answer)
    def checked(data: bytes, content_type: str | None, *others: Any) -> Any:
        if (content_type or "").partition(";")[0].strip() != _JSON:
            told = {"error_code": "BAD_REQUEST", "message": f"Requests are JSON. Send them as Content-Type: {_JSON}."}
            return response(json.dumps(told), 415, _JSON)
        content = read_content(data, max_rows)
        try:
            return answer(content, content_type, *others)
        except RequestError:
            raise
        except MlflowException as error:  # whose message begins with the table, and which may hold a stack trace
            raise _unreadable(error.message.rpartition("Error: ")[2].strip("' .")) from None
        except _OF_READING as error:  # those of the model are MLflow's already
            raise _unreadable(type(error).__name__) from None

    return checked


def read_content(data: bytes, max_rows: int) -> dict[str, Any]:
    """Read a request, and refuse it when it is no JSON object, or a table of more rows."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):  # more than 4,300 digits, or thousands of levels, among others
        raise RequestError(f"The request is not JSON. Send an object with one of {_FORMS}.") from None
    if not isinstance(content, dict):
        raise RequestError(f"The request is not a JSON object. Send one with one of {_FORMS}.")
    rows = max(map(_count_rows, content.values()), default=0)
    if rows > max_rows:
        raise RequestError(
            f"The request has {rows} rows, over {max_rows}. Send fewer at once, "
            "or let whoever runs the model raise max_rows."
        )
    return content


def _unreadable(reason: str) -> RequestError:
    return RequestError(f"The request cannot be read: {reason}. Send {_FORMS}, as MLflow's documentation describes.")


def _count_rows(table: Any) -> int:
    parts = table.values() if isinstance(table, dict) else [table]
    return max((len(part) for part in parts if isinstance(part, list)), default=0)

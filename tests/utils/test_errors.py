"""What errors say, and what they were raised for."""

from __future__ import annotations

import pickle

from monai_lungxfer.utils.errors import InputFileError, root_cause


def raised(error: Exception, *causes: Exception) -> Exception:
    """Return an error with a chain of causes."""
    first = error
    for cause in causes:
        error.__cause__ = cause
        error = cause
    return first


def test_the_cause_is_the_last_of_the_chain_or_the_first_of_ours() -> None:
    full, ours = OSError("full"), InputFileError("is empty")
    assert root_cause(full) is full
    assert root_cause(raised(RuntimeError("a"), RuntimeError("b"), full)) is full
    assert root_cause(raised(RuntimeError("a"), ours, OSError("under it"))) is ours


def test_an_error_crosses_to_another_process_whole() -> None:
    error = pickle.loads(pickle.dumps(InputFileError("is empty", source="x.png", remedy="Restore it")))
    assert (type(error), str(error)) == (InputFileError, "x.png: is empty. Restore it.")

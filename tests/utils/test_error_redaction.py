"""What is kept of libraries' errors in messages and tracebacks."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from PIL import Image
from pydicom.dataset import Dataset

from monai_lungxfer.utils.error_redaction import (
    LIBRARY_MESSAGES,
    describe_traceback,
    quote_error,
    withhold_texts,
    without_quotes,
)
from monai_lungxfer.utils.errors import InputFileError


def pydicom_error() -> Exception:
    image = Dataset()
    try:
        image.PixelSpacing = "Doe^John"
    except ValueError as error:
        return error
    raise AssertionError("pydicom takes a name for a number")


def test_errors_of_file_code_are_not_quoted() -> None:
    error = pydicom_error()
    assert "Doe" in str(error)
    assert quote_error(error) == "ValueError"
    assert quote_error(ZeroDivisionError("no lungs to divide by")) == "ZeroDivisionError: no lungs to divide by"
    wrapped = RuntimeError("applying transform to Doe^John")
    wrapped.__cause__ = error
    assert quote_error(wrapped) == "RuntimeError"
    assert "Doe" not in describe_traceback(wrapped)


def test_tracebacks_hold_the_texts_of_this_package_alone() -> None:
    try:
        raise InputFileError("is empty", source="Doe^John/1.dcm") from pydicom_error()
    except InputFileError as error:
        told = describe_traceback(error).splitlines()
    assert told[0] == "ValueError, raised at"
    assert "InputFileError: is empty., raised at" in told
    assert not [line for line in told if "Doe" in line or str(Path.home()) in line]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("broken PNG file (chunk b'John')", "broken PNG file (chunk …)"),
        ("could not convert string to float: 'O'Neil'", "could not convert string to float: …"),
        ("magic string \"Doe\" is not valid, nor 'John'", "magic string … is not valid, nor …"),
        ("image file is truncated (12 bytes)", "image file is truncated (12 bytes)"),
    ],
)
def test_quotes_are_left_out(text: str, kept: str) -> None:
    assert without_quotes(text) == kept


@pytest.mark.parametrize(
    "error", [SyntaxError("Doe"), OSError("Doe"), KeyError("Doe"), Image.DecompressionBombError("Doe")]
)
def test_texts_are_taken_away_from_all_that_a_traceback_shows(error: Exception, monkeypatch) -> None:
    outer = RuntimeError("of Doe^John")
    outer.__cause__, error.__context__ = error, pydicom_error()
    monkeypatch.setenv(LIBRARY_MESSAGES, "1")
    withhold_texts(outer)
    assert "Doe^John" in "".join(traceback.format_exception(outer))
    assert quote_error(pydicom_error()) == f"ValueError: {pydicom_error()}"
    monkeypatch.delenv(LIBRARY_MESSAGES)
    withhold_texts(outer)
    shown = [str(one) for one in (outer, error, error.__context__)]
    assert {text.strip("'") for text in shown} == {"text left out"}


def test_texts_of_this_package_and_of_the_system_stay() -> None:
    error = InputFileError("is empty")
    error.__cause__ = FileNotFoundError(2, "No such file or directory")
    withhold_texts(error)
    assert "is empty" in str(error)
    assert "No such file" in str(error.__cause__)

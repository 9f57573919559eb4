"""Errors without what libraries say in them: where files are read, a text can quote a header or a path."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path

from monai_lungxfer.utils.errors import LungXferError

LIBRARY_MESSAGES = "LUNGXFER_LIBRARY_MESSAGES"
"""Environment variable: with the value 1, what libraries say is shown as it is. It can hold patients' names."""

_PACKAGE = __name__.partition(".")[0]
_FOLDER = Path(__file__).parents[1]
_OF_FILES = (
    *("PIL/", "dicomweb_client/", "highdicom/", "itk/", "nibabel/", "pydicom/", "pynetdicom/"),
    *(f"{_PACKAGE}/io/", f"{_PACKAGE}/inference/dicom/"),
)


def shows_library_messages() -> bool:
    """Return whether the user wants to see what libraries say, whatever is in it."""
    return os.environ.get(LIBRARY_MESSAGES) == "1"


def describe_error(error: BaseException) -> str:
    """Name an error and, of this package's own errors, what it says without the file that it is about."""
    name = type(error).__name__
    return f"{name}: {error.without_source}" if isinstance(error, LungXferError) else name


def quote_error(error: BaseException) -> str:
    """Name an error, with its text unless that may be a header's: it was raised where files are read and written."""
    name = type(error).__name__
    return name if may_quote_file(error) else f"{name}: {error}"


def without_quotes(text: str) -> str:
    """Return a library's sentence about a file without what it quotes of it.

    Examples
    --------
    >>> without_quotes("broken PNG file (chunk b'John')")
    'broken PNG file (chunk …)'
    """
    return re.sub(r"""b?(['"]).*\1""", "…", text, flags=re.DOTALL)


def may_quote_file(error: BaseException) -> bool:
    """Return whether an error, or one that it was raised for, comes from code that reads or writes images."""
    if shows_library_messages():
        return False
    frames = (frame for one in _chain(error) for frame in traceback.extract_tb(one.__traceback__))
    return any(name_module(frame.filename).startswith(_OF_FILES) for frame in frames)


def withhold_texts(error: BaseException | None) -> None:
    """Take the texts away from an error of a library, and from those it was raised for: others may show a traceback."""
    if error is None or shows_library_messages():
        return
    for one in _chain(error):
        if isinstance(one, LungXferError) or (isinstance(one, OSError) and one.errno is not None):
            continue
        one.args = ("text left out",)
        if isinstance(one, SyntaxError):  # which Pillow raises
            one.msg = "text left out"


def describe_traceback(error: BaseException) -> str:
    """Return what was raised where, the cause first, without the texts of libraries' errors."""
    lines = []
    for one in reversed(_chain(error)):
        lines.append(f"{describe_error(one)}, raised at")
        frames = traceback.extract_tb(one.__traceback__)
        lines += [f"  {name_module(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames]
    return "\n".join(lines)


def _chain(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    while error not in chain:
        chain.append(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__) or error
    return chain


def name_module(filename: str) -> str:
    """Name a source file below the folder of its library, since the folders above are a user's."""
    parts = Path(filename).parts
    if _FOLDER.name in parts:
        start = len(parts) - 1 - parts[::-1].index(_FOLDER.name)
    elif "site-packages" in parts:
        start = parts.index("site-packages") + 1
    else:
        start = len(parts) - 1
    return "/".join(parts[start:])

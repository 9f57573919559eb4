"""Telling that memory ran out, whichever library says so."""

from __future__ import annotations

import errno
from pathlib import Path

from monai_lungxfer.utils.errors import InputFileError

# Of PyTorch on Linux, macOS and Windows, of CUDA, of C++ libraries, of Python, where a thread needs a stack, and of the
# system's loader, where a library is imported, and of ONNX Runtime.
_SIGNS = (
    *("can't allocate memory", "not enough memory", "out of memory", "bad_alloc", "bad allocation"),
    *("can't start new thread", "failed to map segment", "cannot allocate memory"),
    "failed to allocate memory",
)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Tell whether memory ran out.

    Parameters
    ----------
    error : BaseException or None
        What was raised. MONAI's transforms wrap errors, so those that it was raised for or after count, too.

    Returns
    -------
    bool
        Whether one of them is a `MemoryError`, as NumPy's is, the system's ENOMEM, or a `RuntimeError` or
        `ImportError` that says so.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
            return True
        if isinstance(error, (RuntimeError, ImportError)) and says_out_of_memory(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def says_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error, of whatever class, says in its text that memory ran out."""
    return any(sign in str(error).lower() for sign in _SIGNS)


def too_large(path: Path | None) -> InputFileError:
    """Return the error of a radiograph that does not fit into memory."""
    return InputFileError(
        "does not fit into memory",
        source=path,
        remedy="Scale the radiograph down, or use a machine with more memory",
    )

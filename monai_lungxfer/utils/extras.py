"""Packages of the extras, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from monai_lungxfer.utils.errors import LungXferError

__all__ = ["import_extra"]


def import_extra(name: str, extra: str = "dicom") -> ModuleType:
    """Import a module that an extra brings: the core must work without it.

    Raises
    ------
    LungXferError
        When it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise LungXferError(
            f"the package {name.partition('.')[0]} is needed for this and is not installed",
            remedy=f'Run: pip install "monai_lungxfer[{extra}]"',
        ) from error

"""What is told to others of a file or a plan: never a path, of which any part may be somebody's name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai_lungxfer.bundle.references import NAMED_WEIGHTS, NO_WEIGHTS, REGISTERED, names_weights, resolve_weights
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.files import hash_file

PATH = "(a path)"
"""Stands for every path."""

_FOLDERS = ("data", "out")
_PLACES = ("_dir", "_file", "_root", "_uri", "path")  # ends of settings that hold one
_QUOTED_PATH = re.compile(r"""(["'])(?:(?!\1).)*[/\\]""")
_WEIGHTS = ("donor", "general")


def redact_weights(reference: str | Path | None) -> str:
    """Return what weights, named as for `names_weights`, may be called in MLflow and reports.

    That is a name (`monai_lungxfer.bundle.references.NAMED_WEIGHTS`) or a registered model's URI, as it is; of a file
    its SHA-256 (12 digits).
    """
    if not names_weights(reference):
        return NO_WEIGHTS
    if _is_name(str(reference)):
        return str(reference)
    try:
        return f"file {hash_file(resolve_weights(reference))[:12]}"
    except LungXferError:
        return PATH  # whoever loads them says what is wrong


def _is_name(reference: str) -> bool:
    return reference.startswith(REGISTERED) or reference in NAMED_WEIGHTS


def redact_paths(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return a study's plan, or a part of it, with `PATH` for every path, in expressions as well.

    Examples
    --------
    >>> redact_paths({"data": "Smith", "seed": 0, "stages": {"general": {"settings": {"spill_dir": "/home/smith"}}}})
    {'data': '(a path)', 'seed': 0, 'stages': {'general': {'settings': {'spill_dir': '(a path)'}}}}
    """
    told = {key: _without_paths(value) for key, value in plan.items()}
    told |= dict.fromkeys((key for key in _FOLDERS if key in plan), PATH)
    for key in _WEIGHTS:
        if plan.get(key) is not None:
            told[key] = plan[key] if _is_name(str(plan[key])) else PATH
    return told


def redact_configuration(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a training as they were parsed, with `PATH` for every path, and weights by name or hash.

    Expressions stay, unless a text in them is a path. Objects that a program put in become texts.

    Examples
    --------
    >>> redact_configuration({"dataset_dir": "Smith", "parent": None, "size": "$@batch // 2", "f": "$@out + '/x'"})
    {'dataset_dir': '(a path)', 'parent': 'none', 'size': '$@batch // 2', 'f': '(a path)'}
    """
    told = {key: _told(key, value) for key, value in config.items() if key != "_meta_"}  # the metadata.json
    weights = {
        key: redact_weights(config[key]) for key in ("parent", "weights") if not _is_reference(config.get(key, "$"))
    }
    return told | weights


def _told(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _told(str(name), item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_told(key, item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    if _is_reference(text):
        return PATH if _QUOTED_PATH.search(text) else text
    return PATH if key.endswith(_PLACES) and text else _without_paths(text)


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("$", "@", "%"))


def _without_paths(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_paths(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_paths(item) for item in value]
    if isinstance(value, str) and re.search(r"[/\\]", value) and not value.startswith(REGISTERED):
        return PATH
    return value

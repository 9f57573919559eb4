"""What the names, numbers and JSON of a request may be, so that MONAI Label meets nothing that it does not expect."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import unquote

from monai_lungxfer.bundle.stages import STAGES

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
"""A line's end hides from the "$" of routes."""

_LONGEST_NAME = 200  # bytes; file systems take 255, with a suffix and what a temporary file adds
_MOST_TEXT = 100_000  # characters: MONAI Label hands them to the process of a task as one argument
_DEEPEST = 20  # levels; copying what is deeper ends in a RecursionError
_LARGEST = 1e15

_TEXTS = ("client_id", "device", "gpus", "image", "label_tag", "logging", "method", "model", "strategy")
_COUNTS = ("max_batch_size", "max_samples", "max_workers")
_OBJECTS = (*(stage.bundle for stage in STAGES.values()), "uncertainty")  # of one model or one method alone
_KEPT = frozenset(("name", "path", "strategy", "ts", "uncertainty", "uncertainty_weights"))


def escapes_folder(text: str) -> bool:
    """Tell whether an id, a name or a tag could lead out of the folder that it is looked up in."""
    plain, last = unquote(text), text
    while plain != last:  # "%252e" is decoded twice on its way to a DICOMweb server
        plain, last = unquote(plain), plain
    parts = re.split(r"[/\\]", plain)
    return len(parts) > 1 or ".." in parts or CONTROL.search(plain) is not None or plain.startswith((".", "~"))


def is_name(text: str) -> bool:
    """Tell whether a file can have this name: neither too long, nor half of a Unicode character."""
    try:
        return len(text.encode()) <= _LONGEST_NAME
    except UnicodeEncodeError:
        return False


def rejection_reason(parameters: str | bytes, *, is_kept: bool, is_form: bool = False) -> str | None:
    """Tell why parameters of a request, which are JSON or nothing, are refused, or return None.

    When `is_kept`, a result may be kept as a label, but not as a final one, which annotators have drawn. When
    `is_form`, they are a field of a form, where a suffix such as ".png" is none of a hidden file.
    """
    try:
        content = json.loads(parameters) if parameters.strip() else {}
        length = len(json.dumps(content, allow_nan=False))  # NaN is no JSON, and no answer that holds it could be sent
    except (ValueError, RecursionError):
        return "the parameters are not JSON"
    if not isinstance(content, dict):
        return "the parameters are not a JSON object"
    values = _nested(content)
    if values is None or length > _MOST_TEXT:
        return "the parameters are too many, too long or too deep"
    return _wrong_kind(values) or _wrong_value(values, is_kept=is_kept, is_form=is_form)


def information_reason(parameters: str | bytes) -> str | None:
    """Tell why the information that comes with an image or a label is refused, or return None."""
    reason = rejection_reason(parameters, is_kept=False, is_form=True)
    if reason is None and parameters.strip() and _KEPT & json.loads(parameters).keys():
        return f"the server itself keeps {', '.join(sorted(_KEPT))} of an image; choose other names"
    return reason


def upload_reason(given: Mapping[str, Any]) -> str | None:
    """Tell why a form is refused, by the arguments of MONAI Label's function that handles it, or return None."""
    if "session_id" in given and given["label"] is not None:
        return "an inference takes no label"  # MONAI Label would open the image with other readers than this package's
    files = [each for each in (given.get("file"), given.get("label")) if each]
    names = [str(each.filename or "") for each in files] + [str(given.get(name) or "") for name in ("image", "tag")]
    if not all(map(is_name, names)):
        return "an id or a file's name is too long, or is not Unicode"
    if "session_id" not in given:
        return information_reason(given["params"] or "")
    if given["session_id"]:
        return "there are no sessions here; name an image, or send a file"
    if not given["image"] and not given["file"]:
        return "neither an image nor a file is given"
    if given["output"] == "dicom_seg":
        return "masks are not given as DICOM SEG here; lungxfer predict writes them"
    return rejection_reason(given["params"] or "", is_kept=True, is_form=True)


def _nested(content: dict[str, Any]) -> list[Any] | None:
    """Return a value of JSON with all that it holds, keys too, or None when it is too deep."""
    found: list[Any] = [content]
    level: list[Any] = [content]
    for _ in range(_DEEPEST):
        parts = [[*each, *each.values()] if isinstance(each, dict) else each for each in level]
        level = [value for part in parts if isinstance(part, list) for value in part]
        found += level
        if not level:
            return found
    return None


def _wrong_kind(values: Collection[Any]) -> str | None:
    for name, value in ((name, value) for each in values if isinstance(each, dict) for name, value in each.items()):
        if name in _TEXTS and not isinstance(value, str) and (value is not None or name == "label_tag"):
            return f"{name} is not a text"
        if name in _COUNTS and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            return f"{name} is no count"
        if name in _OBJECTS and not isinstance(value, dict):
            return f"{name} holds no parameters"
        if name == "label_tag" and (not value or not is_name(value)):
            return "label_tag is no name"
        if name == "images" and not _is_of_texts(value):
            return "images is neither a text nor a list of texts"
    return None


def _is_of_texts(value: Any) -> bool:
    return all(isinstance(each, str) for each in (value if isinstance(value, list) else [value]))


def _wrong_value(values: Collection[Any], *, is_kept: bool, is_form: bool) -> str | None:
    for value in values:
        if isinstance(value, dict) and "bundle_path" in value:  # MONAI Label would run code from there
            return "bundle_path is no parameter of this server"
        if is_kept and isinstance(value, dict) and str(value.get("label_tag")).casefold() == "final":
            return "results are not kept as final labels; choose another label_tag"
        # MONAI evaluates what begins with "$" in configurations.
        if isinstance(value, str) and (value.startswith("$") or (not is_form and escapes_folder(value))):
            return "a value in the parameters is a path or an expression"
        if isinstance(value, str) and not value.isascii() and not _is_unicode(value):
            return "a text in the parameters is not Unicode"
        if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) < _LARGEST):
            return "a number in the parameters is too large"
    return None


def _is_unicode(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False

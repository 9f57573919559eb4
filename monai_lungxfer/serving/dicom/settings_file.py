"""The file of a DICOM node's settings: read, checked as a whole, and every fault told with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from monai_lungxfer.bundle.references import absolute_reference
from monai_lungxfer.serving.dicom.settings import (
    DicomDestination,
    DicomwebDestination,
    FolderDestination,
    NodeSettings,
)
from monai_lungxfer.serving.dicom.settings_rules import SettingsFault, find_contradictions, name_key
from monai_lungxfer.serving.dicom.toml_lines import Place, find_lines
from monai_lungxfer.utils.errors import LungXferError, unknown

REMEDY = "Correct it; every setting is explained in the example: lungxfer serve dicom --example"

Given = Mapping[tuple[str, str], Any]
"""Values of settings by table and key."""

_SWITCHES = ("listen", "status")
"""Tables that `false` in their place switches off, since TOML has no value for nothing."""

_SQLITE = "sqlite:///"
_SAID = {
    "missing": "is missing; add it",
    "destination": "must have an entry for each place that results go to, as in [[destination]]",
    "model_type": "must be a table of settings, as in [{name}]",
    "model_attributes_type": "must be a table of settings, as in [[{name}]]",
    "tuple_type": "must be a list, as in [1, 2]",
    "path_type": "must be a path in quotes",
    "string_type": "must be a text in quotes",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "ip_v4_network": 'must be an address or a network, as in "10.1.2.0/24"',
    "union_tag_not_found": 'has no kind; add kind = "dicom", "dicomweb" or "folder"',
    "union_tag_invalid": 'has a kind that is unknown; use "dicom", "dicomweb" or "folder"',
}
_PATTERNS = {
    "ae_title": "must be 1 to 16 ASCII characters, not all blank, without backslash",
    "callers": "must be 1 to 16 ASCII characters, not all blank, without backslash",
    "name": "must be 1 to 32 letters, digits, - or _",
}


def example_text() -> str:
    """Return the example, in which every setting stands with its default and what it is for."""
    return (files("monai_lungxfer.serving.dicom") / "example.toml").read_text(encoding="utf-8")


def load_settings(path: str | Path, given: Given | None = None) -> NodeSettings:
    """Read the settings of a node.

    Parameters
    ----------
    path : str or pathlib.Path
        A TOML file, see `example_text`. Relative paths in it are relative to its folder.
    given : mapping, optional
        Values that count instead of those in the file, by table and key: ``{("watch", "folder"): "/inbox"}``.

    Raises
    ------
    LungXferError
        When the file cannot be read, is not TOML, or something in it is wrong: all faults at once, each with its line.
    """
    path = Path(path).expanduser()
    text = _read(path)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LungXferError(f"this is not TOML: {error}", source=path, remedy=REMEDY) from None
    given = given or {}
    for (table, key), value in given.items():
        if isinstance(found := content.setdefault(table, {}), dict):
            found[key] = value
    faults: list[SettingsFault] = []
    settings = None
    try:
        settings = NodeSettings.model_validate(content | {n: None for n in _SWITCHES if content.get(n) is False})
    except ValidationError as error:
        faults = list(_faults(error, content))
    else:
        settings = _absolute(settings, path.absolute().parent)
        faults = list(find_contradictions(settings))
    if faults or settings is None:
        raise _error(path, text, faults, given)
    return settings


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise LungXferError(
            f"the settings cannot be read ({error.strerror})",
            source=path,
            remedy="Make a file of settings: lungxfer serve dicom --example > node.toml",
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise LungXferError(
            f"line {line} is not UTF-8", source=path, remedy="Save the file in UTF-8, as TOML asks for"
        ) from None


def _error(path: Path, text: str, faults: list[SettingsFault], given: Given) -> LungXferError:
    lines = find_lines(text)
    told = sorted((_line(fault.place, lines), name_key(fault.place), fault.words) for fault in faults)
    options = {name_key(place) for place in given}
    rows = [
        f"{key}, an option, {words}" if key in options else f"{path.name}:{line}: {key} {words}"
        for line, key, words in told
    ]
    count = "1 fault" if len(rows) == 1 else f"{len(rows)} faults"
    return LungXferError("\n".join([f"{count} in the settings", *rows]), source=path, remedy=REMEDY)


def _line(place: Place, lines: Mapping[Place, int]) -> int:
    """Return the line of a key, or of the table that it should stand in."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _faults(error: ValidationError, content: Mapping[str, Any]) -> Iterator[SettingsFault]:
    seen = set()
    for one in error.errors():
        place = _place(one["loc"], content, missing=one["type"] == "missing")
        if one["type"] == "too_short" and one["input"]:  # it counts only entries that are right
            continue
        if place not in seen:  # of a union, each member complains
            seen.add(place)
            yield SettingsFault(place, _describe(dict(one), place, content))


def _place(loc: tuple[str | int, ...], content: Any, *, missing: bool) -> Place:
    """Return where pydantic stumbled, without the members of unions that it puts in between."""
    if loc[:1] == ("destination",) and len(loc) > 2:
        loc = (*loc[:2], *loc[3:])  # the kind, which may be the name of a key, too
    place: Place = ()
    node = content
    for number, part in enumerate(loc, start=1):
        if (isinstance(node, dict) and part in node) or (isinstance(node, list) and isinstance(part, int)):
            place, node = (*place, part), node[part]  # type: ignore[index]
        elif missing and number == len(loc):
            place = (*place, part)
    return place


def _describe(one: dict[str, Any], place: Place, content: Mapping[str, Any]) -> str:
    kind, name = one["type"], str(place[-1]) if place else ""
    if kind == "extra_forbidden":
        _, _, known = unknown(name, _known(place[:-1], content)).partition("; ")
        return f"is unknown; {known}{'' if known.endswith('?') else '.'} Rename or remove it"
    is_told = isinstance(one["input"], (str, int, float)) and kind != "missing"
    found = f", but is {one['input']!r}" if is_told else ""
    if place == ("destination",):
        kind = "destination"
    if kind in ("string_pattern_mismatch", "string_too_long"):
        words = next((said for key, said in _PATTERNS.items() if key in place), "has characters that are not allowed")
        return f"{words}{found}"
    said = _SAID.get(kind) or re.sub(r"^Input should be", "must be", one["msg"])
    return f"{said.format(name=name)}{found}"


def _known(place: Place, content: Any) -> list[str]:
    """Return the keys that a table may have; that of a destination follows from its kind."""
    model: Any = NodeSettings  # a class of settings
    node = content
    for part in place:
        node = node[part]
        if part == "destination":
            continue
        if isinstance(part, int):
            kinds = {"dicom": DicomDestination, "dicomweb": DicomwebDestination, "folder": FolderDestination}
            model = kinds[node["kind"]]
            continue
        annotation = model.model_fields[str(part)].annotation
        model = next(kind for kind in (annotation, *get_args(annotation)) if _is_table(kind))
    return list(model.model_fields)


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _absolute(value: Any, folder: Path) -> Any:
    """Make every path in the settings absolute, and the references to weights and databases that are paths."""
    if isinstance(value, Path):
        return folder / value.expanduser()
    if isinstance(value, tuple):
        return tuple(_absolute(item, folder) for item in value)
    if not isinstance(value, BaseModel):
        return value
    changed = {name: _absolute(item, folder) for name, item in value}
    for name in ("bundle", "weights"):
        if isinstance(text := changed.get(name), str) and (folder / Path(text).expanduser()).exists():
            changed[name] = absolute_reference(text, folder)
    uri = changed.get("tracking_uri")
    if isinstance(uri, str) and uri.startswith(_SQLITE) and not uri.startswith(f"{_SQLITE}/"):
        changed["tracking_uri"] = f"{_SQLITE}{folder / uri.removeprefix(_SQLITE)}"
    return value.model_copy(update=changed)

"""Settings of bundles: read from files, checked, and handed to MONAI's parser so that every value arrives whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from monai.config import PathLike
from monai.utils.misc import CheckKeyDuplicatesYamlLoader

from monai_lungxfer.utils.errors import BundleError
from monai_lungxfer.utils.yaml_numbers import NumbersLoader, load_yaml

_READ_BY_MONAI = re.compile("[#@%$]")
_EXPRESSION = ("$", "@", "%")


class PlainText(str):
    """A text that stands for itself in a setting, such as a name that a user gave, whatever it begins with."""

    __slots__ = ()


class _ConfigLoader(CheckKeyDuplicatesYamlLoader, NumbersLoader):
    """MONAI's loader, which looks for keys that are given twice, with numbers as people write them."""


class SettingsParser(ConfigParser):
    """MONAI's parser, which reads numbers in YAML files as `load_yaml` does."""

    @classmethod
    def load_config_file(cls, filepath: PathLike, **kwargs: Any) -> dict[str, Any]:
        """Return the content of a configuration file."""
        if Path(filepath).suffix.lower() not in (".yaml", ".yml"):
            return super().load_config_file(filepath, **kwargs)
        with Path(filepath).open(encoding="utf-8") as file:
            return load_yaml(file, _ConfigLoader)


def is_expression(value: Any) -> bool:
    """Tell whether MONAI evaluates a value: Python behind ``$``, a reference behind ``@``, a macro behind ``%``."""
    return isinstance(value, str) and not isinstance(value, PlainText) and value.startswith(_EXPRESSION)


def for_parser(value: Any) -> Any:
    r"""Return a setting in the form in which MONAI's parser takes it whole.

    In every text, the parser turns ``#`` into ``::``, and looks for references and macros. A path, a `PlainText` and
    any text that `is_expression` denies stand for themselves: where they hold such a character, they become an
    expression that spells it by its number. Lists and mappings are gone through.

    Examples
    --------
    >>> for_parser(["run#B", PlainText("$x"), "$1 + @a#b", "plain", 0.5])
    ["$'run\\x23B'", "$'\\x24x'", '$1 + @a#b', 'plain', 0.5]
    """
    if isinstance(value, Mapping):
        return {key: for_parser(item) for key, item in value.items()}
    if isinstance(value, list):
        return [for_parser(item) for item in value]
    if not isinstance(value, (str, Path)) or is_expression(value):
        return value
    text = str(value)
    if not _READ_BY_MONAI.search(text):
        return text
    return "$" + _READ_BY_MONAI.sub(lambda found: f"\\x{ord(found[0]):02x}", repr(text))


def fit_setting(name: str, value: Any, default: Any) -> Any:
    """Return a value of the kind that a setting has in its file.

    Raises
    ------
    BundleError
        When the default is a number or a truth value, and the value is neither that nor an expression.
    """
    if value is None or is_expression(value) or not isinstance(default, (bool, int, float)):
        return value
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(default, bool):
        wanted, fits = "true or false", isinstance(value, bool)
    elif isinstance(default, int):
        wanted, fits = "a whole number", number and float(value).is_integer()
        value = int(value) if fits else value
    else:
        wanted, fits = "a number", number
    if not fits:
        raise BundleError(f"{name} would be {value!r}, not {wanted}", remedy="Correct the setting, or leave it out")
    return value

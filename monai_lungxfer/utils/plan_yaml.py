"""Reading a plan: a YAML file of keys with values, each given once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from monai_lungxfer.utils.errors import PlanError
from monai_lungxfer.utils.yaml_numbers import NumbersLoader


def load_plan_file(path: Path, remedy: str = "Write one with: lungxfer study plan") -> dict[Any, Any]:
    """Return what a plan's file holds, not yet checked.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    remedy : str
        How a user gets a file that can be read.

    Raises
    ------
    PlanError
        When it is missing, is not YAML or holds no keys, or when a key is given twice.
    """
    try:
        content = _Loader(path).get_single_data()
    except (OSError, ValueError, OverflowError, RecursionError, yaml.YAMLError) as error:
        raise PlanError(f"cannot be read as a plan ({error})", source=path, remedy=remedy) from error
    if not isinstance(content, dict):
        raise PlanError("holds no keys with values", source=path, remedy=remedy)
    return content


class _Loader(NumbersLoader):
    """Refuses a key that is given twice in a mapping; PyYAML would take the last."""

    def __init__(self, path: Path) -> None:
        super().__init__(path.read_text(encoding="utf-8"))
        self._path = path

    # Not where mappings are constructed: keys of other mappings (<<) are merged into them there.
    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        found: dict[tuple[str, str], yaml.ScalarNode] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            first = found.setdefault((key.tag, key.value), key)
            if first is not key:
                lines = f"lines {first.start_mark.line + 1} and {key.start_mark.line + 1}"
                raise PlanError(
                    f"the key {key.value!r} is there twice, in {lines}",
                    source=self._path,
                    remedy="Keep one of the two",
                )
        return node

"""The file of a plan: YAML in which every key stands once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from monai_lungxfer.utils.errors import PlanError

__all__ = ["load_plan_file"]

_REMEDY = "Write one with: lungxfer study plan"


def load_plan_file(path: Path) -> dict[Any, Any]:
    """Return what a plan's file holds, not yet checked.

    Raises
    ------
    PlanError
        When it is missing, is not YAML or holds no keys, or when a key stands there twice.
    """
    try:
        content = _Loader(path).get_single_data()
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PlanError(f"cannot be read as a plan ({error})", source=path, remedy=_REMEDY) from error
    if not isinstance(content, dict):
        raise PlanError("holds no keys with values", source=path, remedy=_REMEDY)
    return content


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, of which PyYAML would take the last."""

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
                    f"the key {key.value!r} stands there twice, in {lines}",
                    source=self._path,
                    remedy="Keep one of the two",
                )
        return node

"""What a bundle's configurations name in Python: only what is there, of packages that the bundle asks for."""

from __future__ import annotations

import ast
import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path
from pydoc import ErrorDuringImport, locate
from typing import Any

from monai.bundle.config_item import ComponentLocator, ConfigExpression

from monai_lungxfer.bundle.files import METADATA, bundle_metadata
from monai_lungxfer.checks.bundle.configs import expression_tree, read_config, strings_in
from monai_lungxfer.checks.bundle.metadata import required_packages
from monai_lungxfer.utils.errors import BundleError

_GLOBALS = {"monai": "monai", "torch": "torch", "np": "numpy"}
"""What MONAI's parser has imported for every expression."""


def check_packages(bundle: Path, _scratch: Path) -> str:
    """Check that every target, import and dotted name is in a package that the bundle asks for. Nothing is imported."""
    allowed = _imported_names(required_packages(bundle_metadata(bundle)))
    used = set()
    for name, path, file, is_target in _names(bundle):
        package = name.partition(".")[0]
        if package not in (allowed if is_target else allowed | sys.stdlib_module_names):
            raise BundleError(
                f"{path} names {name}, and {package} is not a package that the bundle asks for",
                source=file,
                remedy=f"Add its distribution to required_packages_version in {METADATA.as_posix()}, or use another",
            )
        used.add(package)
    return ", ".join(sorted(used))


def check_targets(bundle: Path, _scratch: Path) -> str:
    """Check that every target, import and dotted name is there. The modules are imported for that."""
    names = {_found(name, path, file) for name, path, file, _ in _names(bundle)}
    components = ComponentLocator()
    for file in _configs(bundle):
        for path, target in _targets(read_config(file)):
            if "." not in target:
                names.add(_found_component(target, path, file, components))
    return f"{len(names)} names, all known"


def _configs(bundle: Path) -> list[Path]:
    return sorted((bundle / "configs").glob("*.yaml"))


def _names(bundle: Path) -> Iterator[tuple[str, str, Path, bool]]:
    """Yield each dotted target, and each import and dotted name of an expression: its place, and whether a target."""
    for file in _configs(bundle):
        config = read_config(file)
        yield from ((target, path, file, True) for path, target in _targets(config) if "." in target)
        yield from ((name, path, file, False) for path, name in _names_in_expressions(config, file))


def _imported_names(packages: dict[str, str]) -> set[str]:
    """Return the names under which distributions are imported."""
    wanted = {_normal(name) for name in packages}
    provided = importlib.metadata.packages_distributions()
    found = {module for module, names in provided.items() if wanted & {_normal(name) for name in names}}
    return found | {"monai_lungxfer"}  # a source tree is no distribution


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")


def _targets(config: Any) -> Iterator[tuple[str, str]]:
    return ((path, text) for path, text in strings_in(config) if path.rpartition("#")[2] == "_target_")


def _found_component(target: str, path: str, file: Path, components: ComponentLocator) -> str:
    modules = components.get_component_module_name(target)
    if not isinstance(modules, str):
        problem = "is no component of MONAI" if modules is None else f"is in several modules ({', '.join(modules)})"
        raise _unknown(target, path, file, problem)
    return f"{modules}.{target}"


def _names_in_expressions(config: dict[str, Any], file: Path) -> Iterator[tuple[str, str]]:
    """Yield where, and which modules and dotted names below them the expressions of a file use."""
    trees = [
        (path, expression_tree(text, path, file))
        for path, text in strings_in(config)
        if ConfigExpression.is_expression(text)
    ]
    roots = dict(_GLOBALS)
    for path, tree in trees:
        for node in ast.walk(tree):
            for alias in node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else ():
                module = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
                yield path, module
                own_name = alias.asname or (alias.name if isinstance(node, ast.ImportFrom) else module.split(".")[0])
                roots[own_name] = module if alias.asname or isinstance(node, ast.ImportFrom) else own_name
    for path, tree in trees:
        yield from ((path, name) for name in _dotted(tree, roots))


def _dotted(tree: ast.AST, roots: dict[str, str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            parts, inner = [node.attr], node.value
            while isinstance(inner, ast.Attribute):
                parts, inner = [inner.attr, *parts], inner.value
            if isinstance(inner, ast.Name) and inner.id in roots:
                yield ".".join([roots[inner.id], *parts])


def _found(name: str, path: str, file: Path) -> str:
    try:
        found = locate(name)
    except ErrorDuringImport as error:
        raise _unknown(name, path, file, f"cannot be imported ({error})") from error
    if found is None:
        raise _unknown(name, path, file, "is not there")
    return name


def _unknown(name: str, path: str, file: Path, problem: str) -> BundleError:
    return BundleError(f"{path} names {name}, which {problem}", source=file, remedy="Correct the name")

"""House rules on modules and names, see CONTRIBUTING.md."""

from __future__ import annotations

import ast
from collections import Counter
from importlib import import_module

import pytest
from source_tree import REPOSITORY

PACKAGE = REPOSITORY / "monai_lungxfer"
MODULES = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(text) for name, text in MODULES.items()}
ROOMS = [name for name in MODULES if name.endswith("__init__.py")]

LONGEST, SHORTEST = 250, 40  # lines of a module

SHORT = {
    "data/public/hannover.py": "each data set has a module of its own, see the table in adapters.py",
    "data/public/lgg.py": "each data set has a module of its own, see the table in adapters.py",
    "io/monai_writer.py": "imports MONAI, which io/mask_writer.py must do without",
    "study/execution/measured_stages.py": "shared by begin.py and measuring.py, which would import each other",
    "inference/open_settings.py": "shared by config.py, which imports MONAI, and the engines, which must do without",
    "serving/mlflow/model_code.py": "MLflow runs this file to load the model",
    "utils/exit_codes.py": "shared by the command line and the servers; imports nothing heavy",
    "utils/telemetry.py": "is imported before all else; imports nothing heavy",
}
"""Modules under 40 lines, with the reason why each stays alone."""


def test_the_root_holds_rooms_alone() -> None:
    assert [name for name in MODULES if "/" not in name] == ["__init__.py"]


def test_no_module_is_too_long() -> None:
    assert not {name for name, text in MODULES.items() if text.count("\n") > LONGEST}


def test_short_modules_have_a_reason() -> None:
    short = {name for name, text in MODULES.items() if text.count("\n") < SHORTEST} - set(ROOMS)
    assert short <= set(SHORT)
    assert set(SHORT) <= set(MODULES), "the list names modules that are gone"


def test_class_names_are_unique() -> None:
    classes = Counter(node.name for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    assert not [name for name, count in classes.items() if count > 1]


def test_functions_are_named_by_verbs() -> None:
    functions = {
        f"{name}: {node.name}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.endswith("_of")
    }
    assert not functions


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_says_what_is_in_it(name: str) -> None:
    docstring = ast.get_docstring(TREES[name])
    assert docstring
    assert docstring.splitlines()[0].endswith(".")


@pytest.mark.parametrize("name", [name for name in ROOMS if (PACKAGE / name).with_suffix(".pyi").is_file()])
def test_every_public_name_of_a_room_is_found(name: str) -> None:
    room = import_module(".".join(("monai_lungxfer", *name.split("/")[:-1])))
    stub = ast.parse((PACKAGE / name).with_suffix(".pyi").read_text())
    names = {
        alias.asname or alias.name for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert names
    assert not {public for public in names if not hasattr(room, public)}

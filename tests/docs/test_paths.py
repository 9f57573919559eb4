"""What pages, configurations and docstrings name exists: files, links, options of scripts, and dotted names."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from source_tree import REPOSITORY

if not (REPOSITORY / ".git").exists():
    pytest.skip("the tests run without the repository", allow_module_level=True)

PATH = re.compile(r"(?<![\w/.~-])(?:scripts|benchmarks|findings|tests|deploy|docs|monai_lungxfer)/[\w./-]*\w")
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMAND = re.compile(r"python ((?:scripts|benchmarks|docs/generate)/[\w./-]+\.py)((?:[^`\n\\]|\\\n)*)")
DOTTED = re.compile(r"(?<![\w./-])monai_lungxfer(?:\.[A-Za-z_]\w*)+(?![\w/-])")
INSTALLED = "monai_lungxfer.bundles"  # a folder of the wheel alone


@cache
def tracked(*patterns: str) -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
    found = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True, text=True).stdout
    return [name for name in found.rstrip("\0").split("\0") if (REPOSITORY / name).is_file()]


PAGES = tracked("*.md")


def slugs(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.*?) *$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_paths_exist(name: str) -> None:
    """From the top of the repository or of a bundle; results may be named by how their files begin."""
    roots = (REPOSITORY, *(REPOSITORY / "bundles").iterdir())
    for path in PATH.findall((REPOSITORY / name).read_text()):
        result = "*" if path.startswith("docs/results/") else ""
        assert any(list(root.glob(path + result)) for root in roots), path


@pytest.mark.parametrize("name", PAGES)
def test_relative_links_lead_somewhere(name: str) -> None:
    page = REPOSITORY / name
    for link in LINK.findall(page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in slugs(target), link


@pytest.mark.parametrize("name", [*PAGES, *tracked("scripts/*.py", "benchmarks/*.py", "docs/generate/*.py")])
def test_scripts_have_the_options_that_commands_give_them(name: str) -> None:
    for script, words in COMMAND.findall((REPOSITORY / name).read_text()):
        source = (REPOSITORY / script).read_text()
        for module in re.findall(r"^from (\w+) import", source, flags=re.MULTILINE):  # which may read the options
            shared = (REPOSITORY / script).with_name(f"{module}.py")
            source += shared.read_text() if shared.is_file() else ""
        assert not {option for option in re.findall(r"--[a-z][\w-]*", words) if f'"{option}"' not in source}, script


def texts(name: str) -> Iterator[str]:
    """Yield what a file says: all of it, or the strings of Python code, docstrings among them."""
    text = (REPOSITORY / name).read_text()
    if not name.endswith(".py"):
        yield text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def names_in(body: Path) -> frozenset[str]:
    """Return the names that a module defines or imports, without importing it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(body.read_text())):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                names.add(node.name)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.Attribute(ctx=ast.Store()):
                names.add(node.attr)
            case ast.alias():
                names.add(node.asname or node.name)
    return frozenset(names)


def exists(dotted: str) -> bool:
    """Tell whether a dotted name is a module or is in one: a class, a function, or an attribute of a class."""
    path = REPOSITORY
    parts = dotted.split(".")
    for number, part in enumerate(parts):
        path = path / part
        if path.with_suffix(".py").is_file():
            return set(parts[number + 1 :]) <= names_in(path.with_suffix(".py"))
        if not path.is_dir():
            found = [file for file in path.parent.glob("__init__.py*") if file.suffix in (".py", ".pyi")]
            return part in frozenset().union(*map(names_in, found))
    return (path / "__init__.py").is_file()


FILES = tracked("*.md", "*.yaml", "*.yml", "*.json", "*.cfg", "*.toml", "*.py", ".importlinter")


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("tests/")])
def test_dotted_names_resolve(name: str) -> None:
    named = {dotted for text in texts(name) for dotted in DOTTED.findall(text)}
    assert not {dotted for dotted in named if not dotted.startswith(INSTALLED) and not exists(dotted)}


def test_a_name_that_does_not_exist_is_found() -> None:
    assert exists("monai_lungxfer.io.monai_readers.RadiographReader.read")
    assert not exists("monai_lungxfer.reader")
    assert not exists("monai_lungxfer.io.radiograph.RadiographWriter")
    assert DOTTED.findall("see `monai_lungxfer.network.UNet`") == ["monai_lungxfer.network.UNet"]

"""Pages of the site that come from code: the Python API, the command line, and the settings of every bundle.

    python docs/generate/site_pages.py

Sphinx calls this before it reads the pages; git ignores what it writes to `docs/reference/generated/`.
"""

from __future__ import annotations

import ast
import html
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from markdown_tables import markdown
from site_links import GENERATED, ROOT, link_within_site, outside_pages

__all__ = ["api_pages", "command_pages", "settings_page", "write_pages"]

_PACKAGE = ROOT / "monai_lungxfer"
_CONFIGS = ("inference", "train", "train_best", "evaluate")
_SETTING = re.compile(r"""([a-z]\w*): ("(?:[^"\\]|\\.)*"|[^#\s"][^#]*?|\[[^\]]*\])\s*(?:#\s*(.*))?""")


def write_pages() -> None:
    """Write every page that has changed, and remove those that are no longer made."""
    pages = {**api_pages(), **command_pages()}
    for source, name in outside_pages().items():
        text = link_within_site(source.read_text(encoding="utf-8"), source, GENERATED / f"{name}.md")
        if (source.parents[1] / "configs").is_dir():
            text += settings_page(source.parents[1])
        pages[f"{name}.md"] = text
    for old in GENERATED.rglob("*.*"):
        if old.relative_to(GENERATED).as_posix() not in pages:
            old.unlink()
    for name, text in pages.items():
        path = GENERATED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def api_pages() -> dict[str, str]:
    """Return a page for each room that has public names, which its `__init__.pyi` lists."""
    pages = {}
    for stub in sorted(_PACKAGE.rglob("__init__.pyi")):
        room = ".".join(stub.parent.relative_to(ROOT).parts)
        directives = "\n".join(_directives(room, stub))
        pages[f"api/{room}.rst"] = (
            f"{room}\n{'=' * len(room)}\n\n.. automodule:: {room}\n   :no-index:\n\n{directives}\n"
        )
    return pages


def _directives(room: str, stub: Path) -> Iterator[str]:
    options = "   :no-index:\n" if room == _PACKAGE.name else ""  # its names have their entries in the rooms
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ImportFrom) or node.module is None:
            continue  # a room, which has a page of its own
        definitions = _definitions(stub.parent.joinpath(*node.module.split(".")).with_suffix(".py"))
        for alias in node.names:
            name = f"{room}.{alias.asname or alias.name}"
            match definitions[alias.name]:
                case ast.ClassDef():
                    yield f".. autoclass:: {name}\n   :members:\n{options}"
                case ast.FunctionDef():
                    yield f".. autofunction:: {name}\n{options}"
                case ast.Expr(ast.Constant(str(text))):
                    yield f".. py:data:: {name}\n{options}\n{textwrap.indent(inspect.cleandoc(text), '   ')}\n"
                case _:
                    yield f".. py:data:: {name}\n{options}"


@cache
def _definitions(module: Path) -> dict[str, ast.stmt]:
    """Return what defines the names of a module: classes, functions; of a value what follows it, maybe a docstring."""
    body = ast.parse(module.read_text(encoding="utf-8")).body if module.is_file() else []
    found: dict[str, ast.stmt] = {}
    for node, following in zip(body, [*body[1:], ast.Pass()], strict=False):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                found[name] = node
            case ast.Assign(targets=[ast.Name(name)]) | ast.AnnAssign(target=ast.Name(name)):
                found[name] = following
            case ast.ImportFrom(module=str(origin)) if (path := ROOT.joinpath(*origin.split("."))).parent.is_dir():
                defined = _definitions(path.with_suffix(".py"))
                found |= {alias.name: defined[alias.name] for alias in node.names if alias.name in defined}
    return found


def command_pages() -> dict[str, str]:
    """Return a page for each command of `lungxfer`, as typer writes it, and one that links to them."""
    import typer
    from typer.cli import get_docs_for_click

    from monai_lungxfer.cli import app

    group = typer.main.get_command(app)
    text = html.unescape(get_docs_for_click(obj=group, ctx=typer.Context(group), name="lungxfer"))
    first, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    pages = {}
    for section in sections:
        name = re.match(r"## `lungxfer ([\w-]+)`", section)[1]
        if group.commands[name].hidden:
            first = re.sub(rf"^\* `{name}`.*\n", "", first, flags=re.MULTILINE)
            continue
        pages[f"cli/{name}.md"] = re.sub(r"^#(#+ )", r"\1", section, flags=re.MULTILINE)
    return pages | {"cli/index.md": re.sub(r"^\* `([a-z]+)`", r"* [`\1`](\1.md)", first, flags=re.MULTILINE)}


def settings_page(bundle: Path) -> str:
    """Return the settings of a bundle's configurations as tables: name, value in the YAML, its comment there."""
    tables = []
    for name in _CONFIGS:
        if (path := bundle / "configs" / f"{name}.yaml").is_file():
            rows = list(_settings(path.read_text(encoding="utf-8")))
            tables.append(f"\n### Settings of {name}.yaml\n\n{markdown(('setting', 'value', 'what it is'), rows)}\n")
    return (
        "\n## Settings\n\nEvery setting can be replaced: `lungxfer … --set NAME=VALUE`, or `--NAME VALUE` with MONAI's "
        "own command. A value that starts with `$` is computed, and `@` names another setting.\n" + "".join(tables)
    )


def _settings(text: str) -> Iterator[tuple[str, str, str]]:
    for line in text.splitlines():
        if (found := _SETTING.fullmatch(line)) is not None:
            name, value, comment = found.groups()
            yield f"`{name}`", f"`{value}`".replace("|", r"\|"), (comment or "").replace("|", r"\|")


if __name__ == "__main__":
    write_pages()

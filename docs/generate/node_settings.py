"""The table of docs/node.md: every setting of a DICOM node, out of the example that the package prints.

    python docs/generate/node_settings.py docs/node.md

Replaces what stands between the document's marks.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from markdown_tables import markdown, replaced

from monai_lungxfer.serving.dicom.settings_file import example_text

__all__ = ["settings_table"]

_HEADER = re.compile(r"(#?)\[+([\w.]+)\]+")
_SETTING = re.compile(r"""(#?)(\w+) = ((?:"[^"]*"|\[[^\]]*\]|[^#])*?)\s*(?:# (.*))?""")


def settings_table() -> str:
    """Return the table: setting, value in the example, meaning."""
    return markdown(("setting", "in the example", "what it is"), list(_rows()))


def _rows() -> Iterator[Sequence[str]]:
    table = ""
    for line in example_text().splitlines():
        if header := _HEADER.match(line):
            table = f"{header[2]}."
        elif (found := _SETTING.fullmatch(line)) is not None:
            off, name, value, comment = found.groups()
            yield f"`{table}{name}`", f"off: `{value}`" if off else f"`{value}`", comment or ""


def main() -> None:
    """Write the table into the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("document", type=Path)
    path = parser.parse_args().document
    path.write_text(replaced(path.read_text(encoding="utf-8"), "settings", settings_table()), encoding="utf-8")


if __name__ == "__main__":
    main()

"""``lungxfer doctor``: whether everything that the package needs is there."""

from __future__ import annotations

from typing import Annotated

import typer

from monai_lungxfer.cli.console import console, emit_json
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

__all__ = ["doctor"]

STYLES = {"ok": "green", "warn": "yellow", "missing": "red"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False) -> None:
    """Check versions, device, DICOM codecs, memory, disk, bundles and weights. Exit code 1: something is missing."""
    from monai_lungxfer.checks.installation import run_checks

    checks = run_checks()
    usable = all(check.status != "missing" for check in checks)
    if as_json:
        emit_json({"usable": usable, "checks": [vars(check) for check in checks]})
    else:
        from rich.table import Table
        from rich.text import Text

        table = Table("what", "state", "found", box=None)
        for check in checks:
            table.add_row(check.name, Text(check.status, style=STYLES[check.status]), check.found)
        console.print(table)
        for check in checks:
            if check.remedy:
                typer.echo(f"{check.name}: {check.remedy}")
    if not usable:
        raise typer.Exit(EXIT_PARTIAL)

"""``lungxfer bundles``: finding the MONAI bundles of the package, and copying them out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from monai_lungxfer.bundle_files import WEIGHTS, bundle_metadata, bundle_names, bundle_path, export_bundle
from monai_lungxfer.cli.console import console, emit_json
from monai_lungxfer.stages import stage_named

__all__ = ["bundles_app"]

bundles_app = typer.Typer(no_args_is_help=True, help="List the MONAI bundles, find them, or copy them out.")

NAME_HELP = "A stage (donor, general, portable), a bundle's name or its folder."


@bundles_app.command("list")
def list_bundles(as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False) -> None:
    """List the bundles in the order of the stages."""
    rows = [_row(name) for name in bundle_names()]
    if as_json:
        emit_json(rows)
        return
    from rich.table import Table

    table = Table("stage", box=None)
    table.add_column("name", no_wrap=True)
    for heading in ("version", "weights", "task"):
        table.add_column(heading)
    for row in rows:
        weights = "yes" if row["weights"] else "no"
        table.add_row(row["stage"], row["name"], row["version"], weights, row["task"])
    console.print(table)
    for folder in sorted({str(row["path"].parent) for row in rows}):
        typer.echo(f"\nin {folder}")


def _row(name: str) -> dict[str, Any]:
    path = bundle_path(name)
    metadata = bundle_metadata(path)
    return {
        "stage": stage_named(name).name,
        "name": name,
        "version": str(metadata.get("version", "")),
        "task": str(metadata.get("task", "")),
        "weights": (path / WEIGHTS).is_file(),
        "path": path,
    }


@bundles_app.command("path")
def show_path(name: Annotated[str, typer.Argument(help=NAME_HELP)]) -> None:
    """Print the folder of a bundle, for scripts: cd "$(lungxfer bundles path portable)"."""
    typer.echo(bundle_path(name))


@bundles_app.command("export")
def export(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help=NAME_HELP)],
    out: Annotated[Path, typer.Option(help="Folder that receives each bundle as a sub-folder.", file_okay=False)],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace bundles that are there already, with their weights.")
    ] = False,
) -> None:
    """Copy bundles, with their weights, to where they can be changed, trained or served."""
    sources = [bundle_path(name) for name in names]  # a wrong name stops before anything is written
    for source in sources:
        typer.echo(export_bundle(source, out, overwrite=overwrite))

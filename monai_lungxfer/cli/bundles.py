"""``lungxfer bundles``: finding the MONAI bundles of the package, copying them out of it, and checking them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.bundle.files import WEIGHTS, bundle_metadata, bundle_names, bundle_path, export_bundle
from monai_lungxfer.bundle.references import resolve_weights
from monai_lungxfer.bundle.stages import stage_named
from monai_lungxfer.cli.console import console, emit_json
from monai_lungxfer.cli.options import OUT, AddedAdapters, Json, Overwrite, split_pairs
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from monai_lungxfer.checks.bundle.run import Outcome

bundles_app = typer.Typer(no_args_is_help=True, help="List the MONAI bundles, find, copy or check them.")


class Format(StrEnum):
    """The names of `monai_lungxfer.export.writers.EXPORT_FORMATS`, known without importing what they need."""

    TORCHSCRIPT = "torchscript"
    ONNX = "onnx"
    OPENVINO = "openvino"


STYLES = {"ok": "green", "skipped": "yellow", "warn": "yellow", "failed": "red", "missing": "red"}
NAME_HELP = "A stage (donor, general, portable), a bundle's name or its folder."


@bundles_app.command("list")
def list_bundles(as_json: Json = False) -> None:
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
    out: Annotated[Path, typer.Option(*OUT, help="Folder that receives each bundle as a sub-folder.", file_okay=False)],
    formats: Annotated[
        list[Format] | None,
        typer.Option("--format", help="Add the network in this format, compared with PyTorch. May be repeated."),
    ] = None,
    compare_on: Annotated[
        list[Path] | None,
        typer.Option(help="An image or folder to compare formats on. May be repeated.", show_default="phantoms"),
    ] = None,
    adapters: AddedAdapters = None,
    overwrite: Overwrite = False,
) -> None:
    """Copy bundles, with their weights, to where they can be changed, trained or served."""
    # A wrong name, or an adapter of another base, stops before anything is written.
    sources = [bundle_path(name) for name in names]
    added = split_pairs(adapters, "NAME=FILE", "--adapter")
    _check_adapters(sources, added)
    images = _images(compare_on) if compare_on else []
    for source in sources:
        folder = export_bundle(source, out, overwrite=overwrite)
        for name, file in added.items():
            _add_adapter(folder, name, file)
        if formats:
            _add_formats(folder, formats, images)
        typer.echo(folder)


def _check_adapters(sources: list[Path], added: dict[str, str]) -> None:
    if not added:
        return
    from monai_lungxfer.export.weights import check_adapter

    for source in sources:
        for name, file in added.items():
            check_adapter(file, source, name)


def _add_adapter(folder: Path, name: str, file: str) -> None:
    from monai_lungxfer.export.weights import install_adapter

    install_adapter(file, folder, name)


def _images(given: list[Path]) -> list[Path]:
    from monai_lungxfer.inference.inputs import find_inputs

    return [item.path for item in find_inputs(given) if item.left_out is None]


def _add_formats(folder: Path, formats: list[Format], images: list[Path]) -> None:
    from monai_lungxfer.export.formats import export_formats

    manifest = export_formats(folder, [name.value for name in formats], images)
    for name, entry in manifest["formats"].items():
        console.print(
            f"{name} ({', '.join(entry['sha256'])}): Dice with PyTorch's masks at least {entry['lowest_dice']:.5f} "
            f"on {entry['images']} images",
            soft_wrap=True,
        )


@bundles_app.command("compile")
def compile_bundles(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help=NAME_HELP)],
    weights: Annotated[
        str | None, typer.Option(help="Other weights of one bundle: a file, or paper.", show_default="models/model.pt")
    ] = None,
) -> None:
    """Compile the weights of bundles to pipelines, which predict without PyTorch. They are written next to the weights.

    A pipeline whose masks differ from PyTorch's is not kept. It is of these weights and this inference.yaml alone.
    """
    folders = [bundle_path(name) for name in names]
    if weights is not None and len(folders) > 1:
        raise typer.BadParameter("give one bundle with --weights")
    from monai_lungxfer.inference.engines.compiler import compile_bundle

    for folder in folders:
        made = compile_bundle(folder, resolve_weights(weights or folder / WEIGHTS))
        typer.echo(made.file)
        dice, difference = made.check["lowest_dice"], made.check["largest_difference"]
        console.print(f"Dice with PyTorch's masks at least {dice:.5f}", soft_wrap=True)
        console.print(f"probabilities differ by {difference:.5f} at most", soft_wrap=True)


@bundles_app.command("verify")
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help=NAME_HELP, show_default="every bundle")
    ] = None,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Run and import nothing that the bundles name: for those of others.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check bundles as MONAI's model zoo does. Exit code 1: a check failed.

    A bundle's configurations are programs, and checks run them unless an earlier check refuses the bundle.
    """
    folders = [bundle_path(name) for name in names or bundle_names()]  # a wrong name stops before anything is run
    from monai_lungxfer.checks.bundle.run import verify_bundle

    outcomes: list[Outcome] = []
    for folder in folders:
        own = list(verify_bundle(folder, run=not no_run))
        if not as_json:
            _show(folder.name, own)
        outcomes += own
    passed = all(outcome.status != "failed" for outcome in outcomes)
    if as_json:
        emit_json({"passed": passed, "checks": [vars(outcome) for outcome in outcomes]})
    if not passed:
        raise typer.Exit(EXIT_PARTIAL)


def _show(bundle: str, outcomes: Sequence[Outcome]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("check", "result", "found", title=Text(bundle), title_justify="left", box=None)
    for outcome in outcomes:
        found = f"{outcome.file}: {outcome.detail}. {outcome.remedy}." if outcome.remedy else outcome.detail
        table.add_row(outcome.check, Text(outcome.status, style=STYLES[outcome.status]), Text(found))
    console.print(table)
    counts = Counter(outcome.status for outcome in outcomes)
    typer.echo(", ".join(f"{counts[status]} {status}" for status in ("ok", "skipped", "failed")) + "\n")

"""The command ``serve dicom``: a node that receives radiographs, segments them and sends the results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_lungxfer.cli.console import console, emit_json
from monai_lungxfer.cli.options import Json
from monai_lungxfer.utils.errors import LungXferError
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL
from monai_lungxfer.utils.extras import import_extra

if TYPE_CHECKING:
    from monai_lungxfer.serving.dicom.check import NodeCheck
    from monai_lungxfer.serving.dicom.settings import NodeSettings

EXAMPLES = """Examples:

lungxfer serve dicom --example > node.toml

lungxfer serve dicom node.toml --check

lungxfer serve dicom node.toml --watch inbox"""


def dicom(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="The node's settings (TOML), see --example.", dir_okay=False)
    ] = None,
    watch: Annotated[
        Path | None,
        typer.Option(
            help="Take radiographs from this folder, too (the table watch of CONFIG).", metavar="DIR", file_okay=False
        ),
    ] = None,
    from_dicomweb: Annotated[
        str | None,
        typer.Option(help="Fetch new studies from this DICOMweb server, too (the table poll).", metavar="URL"),
    ] = None,
    any_view: Annotated[
        bool, typer.Option("--any-view", help="Segment also what is no frontal chest radiograph by its header.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Try settings, spool, ports, destinations and model, and end.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Take up again what failed or was given up, and end. A node may be running.")
    ] = False,
    example: Annotated[bool, typer.Option("--example", help="Print settings with all defaults explained.")] = False,
    as_json: Json = False,
) -> None:
    """Receive radiographs, segment them, and send DICOM results to archives, until it is stopped.

    Not a medical device.
    """
    if check + retry + example > 1:
        raise typer.BadParameter("--check, --retry and --example exclude each other")
    import_extra("prometheus_client")  # whose extra brings all that a node needs
    if example:
        from monai_lungxfer.serving.dicom.settings_file import example_text

        typer.echo(example_text(), nl=False)
        return
    if config is None:
        raise typer.BadParameter("give the file of settings, or --example to get one", param_hint="CONFIG")
    from monai_lungxfer.serving.dicom.settings_file import load_settings

    options = {
        ("watch", "folder"): watch and str(watch.absolute()),
        ("poll", "url"): from_dicomweb,
        ("results", "any_view"): any_view or None,
    }
    settings = load_settings(config, {place: value for place, value in options.items() if value is not None})
    if check:
        _check(settings, as_json=as_json)
    elif retry:
        _retry(settings, as_json=as_json)
    else:
        _run(settings)


def _check(settings: NodeSettings, *, as_json: bool) -> None:
    from monai_lungxfer.serving.dicom.check import NodeCheck, check_node

    checks = [NodeCheck("settings", True, "the file holds no fault"), *check_node(settings)]
    is_fine = all(found.is_fine for found in checks)
    if as_json:
        emit_json({"fine": is_fine, "checks": [vars(found) for found in checks]})
    else:
        _show(checks)
    if not is_fine:
        raise typer.Exit(EXIT_PARTIAL)


def _show(checks: list[NodeCheck]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table("what", "state", box=None)
    table.add_column("found", overflow="fold")
    for found in checks:
        state = Text("ok", style="green") if found.is_fine else Text("failed", style="red")
        table.add_row(found.name, state, found.found)
    console.print(table)
    for found in checks:
        if found.remedy:
            console.print(f"{found.name}: {found.remedy}.", soft_wrap=True, highlight=False)


def _retry(settings: NodeSettings, *, as_json: bool) -> None:
    from monai_lungxfer.serving.dicom.journal import NodeJournal
    from monai_lungxfer.serving.dicom.journal_view import JOURNAL_NAME

    if not (settings.spool.folder / JOURNAL_NAME).is_file():
        raise LungXferError(
            "no node has worked in this spool yet", source=settings.spool.folder, remedy="Check folder in [spool]"
        )
    journal = NodeJournal(settings.spool.folder)
    try:
        count = journal.retry_dead_letters(destination.name for destination in settings.destination)
    finally:
        journal.close()
    if as_json:
        emit_json({"taken_up": count})
    else:
        told = "A running node does them now; else the next start does" if count else "Nothing had failed"
        console.print(f"{count} radiographs taken up again. {told}.", highlight=False)


def _run(settings: NodeSettings) -> None:
    from monai_lungxfer.serving.dicom.serve import serve_node

    serve_node(settings)

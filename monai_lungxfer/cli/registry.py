"""``lungxfer registry``: models in MLflow's registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.cli.console import console, emit_json
from monai_lungxfer.cli.options import AddedAdapters, Json, OwnWeights, split_pairs
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from monai_lungxfer.registry.promotion import Promotion

registry_app = typer.Typer(no_args_is_help=True, help="Register models in MLflow, compare them, choose the champion.")

TrackingUri = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        help="MLflow's server or database.",
        show_default="MLFLOW_TRACKING_URI, else mlflow.db in this folder",
    ),
]


@registry_app.command("register")
def register(
    bundle: Annotated[str, typer.Argument(help="A stage, a bundle's name, or a bundle's folder.")],
    weights: OwnWeights = None,
    report: Annotated[
        Path | None, typer.Option(help="What lungxfer evaluate has written for these weights.", dir_okay=False)
    ] = None,
    parent: Annotated[str | None, typer.Option(help="The weights that training started from.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the registered model.", show_default="the bundle's")] = None,
    adapters: AddedAdapters = None,
    tags: Annotated[
        list[str] | None, typer.Option("--tag", metavar="NAME=VALUE", help="A further tag. May be repeated.")
    ] = None,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Register a bundle as a model that MLflow can serve, with the alias candidate. Not a medical device."""
    import torch  # noqa: F401 - without it, the message names the extra train; mlflow alone would not be enough

    from monai_lungxfer.registry.register import register_bundle

    registered = register_bundle(
        bundle,
        weights=weights,
        report=report,
        parent=parent,
        name=name,
        tags=split_pairs(tags, "NAME=VALUE", "--tag"),
        adapters=split_pairs(adapters, "NAME=FILE", "--adapter"),
        tracking_uri=tracking_uri,
    )
    if as_json:
        emit_json(asdict(registered) | {"uri": registered.uri})
    else:
        console.print(f"Registered {registered.uri}, alias candidate", soft_wrap=True)


@registry_app.command("promote")
def promote(
    name: Annotated[str, typer.Argument(help="Name of the registered model.")],
    version: Annotated[str, typer.Option(help="Number or alias of the version to promote.")] = "candidate",
    data: Annotated[Path | None, typer.Option(help="Folder of the stage's images: measure both models now.")] = None,
    split: Annotated[
        Path | None, typer.Option(help="The split file that both were trained by, with --data.", dir_okay=False)
    ] = None,
    force: Annotated[
        str | None, typer.Option(metavar="REASON", help="Promote in any case; the reason becomes a tag.")
    ] = None,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """Make a candidate the champion, unless it is worse on the images that both models do not know: exit code 1.

    Compared are the reports that the two were registered with, or what both measure on --data now.
    """
    from monai_lungxfer.registry.promotion import promote as promote_version

    promotion = promote_version(name, version=version, data=data, split=split, force=force, tracking_uri=tracking_uri)
    if as_json:
        emit_json(asdict(promotion))
    else:
        _print(promotion)
    if not promotion.promoted:
        raise typer.Exit(EXIT_PARTIAL)


def _print(promotion: Promotion) -> None:
    lines = [] if promotion.comparison is None else [f"{promotion.comparison}."]
    if promotion.promoted:
        before = "there was none before" if promotion.champion is None else f"it was version {promotion.champion}"
        lines.append(f"Version {promotion.version} of {promotion.name} is the champion; {before}.")
    else:
        lines.append(
            f"Not promoted: version {promotion.champion} stays the champion. "
            f"Give a reason (--force REASON) to promote version {promotion.version} in any case."
        )
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False)


@registry_app.command("list")
def list_models(
    name: Annotated[str | None, typer.Argument(help="One registered model.", show_default="all")] = None,
    tracking_uri: TrackingUri = None,
    as_json: Json = False,
) -> None:
    """List registered models: versions, aliases, how good they are, and where they come from."""
    from monai_lungxfer.registry.store import list_versions

    rows = list_versions(name, tracking_uri=tracking_uri)
    if as_json:
        emit_json(rows)
        return
    for model, versions in groupby(rows, lambda row: row["name"]):
        _print_table(model, versions)


def _print_table(model: str, versions: Iterable[dict[str, Any]]) -> None:
    from rich.table import Table

    columns = ("version", "aliases", "Dice", "images", "weights", "split", "parent")
    table = Table(*columns, title=model, title_justify="left", box=None)
    for row in versions:
        tags = row["tags"]
        parent = tags.get("parent") or tags.get("parent_sha256", "")[:12]
        digests = (tags.get(digest, "")[:12] for digest in ("weights_sha256", "split"))
        measured = (tags.get(figure, "") for figure in ("dice", "images"))
        table.add_row(row["version"], ", ".join(row["aliases"]), *measured, *digests, parent)
    console.print(table)

"""``lungxfer weights``: fetching weights to start from, looking into files, packing, converting and averaging."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monai_lungxfer.cli.console import console, emit_json
from monai_lungxfer.cli.options import OUT, Json, Overwrite

if TYPE_CHECKING:
    from torch import Tensor

# Batch norm's running statistics are part of a state dict, but are not learnt by gradient.
STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")

weights_app = typer.Typer(
    no_args_is_help=True, help="Fetch weights to start from, look into files of them, pack, convert or average them."
)


@weights_app.command("list")
def list_pretrained(as_json: Json = False) -> None:
    """List the pretrained weights that can be fetched: what they are for, their size and licence."""
    from rich.table import Table

    from monai_lungxfer.weights.pretrained import PRETRAINED, pretrained_path

    if as_json:
        facts = ("purpose", "licence", "url", "sha256", "megabytes")
        emit_json(
            {
                name: {fact: getattr(weights, fact) for fact in facts} | {"file": pretrained_path(name)}
                for name, weights in PRETRAINED.items()
            }
        )
        return
    table = Table("name", "what for", "licence", box=None)
    table.add_column("size", justify="right")
    for name, weights in PRETRAINED.items():
        table.add_row(name, weights.purpose, weights.licence, f"{weights.megabytes} MB")
    console.print(table)


@weights_app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="donor or natural-images; see: lungxfer weights list")],
    out: Annotated[
        Path | None,
        typer.Option(*OUT, help="The file to write.", show_default="the user's cache folder", dir_okay=False),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Another address of the same file.", show_default="where it is published")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="The published file, if it is here already.", dir_okay=False)
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Download pretrained weights to start from, and check them: the hub's donor, or weights of natural images.

    Run the command again to continue an interrupted download.
    """
    from monai_lungxfer.weights.pretrained import fetch_weights

    typer.echo(fetch_weights(name, out, url=url, file=file, overwrite=overwrite))


@weights_app.command("pack")
def pack(
    source: Annotated[str, typer.Argument(metavar="FILE|BUNDLE", help="A weights file, a bundle, or an MLflow URI.")],
    out: Annotated[Path | None, typer.Option(*OUT, help="The file to write.", dir_okay=False)] = None,
    bundle: Annotated[
        str | None,
        typer.Option(help="A bundle's name or folder that gets the weights and, in its metadata, their hash."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write weights in about half the size, to a file or into a bundle. Masks hardly change by it."""
    from monai_lungxfer.bundle.references import resolve_weights
    from monai_lungxfer.export.weights import install_weights
    from monai_lungxfer.weights.packing import pack_weights

    if overwrite and bundle is not None:
        raise typer.BadParameter("a bundle's weights are replaced without --overwrite")
    path = resolve_weights(source)
    if out is not None and bundle is None:
        target = pack_weights(path, out, overwrite=overwrite)
    elif bundle is not None and out is None:
        target = install_weights(path, bundle)
    else:
        raise typer.BadParameter("give either a file (--out) or a bundle (--bundle)")
    typer.echo(target)


@weights_app.command("convert")
def convert(
    source: Annotated[str, typer.Argument(metavar="FILE|BUNDLE", help="A weights file, a bundle, or an MLflow URI.")],
    out: Annotated[Path, typer.Option(*OUT, help="The file to write.", dir_okay=False)],
    to_grey: Annotated[bool, typer.Option("--to-grey", help="For a network that takes one channel.")] = False,
    overwrite: Overwrite = False,
) -> None:
    """Write weights for one input channel, by summing the first kernels. Masks of grey images stay the same.

    It saves 576 of 7,763,041 parameters. A smaller network needs fewer features (train --width), not fewer channels.
    """
    from monai_lungxfer.bundle.references import resolve_weights
    from monai_lungxfer.weights.conversion import convert_to_grey

    if not to_grey:
        raise typer.BadParameter("say what to convert to: --to-grey")
    typer.echo(convert_to_grey(resolve_weights(source), out, overwrite=overwrite))


@weights_app.command("average")
def average(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|BUNDLE...",
            help="Weights files, bundles, or MLflow URIs: two or more; one named twice counts twice.",
        ),
    ],
    out: Annotated[Path, typer.Option(*OUT, help="The file to write.", dir_okay=False)],
    overwrite: Overwrite = False,
) -> None:
    """Write the mean of weights that stem from one another, such as those before and after a stage."""
    from monai_lungxfer.weights.averaging import average_weights

    if len(sources) < 2:
        raise typer.BadParameter("give two weights files or more")
    typer.echo(average_weights(sources, out, overwrite=overwrite))


@weights_app.command("show")
def show(
    source: Annotated[
        str, typer.Argument(metavar="FILE|BUNDLE", help="A weights file, a bundle's folder or name, or an MLflow URI.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, with every key and its shape.")] = False,
) -> None:
    """Show what a weights file holds: parameters, number formats, layers, checksum."""
    from monai_lungxfer.bundle.references import resolve_weights
    from monai_lungxfer.utils.files import hash_file
    from monai_lungxfer.weights.loading import read_state_dict

    path = resolve_weights(source)
    facts = {"file": path.absolute(), "bytes": path.stat().st_size, "sha256": hash_file(path)}
    facts |= _facts(read_state_dict(path))
    if as_json:
        emit_json(facts)
    else:
        _print_facts(facts)


def _facts(weights: dict[str, Tensor]) -> dict[str, Any]:
    learnt = {key: value for key, value in weights.items() if not key.endswith(STATISTICS)}
    return {
        "parameters": sum(value.numel() for value in learnt.values()),
        "dtypes": sorted({str(value.dtype).removeprefix("torch.") for value in learnt.values()}),
        "entries": {
            key: {"shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch."), "learnt": key in learnt}
            for key, value in weights.items()
        },
    }


def _print_facts(facts: dict[str, Any]) -> None:
    from rich.table import Table

    typer.echo(f"file        {facts['file']}")
    typer.echo(f"sha256      {facts['sha256']}")
    typer.echo(f"size        {facts['bytes']:,} bytes")
    typer.echo(f"parameters  {facts['parameters']:,} ({', '.join(facts['dtypes'])})")
    table = Table("part", "first entry", "shape", box=None)
    table.add_column("entries", justify="right")
    table.add_column("parameters", justify="right")
    for part, entries in _by_part(facts["entries"]).items():
        first, entry = next(iter(entries.items()))
        shape = "x".join(map(str, entry["shape"])) or "scalar"
        learnt = sum(prod(entry["shape"]) for entry in entries.values() if entry["learnt"])
        table.add_row(part, first, shape, str(len(entries)), f"{learnt:,}")
    console.print(table)


def _by_part(entries: dict[str, dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    parts: dict[str, dict[str, dict[str, Any]]] = {}
    for key, entry in entries.items():
        parts.setdefault(key.partition(".")[0], {})[key] = entry
    return parts

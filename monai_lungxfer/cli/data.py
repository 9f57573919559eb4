"""``lungxfer data``: checking a data set, splitting it by patient, making phantoms; and what `prepare` adds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_lungxfer.cli import prepare
from monai_lungxfer.cli.console import console, emit_json, progress_console
from monai_lungxfer.cli.options import OUT, Json, Overwrite
from monai_lungxfer.utils.exit_codes import EXIT_PARTIAL

if TYPE_CHECKING:
    from rich.table import Table

    from monai_lungxfer.data.checks import Problem
    from monai_lungxfer.data.records import Record
    from monai_lungxfer.data.splits import Split

data_app = typer.Typer(
    no_args_is_help=True, help="Fetch and prepare public data sets; check and split any; or make phantoms."
)

DataSet = Annotated[
    Path, typer.Argument(metavar="PATH", help="A datalist, a folder with datalist.json, or the LGG data's kaggle_3m.")
]
AllowMixedMasks = Annotated[
    bool, typer.Option("--allow-mixed-masks", help="Masks with and without the heart may stand together.")
]

data_app.command("prepare")(prepare.prepare)
data_app.command("fetch")(prepare.fetch)


@data_app.command("check")
def check(
    path: DataSet,
    split: Annotated[Path | None, typer.Option(help="A split of this data set to check along.", dir_okay=False)] = None,
    allow_empty_masks: Annotated[
        bool, typer.Option("--allow-empty-masks", help="Masks without foreground are normal, as in brain MRI.")
    ] = False,
    allow_mixed_masks: AllowMixedMasks = False,
    against_model: Annotated[
        bool, typer.Option("--against-model", help="Also warn of labels that a trained model finds faulty.")
    ] = False,
    weights: Annotated[
        str | None, typer.Option(help="The model's weights: a file, or a bundle's name.", show_default="portable")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read every image and mask, and list what is wrong. Exit code 1: something is.

    Warnings leave the exit code as it is: nearly equal pictures of different patients, patients with many images,
    groups that coincide, and sections of the split (by default that of seed 0, 60/20/20) whose mix is not by chance.
    So do labels that a model doubts: look at each, since the model may be wrong. It is not a medical device.
    """
    from monai_lungxfer.data.checks import COPIES, ProblemKind, check_datalist
    from monai_lungxfer.data.datalist import load_datalist
    from monai_lungxfer.data.near_duplicates import DuplicateSearch
    from monai_lungxfer.data.splits import check_same_data, load_sections, load_split
    from monai_lungxfer.utils.errors import DatalistError
    from monai_lungxfer.utils.progress import show_progress

    records = load_datalist(path)
    sections = None if split is None else load_sections(split, path)
    watched = show_progress(records, "Checking", progress_console())
    search = DuplicateSearch()
    problems = check_datalist(
        watched,
        allow_empty_masks=allow_empty_masks,
        allow_mixed_masks=allow_mixed_masks,
        sections=sections,
        look=search.add,
    )
    # A split with a patient in two sections is in the table already, and could not be loaded.
    torn = any(problem.kind == ProblemKind.PATIENT_IN_TWO_SECTIONS for problem in problems)
    near = search.find(leave_out={problem.record for problem in problems if problem.kind in COPIES})
    try:
        loaded = None if split is None or torn else load_split(split, path)
    except DatalistError:
        _show_problems(path, records, problems, near, as_json)
        raise
    warnings: list[Problem] = [*near, *_find_imbalance(records, loaded, torn=torn)]
    if against_model or weights is not None:
        warnings += _find_suspicions(records, weights, leave_out={problem.record for problem in problems})
    _show_problems(path, records, problems, warnings, as_json)
    if split is not None and loaded is not None:
        check_same_data(loaded, records, source=split)
    if problems:
        raise typer.Exit(EXIT_PARTIAL)


def _find_imbalance(records: list[Record], split: Split | None, *, torn: bool) -> list[Problem]:
    """Look at a split, or at that of seed 0 where none is given and one can be drawn."""
    from monai_lungxfer.data.balance import find_imbalance
    from monai_lungxfer.data.partition import make_split
    from monai_lungxfer.utils.errors import DatalistError

    if split is None and not torn:
        try:
            split = make_split(records, seed=0)
        except DatalistError:  # fewer patients than sections
            split = None
    return find_imbalance(records, split)


def _find_suspicions(records: list[Record], weights: str | None, leave_out: set[int]) -> list[Problem]:
    """Ask a model about the labels of all records without a problem."""
    from monai_lungxfer.checks.suspicious_labels import suspicious_labels
    from monai_lungxfer.utils.progress import progress_bar

    with progress_bar(progress_console()) as bar:
        task = bar.add_task("Comparing", total=len(records))
        found = suspicious_labels(records, weights, on_done=lambda: bar.advance(task))
    return [one for one in found if one.record not in leave_out]


def _show_problems(
    path: Path,
    records: list[Record],
    problems: list[Problem],
    warnings: list[Problem],
    as_json: bool,
) -> None:
    if as_json:
        listed = {"problems": problems, "warnings": warnings}
        found = {name: [vars(one) for one in several] for name, several in listed.items()}
        emit_json({"data": path, "records": len(records), **found})
        return
    tables = {"problem": problems, "warning": warnings}
    for name, several in tables.items():
        if several:
            console.print(_problems_table(path, name, several))
    bad = len({problem.record for problem in problems})
    counts = f"{len(records)} records, {len(records) - bad} without a problem, {bad} with"
    console.print(counts + (f"; warnings: {len(warnings)}" if warnings else ""), highlight=False)


def _problems_table(path: Path, name: str, problems: Sequence[Problem]) -> Table:
    from rich.table import Table

    from monai_lungxfer.data.datalist import data_root
    from monai_lungxfer.data.records import path_below

    root = data_root(path)
    table = Table("record")
    for title in ("image", name, "found", "what to do"):
        table.add_column(title, overflow="fold")
    for problem in problems:
        cells = (path_below(problem.image, root), problem.kind, problem.message, problem.remedy)
        table.add_row(str(problem.record), *cells)
    return table


@data_app.command("split")
def split(
    path: DataSet,
    out: Annotated[
        Path, typer.Option(*OUT, help="The split file. One with the same settings is kept.", dir_okay=False)
    ],
    seed: Annotated[int, typer.Option(help="Another seed gives another split.")] = 0,
    fractions: Annotated[
        tuple[float, float, float], typer.Option(help="Shares of training, validation and test in the rest.")
    ] = (0.6, 0.2, 0.2),
    hold_out: Annotated[float, typer.Option(help="Share first set aside as independent test; portable: 0.5.")] = 0.0,
    hold_out_seed: Annotated[
        int | None, typer.Option(help="Draws the independent test alone; --seed the rest.", show_default="SEED")
    ] = None,
    locked_share: Annotated[
        float, typer.Option(help="Share of patients locked away from training and choices, such as 0.2.")
    ] = 0.0,
    allow_mixed_masks: AllowMixedMasks = False,
    as_json: Json = False,
) -> None:
    """Split by patient, stratified by finding: no patient is in two sections."""
    from monai_lungxfer.data.splits import ensure_split

    made = ensure_split(
        path,
        out,
        seed,
        fractions,
        hold_out=hold_out,
        hold_out_seed=hold_out_seed,
        locked_share=locked_share,
        allow_mixed_masks=allow_mixed_masks,
    )
    if as_json:
        counts = {name: _findings(records) for name, records in made.sections.items()}
        emit_json({"split": out, "seed": made.seed, "hash": made.hash, "images": counts})
    else:
        _show_split(made)
        console.print(f"hash {made.hash}", highlight=False, soft_wrap=True)


def _findings(records: tuple[Record, ...]) -> Counter[str]:
    return Counter(record.get("finding", "unnamed") for record in records)


def _show_split(made: Split) -> None:
    from rich.table import Table
    from rich.text import Text

    findings = sorted({finding for records in made.sections.values() for finding in _findings(records)})
    table = Table("section", box=None)
    for title in ("patients", "images", *findings):
        table.add_column(Text(title), justify="right")
    for name, records in made.sections.items():
        patients = len({record["patient"] for record in records})
        counts = _findings(records)
        table.add_row(name, *map(str, (patients, len(records), *(counts[finding] for finding in findings))))
    console.print(table)


@data_app.command("phantom")
def phantom(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder that receives lgg/, general/ and portable/.")],
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other phantoms.")] = 0,
    size: Annotated[int | None, typer.Option(min=32, help="Length of the images' longer side in pixels.")] = None,
    donor: Annotated[int | None, typer.Option(min=1, help="Number of brain MRI slices.")] = None,
    general: Annotated[int | None, typer.Option(min=1, help="Number of general chest radiographs.")] = None,
    portable: Annotated[int | None, typer.Option(min=1, help="Number of portable chest radiographs.")] = None,
    dicom: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Instead: N portable radiographs as DICOM files, in OUT.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Draw synthetic images with masks for all three stages, to try the package without data."""
    if dicom is not None:
        if donor or general or portable:
            raise typer.BadParameter("--dicom writes no other phantoms: leave --donor, --general and --portable away")
        from monai_lungxfer.synthetic.dicom_phantoms import write_dicom_phantoms

        write_dicom_phantoms(out, dicom, seed=seed, overwrite=overwrite, **({} if size is None else {"size": size}))
        typer.echo(out)
        return
    from monai_lungxfer.synthetic.phantoms import write_phantoms

    # What is not given has its default in one place, the function.
    sizes = {"size": size, "donor": donor, "general": general, "portable": portable}
    write_phantoms(out, seed=seed, overwrite=overwrite, **{k: v for k, v in sizes.items() if v is not None})
    typer.echo(out)

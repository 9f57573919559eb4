"""Options of `predict` that fetch a study from a server, and send results to a server or an archive."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monai_lungxfer.utils.errors import LungXferError, OutputError

if TYPE_CHECKING:
    from monai_lungxfer.inference.inputs import InputFile
    from monai_lungxfer.inference.tables import Prediction

logger = logging.getLogger(__name__)

_option = partial(typer.Option, rich_help_panel="DICOMweb and C-STORE")

FromDicomweb = Annotated[
    str | None, _option("--from-dicomweb", metavar="URL", help="Fetch the radiographs from this server.")
]
Study = Annotated[str | None, _option("--study", metavar="UID", help="The study to fetch.")]
ToDicomweb = Annotated[
    str | None, _option("--to-dicomweb", metavar="URL", help="Store the DICOM results there as well.")
]
ToPacs = Annotated[
    str | None,
    _option(
        "--to-pacs", metavar="TITLE@HOST:PORT", help="Store the DICOM results in this archive as well, by C-STORE."
    ),
]
OwnTitle = Annotated[
    str | None,
    _option("--ae-title", metavar="TITLE", help="By which the archive knows this sender.", show_default="LUNGXFER"),
]

Store = Callable[[Sequence[Path]], None]


def check_source(inputs: list[str] | None, from_dicomweb: str | None, study: str | None) -> None:
    """Refuse a study without its server, and inputs both from files and from a server, by `typer.BadParameter`."""
    if (from_dicomweb is None) != (study is None):
        raise typer.BadParameter("--from-dicomweb URL and --study UID belong together")
    if bool(inputs) == (from_dicomweb is not None):
        raise typer.BadParameter("give either files or folders (INPUT), or a study (--from-dicomweb URL --study UID)")


@contextmanager
def found(
    inputs: list[str] | None, url: str | None, study: str | None, any_view: bool, refused: list[LungXferError]
) -> Iterator[Sequence[InputFile]]:
    """Give the input files; what is fetched for them is deleted in the end.

    `refused` receives what was wrong with instances of a server that are not used. The log tells it.
    """
    from monai_lungxfer.inference.inputs import find_inputs
    from monai_lungxfer.utils.temporary import scratch_folder

    if url is None or study is None:
        yield find_inputs(inputs or [], any_view=any_view)
        return
    from monai_lungxfer.inference.dicom.dicomweb import fetch_study

    with scratch_folder() as folder:
        for file in fetch_study(url, study, folder, on_refused=refused.append):
            # The name, a SOP Instance UID, tells which image it is; by the time of the fetch --resume would redo it.
            os.utime(file, (0, 0))
        for error in refused:
            logger.error("%s", error)
        yield find_inputs([folder], any_view=any_view)


def ways_out(to_dicomweb: str | None, to_pacs: str | None, own_title: str | None, *, dicom: bool) -> list[Store]:
    """Return what sends files to where the options say. What is wrong with an address shows now, before the work.

    `dicom` says whether the results are DICOM files. Raises `typer.BadParameter` when the results cannot be sent, or an
    archive's option is given without it; `LungXferError` when an address is not valid or a package is not installed.
    """
    for option, place in (("--to-dicomweb", to_dicomweb), ("--to-pacs", to_pacs)):
        if place is not None and not dicom:
            raise typer.BadParameter("only DICOM SEG can be stored: add --format dicom-seg", param_hint=option)
    if own_title is not None and to_pacs is None:
        raise typer.BadParameter("is the sender's name for --to-pacs, which is not given", param_hint="--ae-title")
    stores: list[Store] = []
    if to_dicomweb is not None:
        from monai_lungxfer.inference.dicom.dicomweb_session import check_url
        from monai_lungxfer.inference.dicom.dicomweb_store import store_instances

        check_url(to_dicomweb)
        stores.append(partial(store_instances, to_dicomweb))
    if to_pacs is not None:
        from monai_lungxfer.inference.dicom.store_scu import OWN_TITLE, Archive, send
        from monai_lungxfer.utils.extras import import_extra

        import_extra("pynetdicom")
        archive = Archive.at(to_pacs, OWN_TITLE if own_title is None else own_title)
        stores.append(partial(send, archive=archive))
    return stores


def deliver(stores: Sequence[Store], predictions: Sequence[Prediction], folder: Path) -> None:
    """Send the results, which are on the disk by now, by all ways: the later ones even if an earlier one fails.

    The last failure is raised as an `OutputError`, with what to do; others are logged.
    """
    names = [name for prediction in predictions for name in prediction.results]
    failures = []
    for store in stores:
        try:
            store([folder / name for name in names])
        except LungXferError as error:
            failures.append(error)
    for failure in failures[:-1]:
        logger.error("%s", failure)
    if failures:
        last = failures[-1]
        again = f"All results are in {folder}; the same command without --overwrite and with --resume sends them again"
        remedy = again if last.remedy is None else f"{last.remedy}. {again}"
        raise OutputError(last.problem, source=last.source, remedy=remedy)

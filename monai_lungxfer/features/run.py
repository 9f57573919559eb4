"""From networks and domains to tables, figures and a page; what a pass has collected is kept in the output folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monai_lungxfer.data.records import Record
from monai_lungxfer.features.analysis import Effects, analyse, choose_reference
from monai_lungxfer.features.collect import Advance, collect_features
from monai_lungxfer.features.images import ImageSet, SkippedImage, read_image_set
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.page import FIGURES, PAGE, TABLES, write_page
from monai_lungxfer.features.similarity import Files
from monai_lungxfer.features.store import (
    FOLDER,
    load_collection,
    load_effects,
    name_collection,
    name_effects,
    save_collection,
    save_effects,
)
from monai_lungxfer.features.units import UnitRun, measure_effects
from monai_lungxfer.utils.errors import OutputError
from monai_lungxfer.utils.files import remove_leftovers
from monai_lungxfer.utils.locks import lock_output

Begin = Callable[[str, int], Advance]
"""Begins a part of the work, given what it is and of how many steps; what it returns is told of steps done."""


@dataclass(frozen=True)
class FeatureSettings:
    """How the analysis is made.

    Attributes
    ----------
    limit : int or None
        Images of each domain at most.
    seed : int
        For the order of images, what is drawn over them, random weights, and intervals.
    device, precision : str
        See `monai_lungxfer.utils.precision`.
    resume : bool
        Whether what an earlier run has collected from the same weights and images is taken.
    overwrite : bool
        Whether an earlier analysis may be replaced.
    reference : str or None
        See `monai_lungxfer.features.analysis.choose_reference`.
    """

    limit: int | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    resume: bool = False
    overwrite: bool = False
    reference: str | None = None


@dataclass(frozen=True)
class WrittenFeatures:
    """What was written, and which images could not be read, by domain."""

    page: Path
    tables: Path
    figures: Path
    images: Mapping[str, int]
    skipped: Mapping[str, Sequence[SkippedImage]] = field(default_factory=dict)


def analyse_features(
    networks: Sequence[ComparedNetwork],
    data: Mapping[str, Path],
    out: Path,
    settings: FeatureSettings,
    begin: Begin,
) -> WrittenFeatures:
    """Compare networks on the images of domains, and write tables, figures and a page.

    Parameters
    ----------
    networks : sequence of ComparedNetwork
        See `monai_lungxfer.features.networks.parse_networks`.
    data : mapping of str to pathlib.Path
        Data sets by the names of their domains, see `monai_lungxfer.features.images.read_image_set`.
    out : pathlib.Path
        Gets ``tables/``, ``figures/``, ``features/`` and the page.
    begin : callable
        See `Begin`.

    Raises
    ------
    OutputError
        When there is an analysis that must not be replaced, or something cannot be written.
    DatalistError
        When a data set is missing, or has too few images that can be read.
    """
    if (out / TABLES).exists() and not (settings.overwrite or settings.resume):
        remedy = "Choose another folder, replace it (--overwrite), or continue (--resume)"
        raise OutputError("an analysis is there already", source=out, remedy=remedy)
    reference = choose_reference([network.label for network in networks], settings.reference)
    with lock_output(out):
        domains = [_read(name, path, settings, begin) for name, path in data.items()]
        files = _collect(networks, domains, out / FOLDER, settings, begin)
        effects = _measure_units(networks, domains, out / FOLDER, settings, begin)
        advance = begin("Comparing", 2)
        analysis = analyse(
            networks, domains, files, effects, seed=settings.seed, reference=reference, folder=out / TABLES
        )
        advance(1)
        write_page(analysis, networks, out)
        advance(1)
    images = {domain.name: len(domain.records) for domain in domains}
    skipped = {domain.name: domain.skipped for domain in domains}
    return WrittenFeatures(out / PAGE, out / TABLES, out / FIGURES, images, skipped)


def _read(name: str, path: Path, settings: FeatureSettings, begin: Begin) -> ImageSet:
    def watch(records: Sequence[Record]) -> Iterable[Record]:
        advance = begin(f"Reading {name}", len(records))
        for record in records:
            yield record
            advance(1)

    return read_image_set(name, path, limit=settings.limit, seed=settings.seed, watch=watch)


def _collect(
    networks: Sequence[ComparedNetwork],
    domains: Sequence[ImageSet],
    folder: Path,
    settings: FeatureSettings,
    begin: Begin,
) -> Files:
    """Run each network over each domain, unless an earlier run has kept what is needed."""
    files = {}
    for network in networks:
        for domain in domains:
            path = folder / name_collection(network, domain, settings.seed, settings.precision)
            files[network.label, domain.name] = path
            remove_leftovers([path])
            advance = begin(f"{network.label} on {domain.name}", len(domain.records))
            if settings.resume and load_collection(path) is not None:
                advance(len(domain.records))
                continue
            kept = collect_features(
                network,
                domain,
                seed=settings.seed,
                device=settings.device,
                precision=settings.precision,
                advance=advance,
            )
            save_collection(path, kept)
    return files


def _measure_units(
    networks: Sequence[ComparedNetwork],
    domains: Sequence[ImageSet],
    folder: Path,
    settings: FeatureSettings,
    begin: Begin,
) -> Effects:
    """Switch units of each network off, unless an earlier run has."""
    effects = {}
    advance = begin("Switching units off", len(networks))
    for network in networks:
        path = folder / name_effects(network, domains, settings.precision)
        found = load_effects(path) if settings.resume else None
        if found is None:
            found = dict(measure_effects(UnitRun(network, settings.device, settings.precision), domains))
            save_effects(path, found)
        effects[network.label] = found
        advance(1)
    return effects

"""From networks and domains to tables, figures and a page; what a pass has collected is kept in the output folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from monai_lungxfer.data.records import Record
from monai_lungxfer.features.analysis import Effects, analyse, choose_reference, list_chosen, load_whole
from monai_lungxfer.features.images import ImageSet, SkippedImage, read_image_set
from monai_lungxfer.features.jobs import CollectJob, JobRunner, UnitJob, do_here
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.page import FIGURES, PAGE, TABLES, write_page
from monai_lungxfer.features.patch_picture import PICTURE, write_patch_picture
from monai_lungxfer.features.similarity import Files
from monai_lungxfer.features.store import FOLDER, load_collection, load_effects, name_collection, name_effects
from monai_lungxfer.features.summaries import list_metrics
from monai_lungxfer.study.execution.tracked_report import Track, track_nothing
from monai_lungxfer.utils.errors import LungXferError, OutputError
from monai_lungxfer.utils.files import remove_leftovers
from monai_lungxfer.utils.locks import lock_output
from monai_lungxfer.utils.progress import Begin, begin_silently


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
    patches_picture : bool
        Whether the picture of nearest patches is made, which shows parts of images.
    """

    limit: int | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    resume: bool = False
    overwrite: bool = False
    reference: str | None = None
    patches_picture: bool = False


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
    begin: Begin = begin_silently,
    run: JobRunner = do_here,
    track: Track = track_nothing,
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
        Shows progress, see `monai_lungxfer.utils.progress.Begin`.
    run : callable
        Does the work of networks; `monai_lungxfer.features.jobs.RayJobs` spreads it over a cluster.
    track : callable
        Logs the report, such as `monai_lungxfer.study.execution.tracked_report.ReportTracker`.

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
    with lock_output(out), track(out) as log:
        domains = [_read(name, path, settings, begin) for name, path in data.items()]
        files, collecting = _plan_collecting(networks, domains, out / FOLDER, settings)
        run(collecting, begin)
        effects, units = _plan_units(networks, domains, files, out / FOLDER, settings)
        run(units, begin)
        advance = begin("Comparing", 2)
        analysis = analyse(
            networks, domains, files, _load(effects), seed=settings.seed, reference=reference, folder=out / TABLES
        )
        advance(1)
        log(list_metrics(analysis), write_page(analysis, networks, out))
        picture = out / FIGURES / PICTURE
        picture.unlink(missing_ok=True)  # that of an earlier run: nobody asked for it now
        if settings.patches_picture:
            last = [network for network in networks if network.weights is not None][-1]
            kept = {domain.name: load_whole(files[last.label, domain.name]) for domain in domains}
            write_patch_picture(picture, last, kept, domains)
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


def _plan_collecting(
    networks: Sequence[ComparedNetwork], domains: Sequence[ImageSet], folder: Path, settings: FeatureSettings
) -> tuple[Files, list[CollectJob]]:
    """Return where each network's features of each domain belong, and the jobs for those that are not there."""
    files: dict[tuple[str, str], Path] = {}
    jobs: list[CollectJob] = []
    for domain in domains:
        paths = {
            network.label: folder / name_collection(network, domain, settings.seed, settings.precision)
            for network in networks
        }
        files |= {(label, domain.name): path for label, path in paths.items()}
        there = [label for label, path in paths.items() if settings.resume and load_collection(path) is not None]
        left = tuple(network for network in networks if network.label not in there)
        if left:
            jobs.append(CollectJob(left, domain, paths, settings.seed, settings.device, settings.precision))
    remove_leftovers(files.values())
    return files, jobs


def _plan_units(
    networks: Sequence[ComparedNetwork],
    domains: Sequence[ImageSet],
    files: Files,
    folder: Path,
    settings: FeatureSettings,
) -> tuple[dict[str, Path], list[UnitJob]]:
    """Return where each network's effects of units belong, and the jobs for those that are not there.

    Units that respond to objects are switched off, too; these are known from what was collected.
    """
    paths, jobs = {}, []
    for network in networks:
        path = folder / name_effects(network, domains, settings.precision, settings.seed)
        paths[network.label] = path
        if not settings.resume or load_effects(path) is None:
            more = list_chosen({domain.name: files[network.label, domain.name] for domain in domains}, domains)
            jobs.append(UnitJob(network, tuple(domains), path, settings.device, settings.precision, tuple(more)))
    return paths, jobs


def _load(paths: Mapping[str, Path]) -> Effects:
    effects = {label: load_effects(path) for label, path in paths.items()}
    gone = [path for label, path in paths.items() if effects[label] is None]
    if gone:
        raise LungXferError("has gone while it was needed", source=gone[0], remedy="Run the same command again")
    return {label: found for label, found in effects.items() if found is not None}

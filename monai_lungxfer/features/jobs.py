"""Parts of the work that depend on nothing but themselves: in this process, or spread over a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from monai_lungxfer.features.collect import collect_features
from monai_lungxfer.features.images import ImageSet
from monai_lungxfer.features.networks import ComparedNetwork
from monai_lungxfer.features.store import save_collection, save_effects
from monai_lungxfer.features.units import Unit, UnitRun, measure_effects
from monai_lungxfer.inference.ray_workers import Share, spread_tasks
from monai_lungxfer.utils.errors import ClusterError, LungXferError
from monai_lungxfer.utils.log_redaction import withhold_library_messages
from monai_lungxfer.utils.progress import Advance, Begin


class FeatureJob(Protocol):
    """A part of the work, which writes what it finds into files."""

    @property
    def what(self) -> str:
        """What a progress bar calls it."""

    @property
    def steps(self) -> int:
        """How many steps it has."""

    def split(self) -> Iterator[FeatureJob]:
        """Yield the parts that may be done in different places."""

    def do(self, advance: Advance) -> None:
        """Do it; `advance` is told of steps."""


@dataclass(frozen=True)
class CollectJob:
    """Networks on the images of a domain, see `monai_lungxfer.features.collect.collect_features`.

    Attributes
    ----------
    paths : mapping of str to pathlib.Path
        The file of each network, by its label.
    """

    networks: tuple[ComparedNetwork, ...]
    images: ImageSet
    paths: Mapping[str, Path]
    seed: int
    device: str
    precision: str

    @property
    def what(self) -> str:
        """The networks and the domain."""
        return f"{', '.join(network.label for network in self.networks)} on {self.images.name}"

    @property
    def steps(self) -> int:
        """Images, each once for every network."""
        return len(self.networks) * len(self.images.records)

    def split(self) -> Iterator[CollectJob]:
        """Yield a job for each network."""
        return (replace(self, networks=(network,)) for network in self.networks)

    def do(self, advance: Advance) -> None:
        """Write a file for each network."""
        how: dict[str, Any] = {"seed": self.seed, "device": self.device, "precision": self.precision}
        for label, kept in collect_features(self.networks, self.images, advance=advance, **how):
            save_collection(self.paths[label], kept)


@dataclass(frozen=True)
class UnitJob:
    """The units of a network in all domains, see `monai_lungxfer.features.units.measure_effects`.

    Attributes
    ----------
    more : tuple of Unit
        Units to switch off besides those that matter most.
    """

    network: ComparedNetwork
    domains: tuple[ImageSet, ...]
    path: Path
    device: str
    precision: str
    more: tuple[Unit, ...] = ()
    steps: int = 1

    @property
    def what(self) -> str:
        """What is done to which network."""
        return f"Units of {self.network.label}"

    def split(self) -> Iterator[UnitJob]:
        """Yield the job itself."""
        yield self

    def do(self, advance: Advance) -> None:
        """Write the file."""
        run = UnitRun(self.network, self.device, self.precision)
        save_effects(self.path, dict(measure_effects(run, self.domains, self.more)))
        advance(1)


JobRunner = Callable[[Sequence[FeatureJob], Begin], None]
"""Does jobs, in any order, and shows how far they are."""


def do_here(jobs: Sequence[FeatureJob], begin: Begin) -> None:
    """Do jobs one after the other in this process."""
    for job in jobs:
        job.do(begin(job.what, job.steps))


@dataclass(frozen=True)
class RayJobs:
    """Does jobs on a Ray cluster, a task for each network and domain.

    All machines must see images, weights and the output folder under the same paths. A job whose worker was lost is
    given to another one.

    Attributes
    ----------
    ray : module
        Ray, connected, see `monai_lungxfer.utils.extras.connected`.
    """

    ray: Any

    def __call__(self, jobs: Sequence[FeatureJob], begin: Begin) -> None:
        """Do the jobs; raises `ClusterError` when one has lost its workers too often."""
        parts = [part for job in jobs for part in job.split()]
        if not parts:
            return
        advance = begin("On the cluster", sum(part.steps for part in parts))
        shares = [Share([part]) for part in parts]
        for steps in spread_tasks(self.ray, _JobWorker, (), shares, _give_up, takes_gpus=True, what="parts"):
            advance(steps)


def _give_up(job: FeatureJob, how: str) -> int:
    raise ClusterError(f"{job.what}: the worker was ended ({how})", remedy="Look whether it has enough memory")


class _JobWorker:
    """Does jobs in a process of its own."""

    def __init__(self) -> None:
        withhold_library_messages()  # Ray keeps what its workers write

    def ready(self) -> None:
        """Tell, by being called, that the worker is there."""

    def work(self, jobs: Sequence[FeatureJob]) -> list[int] | LungXferError:
        """Do jobs, and return their steps; an error is returned, since Ray would wrap what is raised."""
        try:
            for job in jobs:
                job.do(lambda _: None)
        except LungXferError as error:
            return error
        return [job.steps for job in jobs]

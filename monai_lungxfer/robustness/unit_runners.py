"""What measures the units of a trial: this process, or workers on a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from monai_lungxfer.bundle.files import bundle_path
from monai_lungxfer.bundle.references import absolute_reference
from monai_lungxfer.data.records import Record
from monai_lungxfer.inference.ray_workers import Share, spread_tasks
from monai_lungxfer.inference.segmenter import DEFAULT_BUNDLE, Segmenter
from monai_lungxfer.robustness.design import Design
from monai_lungxfer.robustness.measuring import measure_image
from monai_lungxfer.utils.errors import BundleError, InputFileError, LungXferError
from monai_lungxfer.utils.log_redaction import withhold_library_messages
from monai_lungxfer.utils.memory import is_out_of_memory, too_large


@dataclass(frozen=True)
class TrialUnit:
    """An image under a set of weights: its number in the trial, and what the weights are called in results."""

    number: int
    label: str
    record: Record
    name: str
    patient: int


@dataclass(frozen=True)
class UnitModel:
    """How the weights of units are loaded.

    Attributes
    ----------
    reference : str
        What a user calls the weights.
    device, threads, engine
        As for `monai_lungxfer.inference.segmenter.Segmenter.from_bundle`.
    """

    reference: str
    device: str = "auto"
    threads: int | None = None
    engine: str = "auto"

    def load(self) -> Segmenter:
        """Load weights with the bundle that they are named by; others than a bundle's with the default bundle.

        The network computes in float32, so that weights are compared and not number formats.
        """
        how: dict[str, Any] = {"device": self.device, "threads": self.threads, "engine": self.engine}
        how["overrides"] = {"precision": "float32"}
        try:
            folder = bundle_path(self.reference)
        except BundleError:
            return Segmenter.from_bundle(DEFAULT_BUNDLE, weights=self.reference, **how)
        return Segmenter.from_bundle(folder, **how)


class MeasuredUnit(NamedTuple):
    """The number of a unit, and what `measure_image` found, or why it was skipped."""

    number: int
    found: dict[str, Any] | InputFileError


UnitRunner = Callable[[UnitModel, Segmenter, Sequence[TrialUnit], Design], Iterator[MeasuredUnit]]
"""Measures units of one set of weights, which is given loaded and as it was loaded, in any order."""


def measure_here(
    model: UnitModel,  # noqa: ARG001 - what other runners need
    segmenter: Segmenter,
    units: Sequence[TrialUnit],
    design: Design,
) -> Iterator[MeasuredUnit]:
    """Measure units one after the other in this process."""
    for unit in units:
        yield MeasuredUnit(unit.number, _measure(segmenter, unit, design))


def _measure(segmenter: Segmenter, unit: TrialUnit, design: Design) -> dict[str, Any] | InputFileError:
    """Measure a unit, or return why its image is skipped; what is no image's fault is raised."""
    try:
        return measure_image(segmenter, unit.record, unit.name, design)
    except InputFileError as error:
        return error
    except Exception as error:
        if is_out_of_memory(error):
            return too_large(None)
        raise


@dataclass(frozen=True)
class RayUnits:
    """Measures units on a Ray cluster, whose workers each load the weights once and get one unit at a time.

    All machines must see images and weights under the same paths. A unit whose worker was lost is given to another
    one; one that ends its workers is skipped.

    Attributes
    ----------
    ray : module
        Ray, connected, see `monai_lungxfer.utils.extras.connected`.
    """

    ray: Any

    def __call__(
        self, model: UnitModel, segmenter: Segmenter, units: Sequence[TrialUnit], design: Design
    ) -> Iterator[MeasuredUnit]:
        """Yield units as they end; raises `ClusterError` when machines of the cluster were lost too often."""
        if not units:
            return
        anywhere = replace(model, reference=absolute_reference(model.reference, Path.cwd()))
        shares = [Share([unit]) for unit in units]
        takes_gpus = segmenter.engine.takes_batches
        arguments = (anywhere, design)
        yield from spread_tasks(
            self.ray, _UnitWorker, arguments, shares, _give_up, takes_gpus=takes_gpus, what="measurements"
        )


def _give_up(unit: TrialUnit, how: str) -> MeasuredUnit:
    problem = f"the process that worked on it alone was ended ({how})"
    return MeasuredUnit(unit.number, InputFileError(problem, remedy="Look whether workers have enough memory"))


class _UnitWorker:
    """Measures units in a process of its own."""

    def __init__(self, model: UnitModel, design: Design) -> None:
        withhold_library_messages()  # Ray keeps what its workers write
        self.segmenter = model.load()
        self.design = design

    def ready(self) -> None:
        """Tell, by being called, that the weights are loaded."""

    def work(self, units: Sequence[TrialUnit]) -> list[MeasuredUnit] | LungXferError:
        """Measure units; an error that is no image's fault is returned, since Ray would wrap what is raised."""
        try:
            return [MeasuredUnit(unit.number, _measure(self.segmenter, unit, self.design)) for unit in units]
        except LungXferError as error:
            return error
